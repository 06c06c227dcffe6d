"""What the policies of buckets and access points allow, and that they demand TLS."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from policies.aws.broad_grants import broad_actions, broad_principals, judged
from policies.aws.policy_document import Document, Statement, read, texts
from policies.aws.s3.setting import Setting
from policies.aws.s3.types import ACCESS_POLICIES, BUCKET_POLICY, S3_ARN
from policies.resource import Resource
from policies.rule import Finding, Options, Scope, Severity
from policies.values import entries, is_unset


def _policy(resource: Resource, scope: Scope[Options]) -> Iterator[Finding]:
    path = ACCESS_POLICIES.get(resource.type, "policy")
    value = resource.get(path)
    # A bucket and an access point may have no policy in themselves.
    if resource.type != BUCKET_POLICY and is_unset(value):
        return
    document = read(path, value)
    yield from judged(document, broad_principals, broad_actions)
    # An access point's requests are the bucket's too: its policy has the last word on how they come.
    if resource.type not in ACCESS_POLICIES and not document.problems and not _demands_tls(resource, document):
        yield Finding(
            path,
            value,
            "a statement that denies everybody s3:* on the bucket's ARN and on all below it (/*) where "
            "aws:SecureTransport is false, and on no further condition",
        )


def _demands_tls(resource: Resource, document: Document) -> bool:
    if document.partial or any(statement.may_deny for statement in document.statements):
        return True
    names: set[str] = set()
    for statement in document.statements:
        if _denies_plain_http(statement):
            for _, text, _ in texts("", statement.get("resource")):
                if text == "*":
                    return True
                if text and (match := S3_ARN.fullmatch(text)):
                    names.add(match[1])
    bucket = resource.get("bucket")
    if isinstance(bucket, str) and bucket:
        return _covers(names, bucket)
    # The bucket's name is known only at `up`: it is the one that the ARNs name.
    return any(_covers(names, name.removesuffix("/*").removesuffix("*")) for name in names)


def _covers(names: set[str], bucket: str) -> bool:
    return not names.isdisjoint({"*", bucket, f"{bucket}*"}) and not names.isdisjoint(
        {"*", "*/*", f"{bucket}*", f"{bucket}/*"}
    )


def _denies_plain_http(statement: Statement) -> bool:
    return (
        statement.get("effect") == "Deny"
        and _is_everybody(statement.get("principal"))
        and any(text and text.lower() in ("*", "s3:*") for _, text, _ in texts("", statement.get("action")))
        and _is_plain_http(statement.get("condition"))
    )


def _is_everybody(principal: object) -> bool:
    named = entries(principal).get("AWS") if isinstance(principal, dict) else principal
    return any(text == "*" for _, text, _ in texts("", named))


def _is_plain_http(condition: object) -> bool:
    # Conditions add up: any further one would make an exception.
    operators = _content(condition)
    if len(operators) != 1 or next(iter(operators)).lower() not in ("bool", "boolifexists"):
        return False
    keys = _content(next(iter(operators.values())))
    if len(keys) != 1 or next(iter(keys)).lower() != "aws:securetransport":
        return False
    wanted = next(iter(keys.values()))
    values = wanted if isinstance(wanted, list) else [wanted]
    return bool(values) and all(
        value is False or (isinstance(value, str) and value.lower() == "false") for value in values
    )


def _content(value: object) -> dict[str, Any]:
    return {name: item for name, item in entries(value).items() if not name.startswith("__")}


SETTING: Final = Setting(
    name="POL",
    types=(BUCKET_POLICY,),
    properties=("bucket", "policy"),
    bucket_properties=("bucket", "policy"),
    also={type_: (path.partition(".")[0],) for type_, path in ACCESS_POLICIES.items()},
)

RULES = (
    SETTING.rule(
        _policy,
        title="Bucket policies demand TLS and name whom they let in",
        severity=Severity.CRITICAL,
        sources=("CIS AWS 3.0, 2.1.1", "CKV_AWS_70", "CKV_AWS_283", "CKV_AWS_379"),
        why="Without the denial, requests in plain HTTP show keys and data to everybody on the way; an allowed "
        "wildcard lets in the whole world, or lets somebody do everything.",
        fix='Deny Principal "*" Action "s3:*" on the bucket\'s ARN and ARN/* with Condition {"Bool": '
        '{"aws:SecureTransport": "false"}}, and allow only named principals named actions.',
    ),
)

COMPANION = SETTING.companion(
    title="Every bucket has a policy that demands TLS",
    severity=Severity.HIGH,
    sources=("CIS AWS 3.0, 2.1.1", "CKV_AWS_379"),
    why="A bucket without a policy answers requests in plain HTTP.",
)
