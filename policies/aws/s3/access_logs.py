"""Access to buckets is logged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set

from policies.aws.s3.setting import unserved
from policies.aws.s3.types import BUCKETS, LOGGING
from policies.resource import Resource
from policies.rule import Finding, Level, Options, Rule, Scope, Severity
from policies.values import UNKNOWN, flag, is_unset


def _logging(resources: Sequence[Resource], scope: Scope[Options]) -> Iterator[Finding]:
    locked = {
        name
        for resource in resources
        if resource.type in BUCKETS
        and flag(resource.get("objectLockEnabled"))
        and isinstance(name := resource.get("bucket"), str)
    }
    logging = [resource for resource in resources if resource.type in LOGGING and _delivers(resource, locked)]
    targets: set[str] = set()
    for each in logging:
        target = each.get("targetBucket")
        if isinstance(target, str):
            targets.add(target)
        elif target is UNKNOWN:
            targets |= set(each.dependencies.get("targetBucket", ()))
    buckets = [resource for resource in resources if resource.type in BUCKETS]
    for bucket in unserved([*buckets, *logging], LOGGING):
        name = bucket.get("bucket")
        # Somewhere the logs of the logs have to end.
        if bucket.urn not in targets and not (isinstance(name, str) and name in targets):
            yield Finding(
                "bucket", name, "a BucketLogging that logs into another bucket, without Object Lock", bucket.urn
            )


def _delivers(logging: Resource, locked: Set[str]) -> bool:
    """Whether S3 writes the log: to another bucket, and to none of those with Object Lock."""
    target = logging.get("targetBucket")
    # A log that a bucket keeps of itself goes with it, and grows by being written.
    return target is UNKNOWN or not (
        is_unset(target) or target == logging.get("bucket") or (isinstance(target, str) and target in locked)
    )


RULES = (
    Rule(
        id="S3-LOG",
        title="Access to buckets is logged",
        level=Level.ADVISORY,
        severity=Severity.LOW,
        sources=("CKV_AWS_18", "AVD-AWS-0089"),
        reads={
            **dict.fromkeys(BUCKETS, ("bucket", "objectLockEnabled")),
            **dict.fromkeys(LOGGING, ("bucket", "targetBucket")),
        },
        why="Without a log nobody can tell afterwards who read or deleted a backup.",
        fix="Add a BucketLogging for the bucket, with another bucket as `targetBucket` that has no Object Lock: S3 "
        "delivers no log to one that has.",
        check_stack=_logging,
    ),
)
