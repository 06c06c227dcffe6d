"""Objects are encrypted at rest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from policies.aws.s3.expectations import expect, one_of
from policies.aws.s3.setting import Setting
from policies.aws.s3.types import ENCRYPTION
from policies.resource import Resource
from policies.rule import Finding, Options, Scope, Severity
from policies.values import is_unset, items, lookup

_ALGORITHM: Final = one_of("AES256", "aws:kms", "aws:kms:dsse")

#: Where a rule has its algorithm, and where the two types of bucket have it.
_OF_A_RULE: Final = "applyServerSideEncryptionByDefault.sseAlgorithm"
_OF_A_BUCKET: Final = {
    "serverSideEncryptionConfiguration": f"rule.{_OF_A_RULE}",
    "serverSideEncryptionConfigurations": "rules.applyServerSideEncryptionByDefaults.sseAlgorithm",
}


def _encryption(resource: Resource, scope: Scope[Options]) -> Iterator[Finding]:
    if resource.type in ENCRYPTION:
        rules = resource.get("rules")
        yield from expect("rules", rules, items, "one rule that encrypts")
        found = [(f"rules[{index}].{_OF_A_RULE}", lookup(item, _OF_A_RULE)) for index, item in items(rules)]
    else:
        found = [
            (f"{name}.{path}", resource.get(f"{name}.{path}"))
            for name, path in _OF_A_BUCKET.items()
            if not is_unset(resource.get(name))
        ]
    for path, algorithm in found:
        yield from expect(path, algorithm, _ALGORITHM, "AES256, aws:kms or aws:kms:dsse")


SETTING: Final = Setting(name="SSE", types=ENCRYPTION, properties=("rules",), bucket_properties=tuple(_OF_A_BUCKET))

RULES = (
    SETTING.rule(
        _encryption,
        title="Objects are encrypted at rest",
        severity=Severity.HIGH,
        sources=("CKV_AWS_19", "AVD-AWS-0088"),
        why="Encryption at rest keeps who gets at the disks, or at a copy of them, from reading backups.",
        fix="Set `sseAlgorithm` to AES256, or to aws:kms with a key of your own.",
    ),
)

COMPANION = SETTING.companion(
    title="Every bucket says how it encrypts",
    severity=Severity.HIGH,
    sources=("CKV_AWS_19",),
    why="What isn't written down changes unseen: a bucket that says nothing takes what its account happens to have.",
)
