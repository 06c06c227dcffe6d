"""Public access is blocked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from policies.aws.s3.public_access import BLOCKS
from policies.aws.s3.types import (
    ACCESS_POINT,
    ACCOUNT_PUBLIC_ACCESS_BLOCK,
    MULTI_REGION_ACCESS_POINT,
    PUBLIC_ACCESS_BLOCK,
)
from policies.resource import Resource
from policies.values import UNKNOWN
from tests.policies.cases import Case, of_each_rule, run_all
from tests.policies.compliant import UNSET
from tests.policies.compliant_aws import aws

ALL_ON = dict.fromkeys(BLOCKS, True)


def block(**changes: Any) -> Resource:
    return aws(PUBLIC_ACCESS_BLOCK, changes)


PAB = (
    Case("S3-PAB", "passing", "all four on", (block(),)),
    Case("S3-PAB", "passing", "as texts", (block(**dict.fromkeys(BLOCKS, "true")),)),
    Case("S3-PAB", "passing", "the account's", (aws(ACCOUNT_PUBLIC_ACCESS_BLOCK, ALL_ON),)),
    Case("S3-PAB", "passing", "an access point that leaves them on", (aws(ACCESS_POINT),)),
    Case(
        "S3-PAB",
        "passing",
        "an access point that sets one",
        (aws(ACCESS_POINT, {"publicAccessBlockConfiguration": {"blockPublicAcls": True}}),),
    ),
    *(Case("S3-PAB", "failing", f"{name} off", (block(**{name: False}),), (name,)) for name in BLOCKS),
    *(Case("S3-PAB", "bypass", f"{name} left out", (block(**{name: UNSET}),), (name,)) for name in BLOCKS),
    Case("S3-PAB", "bypass", "nothing but a bucket", (block(**dict.fromkeys(BLOCKS, UNSET)),), BLOCKS),
    Case("S3-PAB", "bypass", "false as text", (block(blockPublicAcls="F"),), ("blockPublicAcls",)),
    Case("S3-PAB", "bypass", "a zero", (block(blockPublicAcls=0.0),), ("blockPublicAcls",)),
    Case("S3-PAB", "bypass", "null", (block(ignorePublicAcls=None),), ("ignorePublicAcls",)),
    Case("S3-PAB", "bypass", "nonsense", (block(ignorePublicAcls="yes"),), ("ignorePublicAcls",)),
    Case("S3-PAB", "bypass", "a list", (block(blockPublicPolicy=[True]),), ("blockPublicPolicy",)),
    Case(
        "S3-PAB",
        "bypass",
        "the account's with one off",
        (aws(ACCOUNT_PUBLIC_ACCESS_BLOCK, {**ALL_ON, "restrictPublicBuckets": False}),),
        ("restrictPublicBuckets",),
    ),
    Case(
        "S3-PAB",
        "bypass",
        "around it through an access point",
        (aws(ACCESS_POINT, {"publicAccessBlockConfiguration": {"blockPublicPolicy": "false"}}),),
        ("publicAccessBlockConfiguration.blockPublicPolicy",),
    ),
    Case(
        "S3-PAB",
        "bypass",
        "around it through an access point of many regions",
        (aws(MULTI_REGION_ACCESS_POINT, {"details": [{"publicAccessBlock": {"ignorePublicAcls": False}}]}),),
        ("details.publicAccessBlock.ignorePublicAcls",),
    ),
    Case("S3-PAB", "unknown", "unknown", (block(blockPublicAcls=UNKNOWN),)),
    Case(
        "S3-PAB",
        "unknown",
        "one known to be off",
        (block(blockPublicAcls=UNKNOWN, blockPublicPolicy=False),),
        ("blockPublicPolicy",),
    ),
    Case("S3-PAB", "unknown", "an access point", (aws(ACCESS_POINT, {"publicAccessBlockConfiguration": UNKNOWN}),)),
)


CASES = PAB


@of_each_rule(CASES)
def test_cases(cases: Sequence[Case]) -> None:
    run_all(cases)
