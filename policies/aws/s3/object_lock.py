"""Objects are locked for a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Final

from policies.aws.iam import POLICIES, ROLE, identity_policies
from policies.aws.policy_document import Statement, read, texts
from policies.aws.s3.expectations import Days, expect, one_of, unset_or
from policies.aws.s3.setting import missing
from policies.aws.s3.types import BUCKET_POLICY, BUCKETS, OBJECT_LOCK, S3_ARN, WITHOUT_LOCK
from policies.limits import limit
from policies.resource import Resource
from policies.rule import Finding, Level, Options, Rule, Scope, Severity
from policies.values import UNKNOWN, entries, flag, is_unset, number

DAYS_OF_A_YEAR: Final = 365


class LockOptions(Options):
    """Options of S3-LOCK.

    `log_buckets`: names that the program gives to buckets of access logs: S3 delivers no log to a
    bucket with Object Lock. The default is that of this project's program.
    `min_retention_days`: how long an object is locked at least; as long as S3-LIFE keeps old versions.
    """

    log_buckets: tuple[str, ...] = ("logs",)
    min_retention_days: Days = limit("S3-LOCK", "minRetentionDays")


def _object_lock(resource: Resource, scope: Scope[LockOptions]) -> Iterator[Finding]:
    least = scope.options.min_retention_days
    if resource.type in OBJECT_LOCK:
        enabled = resource.get("objectLockEnabled")
        yield from expect("objectLockEnabled", enabled, unset_or(one_of("Enabled")), "Enabled or unset")
        yield from _retention(resource, "rule.defaultRetention", least)
        return
    if resource.type in WITHOUT_LOCK:
        if scope.level is Level.MANDATORY:
            yield Finding("", resource.type, f"a {BUCKETS[0]}, which can lock its objects")
        return
    if resource.name in scope.options.log_buckets:
        return
    # What is lost with a stack for tests is no harm, and a lock is paid for until its last day.
    if scope.level is Level.MANDATORY:
        yield from expect("objectLockEnabled", resource.get("objectLockEnabled"), flag, "true")
    for name, path in (("rule", "rule.defaultRetention"), ("rules", "rules.defaultRetentions")):
        if not is_unset(resource.get(f"objectLockConfiguration.{name}")):
            yield from _retention(resource, f"objectLockConfiguration.{path}", least)


def _retention(resource: Resource, path: str, least: int) -> Iterator[Finding]:
    mode = resource.get(f"{path}.mode")
    yield from expect(f"{path}.mode", mode, one_of("COMPLIANCE", "GOVERNANCE"), "COMPLIANCE or GOVERNANCE")
    days, years = resource.get(f"{path}.days"), resource.get(f"{path}.years")
    if UNKNOWN not in (days, years) and (number(days) or 0) + DAYS_OF_A_YEAR * (number(years) or 0) < least:
        yield Finding(f"{path}.days", days, f"{least} or more, or `years`")


RULES = (
    Rule(
        id="S3-LOCK",
        title="Objects are locked for a time",
        level=Level.ADVISORY,
        production_level=Level.MANDATORY,
        severity=Severity.HIGH,
        sources=("CKV_AWS_143", "AWS Config s3-bucket-default-lock-enabled"),
        reads={
            **dict.fromkeys(BUCKETS, ("objectLockEnabled", "objectLockConfiguration")),
            **dict.fromkeys(OBJECT_LOCK, ("objectLockEnabled", "rule")),
            **dict.fromkeys(WITHOUT_LOCK, ()),
        },
        why="Whoever holds the credentials that write backups can delete them too, versions included, unless S3 "
        "itself refuses.",
        fix="Set `objectLockEnabled` to true, and a default retention with a `mode` and `days` in a "
        "BucketObjectLockConfiguration. Name buckets of access logs in the option `logBuckets`.",
        check=_object_lock,
        options=LockOptions,
    ),
)


def _locked(resources: Sequence[Resource], scope: Scope[Options]) -> Iterator[Finding]:
    # Whether a bucket has to have Object Lock at all is for S3-LOCK to say.
    lockable = [each for each in resources if each.type not in BUCKETS or flag(each.get("objectLockEnabled"))]
    yield from missing(lockable, scope, types=OBJECT_LOCK, allowed="a BucketObjectLockConfiguration for the bucket")
    # S3-LOCK lets a bucket be without one for its name alone.
    if scope.level is Level.MANDATORY:
        writes = [each for resource in resources for each in _statements(resource) if _writes(each)]
        for bucket in resources:
            switch, name = bucket.get("objectLockEnabled"), bucket.get("bucket")
            is_unlocked = bucket.type in BUCKETS and switch is not UNKNOWN and not flag(switch)
            if is_unlocked and isinstance(name, str) and any(_is_about(each, name) for each in writes):
                allowed = "true for a bucket that more than services of AWS may write to"
                yield Finding("objectLockEnabled", switch, allowed, bucket.urn)


def _statements(resource: Resource) -> Iterator[Statement]:
    """What a policy of a bucket or of an identity grants."""
    policies = [("policy", resource.get("policy"))] if resource.type == BUCKET_POLICY else identity_policies(resource)
    for path, policy in policies:
        yield from (each for each in read(path, policy).statements if each.grants)


def _writes(statement: Statement) -> bool:
    """Whether a statement lets more than services of AWS write objects."""
    kinds = {name for name in entries(statement.get("principal")) if not name.startswith("__")}
    return kinds != {"Service"} and any(
        fnmatchcase("s3:putobject", (text or "").lower()) for _, text, _ in texts("", statement.get("action"))
    )


def _is_about(statement: Statement, bucket: str) -> bool:
    """Whether a statement is about a bucket or its objects."""
    return any(
        text == "*" or ((match := S3_ARN.fullmatch(text or "")) and fnmatchcase(bucket, match[1].partition("/")[0]))
        for _, text, _ in texts("", statement.get("resource"))
    )


COMPANION = Rule(
    id="STACK-S3-LOCK",
    title="Every bucket with Object Lock has a default retention, and one without it has logs of AWS alone",
    level=Level.ADVISORY,
    production_level=Level.MANDATORY,
    severity=Severity.HIGH,
    sources=("CKV_AWS_143", "AWS Config s3-bucket-default-lock-enabled"),
    reads={
        **dict.fromkeys(BUCKETS, ("bucket", "objectLockEnabled")),
        **dict.fromkeys(OBJECT_LOCK, ("bucket",)),
        **dict.fromkeys((BUCKET_POLICY, *POLICIES), ("policy",)),
        ROLE: ("inlinePolicies",),
    },
    why="Object Lock alone locks nothing: without a default retention each writer decides for itself. A bucket "
    "of access logs needs none only as long as no identity can write backups to it.",
    fix="Add a BucketObjectLockConfiguration with `bucket` set to this bucket's `id`; S3-LOCK says what has to "
    "be in it. To a bucket of logs, allow `s3:PutObject` to services of AWS, such as logging.s3.amazonaws.com.",
    check_stack=_locked,
)
