"""Objects are encrypted at rest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from policies.aws.s3.types import BUCKETS, ENCRYPTION
from policies.resource import Resource
from policies.values import UNKNOWN
from tests.policies.cases import Case, of_each_rule, run_all
from tests.policies.compliant import UNSET
from tests.policies.compliant_aws import aws, bucket

SSE_PATH = "applyServerSideEncryptionByDefault.sseAlgorithm"


def encrypted(*algorithms: Any) -> tuple[Resource]:
    rules = [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": each}} for each in algorithms]
    return (aws(ENCRYPTION[0], {"rules": rules}),)


SSE = (
    Case("S3-SSE", "passing", "AES256", (aws(ENCRYPTION[0]),)),
    Case("S3-SSE", "passing", "KMS", encrypted("aws:kms")),
    Case("S3-SSE", "passing", "KMS twice", encrypted("aws:kms:dsse")),
    Case("S3-SSE", "passing", "a bucket that leaves it to its own resource", (bucket(),)),
    Case(
        "S3-SSE",
        "passing",
        "the older type",
        (aws(ENCRYPTION[1], {"rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "aws:kms"}}]}),),
    ),
    Case(
        "S3-SSE",
        "passing",
        "the bucket's own property",
        (
            bucket(
                {
                    "serverSideEncryptionConfiguration": {
                        "rule": {"applyServerSideEncryptionByDefault": {"sseAlgorithm": "aws:kms"}}
                    }
                }
            ),
        ),
    ),
    Case("S3-SSE", "failing", "no algorithm", encrypted("none"), (f"rules[0].{SSE_PATH}",)),
    Case("S3-SSE", "failing", "no rules", (aws(ENCRYPTION[0], {"rules": UNSET}),), ("rules",)),
    Case("S3-SSE", "bypass", "an empty list", (aws(ENCRYPTION[0], {"rules": []}),), ("rules",)),
    Case("S3-SSE", "bypass", "an empty rule", (aws(ENCRYPTION[0], {"rules": [{}]}),), (f"rules[0].{SSE_PATH}",)),
    Case(
        "S3-SSE",
        "bypass",
        "only a bucket key",
        (aws(ENCRYPTION[0], {"rules": [{"bucketKeyEnabled": True}]}),),
        (f"rules[0].{SSE_PATH}",),
    ),
    Case("S3-SSE", "bypass", "an empty text", encrypted(""), (f"rules[0].{SSE_PATH}",)),
    Case("S3-SSE", "bypass", "near the name", encrypted("AES256 "), (f"rules[0].{SSE_PATH}",)),
    Case("S3-SSE", "bypass", "a list of names", encrypted(["AES256"]), (f"rules[0].{SSE_PATH}",)),
    Case("S3-SSE", "bypass", "behind a good one", encrypted("AES256", "x"), (f"rules[1].{SSE_PATH}",)),
    Case(
        "S3-SSE",
        "bypass",
        "the older type",
        (aws(ENCRYPTION[1], {"rules": []}),),
        ("rules",),
    ),
    Case(
        "S3-SSE",
        "bypass",
        "the older bucket's own property",
        (
            aws(
                BUCKETS[1],
                {
                    "serverSideEncryptionConfigurations": [
                        {"rules": [{"applyServerSideEncryptionByDefaults": [{"sseAlgorithm": "x"}]}]}
                    ]
                },
            ),
        ),
        ("serverSideEncryptionConfigurations.rules.applyServerSideEncryptionByDefaults.sseAlgorithm",),
    ),
    Case("S3-SSE", "unknown", "the algorithm", encrypted(UNKNOWN)),
    Case("S3-SSE", "unknown", "the rules", (aws(ENCRYPTION[0], {"rules": UNKNOWN}),)),
    Case("S3-SSE", "unknown", "a rule", (aws(ENCRYPTION[0], {"rules": [UNKNOWN]}),)),
    Case("S3-SSE", "unknown", "one of two", encrypted(UNKNOWN, "x"), (f"rules[1].{SSE_PATH}",)),
)


CASES = SSE


@of_each_rule(CASES)
def test_cases(cases: Sequence[Case]) -> None:
    run_all(cases)
