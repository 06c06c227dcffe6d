"""Public access is blocked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from policies.aws.s3.expectations import expect, unset_or
from policies.aws.s3.setting import Setting
from policies.aws.s3.types import (
    ACCESS_POINT,
    ACCOUNT_PUBLIC_ACCESS_BLOCK,
    MULTI_REGION_ACCESS_POINT,
    PUBLIC_ACCESS_BLOCK,
)
from policies.resource import Resource
from policies.rule import Finding, Options, Scope, Severity
from policies.values import flag

#: The four ways in which public access is blocked.
BLOCKS: Final = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")

#: Where an access point has its own blocks; those that it doesn't set are on.
ACCESS_POINT_BLOCKS: Final = {
    ACCESS_POINT: "publicAccessBlockConfiguration",
    MULTI_REGION_ACCESS_POINT: "details.publicAccessBlock",
}


def _public_access_block(resource: Resource, scope: Scope[Options]) -> Iterator[Finding]:
    place = ACCESS_POINT_BLOCKS.get(resource.type)
    for name in BLOCKS:
        path = f"{place}.{name}" if place else name
        yield from expect(path, resource.get(path), unset_or(flag) if place else flag, "true")


SETTING: Final = Setting(
    name="PAB",
    types=(PUBLIC_ACCESS_BLOCK,),
    properties=BLOCKS,
    also={
        ACCOUNT_PUBLIC_ACCESS_BLOCK: BLOCKS,
        ACCESS_POINT: ("publicAccessBlockConfiguration",),
        MULTI_REGION_ACCESS_POINT: ("details",),
    },
)

RULES = (
    SETTING.rule(
        _public_access_block,
        title="Public access is blocked in all four ways",
        severity=Severity.CRITICAL,
        sources=("CIS AWS 3.0, 2.1.4", "CKV_AWS_53", "CKV_AWS_54", "CKV_AWS_55", "CKV_AWS_56"),
        why="Each of the four closes another way to make objects public by mistake; each that is left out stays open.",
        fix="Set `blockPublicAcls`, `blockPublicPolicy`, `ignorePublicAcls` and `restrictPublicBuckets` to true.",
    ),
)

COMPANION = SETTING.companion(
    title="Every bucket has its public access block",
    severity=Severity.CRITICAL,
    sources=("CIS AWS 3.0, 2.1.4", "CKV2_AWS_6"),
    why="A bucket without a block of its own is as open as the account's settings and its next policy make it.",
)
