"""Access to buckets is logged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from policies.aws.s3.types import BUCKETS, LOGGING
from policies.resource import Resource
from policies.values import UNKNOWN
from tests.policies.cases import Case, of_each_rule, run_all
from tests.policies.compliant_aws import BUCKET_NAME, BUCKET_URN, aws, bucket

LOGS = bucket({"bucket": "tasktracker-prod-logs", "objectLockEnabled": False}, name="logs")


def logging(**changes: Any) -> Resource:
    return aws(LOGGING[0], changes)


def logging_at_preview(*origins: str) -> Resource:
    return aws(LOGGING[0], {"bucket": UNKNOWN}, dependencies={"bucket": list(origins)})


LOG = (
    Case("S3-LOG", "passing", "logged into another", (bucket(), LOGS, logging())),
    Case("S3-LOG", "passing", "logged into one from elsewhere", (bucket(), logging())),
    Case(
        "S3-LOG",
        "passing",
        "the older types",
        (aws(BUCKETS[1], {"bucket": BUCKET_NAME}), aws(LOGGING[1], {"bucket": BUCKET_NAME, "targetBucket": "x"})),
    ),
    Case("S3-LOG", "failing", "not logged", (bucket(),), ("bucket",)),
    Case("S3-LOG", "failing", "another one is logged", (bucket({"bucket": "b"}), logging()), ("bucket",)),
    Case("S3-LOG", "bypass", "logged into itself", (bucket(), logging(targetBucket=BUCKET_NAME)), ("bucket",)),
    Case("S3-LOG", "bypass", "logged into no bucket", (bucket(), logging(targetBucket="")), ("bucket",)),
    Case(
        "S3-LOG",
        "bypass",
        "logged into one with Object Lock",
        (bucket(), bucket({"bucket": "tasktracker-prod-logs"}, name="logs"), logging()),
        ("bucket", "bucket"),
    ),
    Case("S3-LOG", "bypass", "logged nowhere", (bucket({"bucket": "a"}), logging(bucket="b")), ("bucket",)),
    Case("S3-LOG", "unknown", "which bucket", (bucket(), LOGS, logging_at_preview(BUCKET_URN))),
    Case("S3-LOG", "unknown", "which bucket at all", (bucket(), logging_at_preview())),
    Case(
        "S3-LOG",
        "unknown",
        "another bucket",
        (bucket(name="other"), bucket(), logging_at_preview(BUCKET_URN)),
        ("bucket",),
    ),
    Case(
        "S3-LOG",
        "unknown",
        "the target",
        (
            bucket(),
            bucket({"bucket": UNKNOWN}, name="logs"),
            aws(LOGGING[0], {"targetBucket": UNKNOWN}, dependencies={"targetBucket": [f"{BUCKET_URN[:-7]}logs"]}),
        ),
    ),
)


CASES = LOG


@of_each_rule(CASES)
def test_cases(cases: Sequence[Case]) -> None:
    run_all(cases)
