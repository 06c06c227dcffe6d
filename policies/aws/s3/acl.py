"""Access control lists are off."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from policies.aws.s3.expectations import expect, one_of, unset_or
from policies.aws.s3.setting import Setting
from policies.aws.s3.types import ACL, BUCKETS, LOGGING, OBJECT_COPY, OBJECTS, OWNERSHIP_CONTROLS
from policies.resource import Resource
from policies.rule import Finding, Options, Scope, Severity
from policies.values import is_unset

#: The ACLs that give nobody but the owner anything: of a bucket, and of an object.
BUCKET_ACLS: Final = ("private",)
OBJECT_ACLS: Final = ("private", "bucket-owner-full-control")


def _acl(resource: Resource, scope: Scope[Options]) -> Iterator[Finding]:
    if resource.type == OWNERSHIP_CONTROLS:
        path = "rule.objectOwnership"
        yield from expect(path, resource.get(path), one_of("BucketOwnerEnforced"), "BucketOwnerEnforced")
        return
    allowed = OBJECT_ACLS if resource.type in OBJECTS else BUCKET_ACLS
    yield from expect("acl", resource.get("acl"), unset_or(one_of(*allowed)), " or ".join((*allowed, "unset")))
    for name in ("accessControlPolicy", "grants", "targetGrants"):
        yield from expect(name, resource.get(name), is_unset, "unset")


SETTING: Final = Setting(
    name="ACL",
    types=(OWNERSHIP_CONTROLS,),
    properties=("rule",),
    also={
        **dict.fromkeys(ACL, ("acl", "accessControlPolicy")),
        **dict.fromkeys(BUCKETS, ("acl", "grants")),
        **dict.fromkeys(LOGGING, ("targetGrants",)),
        **dict.fromkeys(OBJECTS, ("acl",)),
        OBJECT_COPY: ("acl", "grants"),
    },
)

RULES = (
    SETTING.rule(
        _acl,
        title="No access control lists",
        severity=Severity.HIGH,
        sources=("CKV2_AWS_65", "CKV_AWS_20", "CKV_AWS_57", "AVD-AWS-0092"),
        why="An ACL on one object among millions makes it public or another account's, and no policy shows it.",
        fix="Set `rule.objectOwnership` to BucketOwnerEnforced, which turns ACLs off, and remove every ACL and grant; "
        "grant access in the bucket's policy.",
    ),
)

COMPANION = SETTING.companion(
    title="Every bucket has ownership controls",
    severity=Severity.HIGH,
    sources=("CKV2_AWS_65",),
    why="Ownership controls are what turns ACLs off; what is left to a default can be turned on again unseen.",
)
