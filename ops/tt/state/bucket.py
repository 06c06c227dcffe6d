"""What is asked of a bucket before a state is put into it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ops.tt.state.store import BucketStore, error_code

#: Whom an access control list calls everybody.
_EVERYBODY = ("/groups/global/AllUsers", "/groups/global/AuthenticatedUsers")

#: What it is called where no bucket has it: by AWS, and by services that have it for none.
_NONE = ("NoSuchBucketPolicy", "ServerSideEncryptionConfigurationNotFoundError")


@dataclass
class Findings:
    """What speaks against a bucket, and what could not be found out."""

    refusals: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    unversioned: str | None = None
    """Set if the bucket keeps no earlier versions: what to do."""


def examine(store: BucketStore) -> Findings:
    """Asks a bucket for its versioning, encryption, policy and access control list.

    Raises:
        UnreachableError: it does not answer, or refuses to be listed.
    """
    # With the same right that Pulumi needs first.
    store.keys(".pulumi/meta.yaml")
    found = Findings()
    if store.plain_http:
        found.warnings.append(
            "the connection is not encrypted: who is on the way can read the state, but for its secrets"
        )
    at = f" --endpoint-url {store.endpoint}" if store.endpoint else ""
    versioning = _ask(found, "versioned", "GetBucketVersioning", store, store.client.get_bucket_versioning)
    if versioning is not None and versioning.get("Status") != "Enabled":
        found.unversioned = (
            f"the bucket {store.bucket} keeps no earlier versions, from which a damaged state comes back: "
            f"`aws s3api put-bucket-versioning --bucket {store.bucket} "
            f"--versioning-configuration Status=Enabled{at}`"
        )
    encryption = _ask(found, "encrypted", "GetEncryptionConfiguration", store, store.client.get_bucket_encryption)
    if encryption is not None and not encryption.get("ServerSideEncryptionConfiguration"):
        found.warnings.append(
            f"the bucket {store.bucket} is not encrypted: all but the secrets of the state lies there in clear"
        )
    policy = _ask(found, "public by its policy", "GetBucketPolicyStatus", store, store.client.get_bucket_policy_status)
    if policy is not None and policy.get("PolicyStatus", {}).get("IsPublic"):
        found.refusals.append(
            f"the bucket {store.bucket} is public by its policy: `aws s3api put-public-access-block --bucket "
            f"{store.bucket} --public-access-block-configuration BlockPublicAcls=true,IgnorePublicAcls=true,"
            f"BlockPublicPolicy=true,RestrictPublicBuckets=true{at}`"
        )
    acl = _ask(found, "public by its access control list", "GetBucketAcl", store, store.client.get_bucket_acl)
    grantees = [str(each.get("Grantee", {}).get("URI", "")) for each in (acl or {}).get("Grants", ())]
    if any(grantee.endswith(_EVERYBODY) for grantee in grantees):
        found.refusals.append(
            f"the bucket {store.bucket} is public by its access control list: "
            f"`aws s3api put-bucket-acl --bucket {store.bucket} --acl private{at}`"
        )
    return found


def _ask(found: Findings, what: str, right: str, store: BucketStore, call: Callable[..., Any]) -> dict[str, Any] | None:
    """The answer of a service; empty where there is nothing of the kind, None where it can't be known."""
    from botocore.exceptions import ClientError  # noqa: PLC0415

    try:
        answer: dict[str, Any] = call(Bucket=store.bucket)
    except ClientError as error:
        code = error_code(error.response)
        if code in _NONE:
            return {}
        if code in ("AccessDenied", "403"):
            found.warnings.append(
                f"whether the bucket {store.bucket} is {what} is not known: it takes the right s3:{right}"
            )
        else:
            found.warnings.append(f"whether the bucket {store.bucket} is {what} is not known: its service says {code}")
        return None
    return answer
