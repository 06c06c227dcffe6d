"""Old versions of objects are kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from policies.aws.s3.expectations import expect, one_of
from policies.aws.s3.setting import Setting
from policies.aws.s3.types import VERSIONING
from policies.resource import Resource
from policies.rule import Finding, Options, Scope, Severity
from policies.values import flag, is_unset

SETTING: Final = Setting(
    name="VER",
    types=VERSIONING,
    properties=("versioningConfiguration",),
    bucket_properties=("versioning", "versionings"),
)


def _versioning(resource: Resource, scope: Scope[Options]) -> Iterator[Finding]:
    if resource.type in VERSIONING:
        path = "versioningConfiguration.status"
        yield from expect(path, resource.get(path), one_of("Enabled"), "Enabled")
        return
    for name in SETTING.bucket_properties:
        if not is_unset(resource.get(name)):
            yield from expect(f"{name}.enabled", resource.get(f"{name}.enabled"), flag, "true")


RULES = (
    SETTING.rule(
        _versioning,
        title="Versioning is on",
        severity=Severity.HIGH,
        sources=("CKV_AWS_21", "AVD-AWS-0090"),
        why="Without versions an object that was overwritten or deleted, by mistake or by an intruder, is gone.",
        fix="Set `versioningConfiguration.status` to Enabled.",
    ),
)

COMPANION = SETTING.companion(
    title="Every bucket has versioning",
    severity=Severity.HIGH,
    sources=("CKV_AWS_21",),
    why="In a bucket without versions an object that was overwritten or deleted is gone.",
)
