"""What is in a bucket lasts as long as it should and no longer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from policies.aws.s3.types import BUCKETS, LIFECYCLE
from policies.resource import Resource
from policies.values import UNKNOWN
from tests.policies.cases import Case, Kind, of_each_rule, rule_of, run, run_all
from tests.policies.compliant import UNSET
from tests.policies.compliant_aws import aws, bucket, changed

RULE: dict[str, Any] = {
    "id": "all",
    "status": "Enabled",
    "filter": {},
    "abortIncompleteMultipartUpload": {"daysAfterInitiation": 7.0},
    "noncurrentVersionExpiration": {"noncurrentDays": 35.0},
}


def lifecycle(*rules: Any, type_: str = LIFECYCLE[0]) -> tuple[Resource]:
    return (aws(type_, {"rules": list(rules)}),)


def with_(**changes: Any) -> dict[str, Any]:
    return changed(RULE, **changes)


def life(kind: Kind, what: str, resources: tuple[Resource], *found: str, **options: Any) -> Case:
    return Case("S3-LIFE", kind, what, resources, found, options)


TWO = ("rules", "rules")
ABORT_ONLY = with_(noncurrentVersionExpiration=None)
OLD_ONLY = with_(abortIncompleteMultipartUpload=None)

LIFE = (
    life("passing", "one rule", (aws(LIFECYCLE[0]),)),
    life("passing", "two rules", lifecycle(ABORT_ONLY, OLD_ONLY)),
    life("passing", "the older type", lifecycle(RULE, type_=LIFECYCLE[1])),
    life("passing", "an empty prefix", lifecycle(with_(filter={"prefix": ""}))),
    life("passing", "the older empty prefix", lifecycle(with_(filter=None, prefix=""))),
    life("passing", "no filter at all", lifecycle(with_(filter=None))),
    life("passing", "an empty conjunction", lifecycle(with_(filter={"and": {"prefix": "", "tags": {}}}))),
    life("passing", "numbers as texts", lifecycle(with_(noncurrentVersionExpiration={"noncurrentDays": "7"}))),
    life("passing", "objects expire late", lifecycle(with_(expiration={"days": 400.0}))),
    life("passing", "delete markers expire", lifecycle(with_(expiration={"expiredObjectDeleteMarker": True}))),
    life("passing", "a short rule that is off", lifecycle(RULE, with_(status="Disabled", expiration={"days": 1}))),
    life("passing", "a bucket that leaves it to its own resource", (bucket(),)),
    life(
        "passing",
        "a shorter time that was agreed on",
        lifecycle(with_(noncurrentVersionExpiration={"noncurrentDays": 3})),
        minRetentionDays=3,
    ),
    life("failing", "no abort", lifecycle(OLD_ONLY), "rules"),
    life("failing", "old versions stay", lifecycle(ABORT_ONLY), "rules"),
    life(
        "failing",
        "old versions go at once",
        lifecycle(with_(noncurrentVersionExpiration={"noncurrentDays": 1})),
        "rules[0].noncurrentVersionExpiration.noncurrentDays",
    ),
    life("failing", "objects go at once", lifecycle(with_(expiration={"days": 1})), "rules[0].expiration.days"),
    life("failing", "no rules", (aws(LIFECYCLE[0], {"rules": UNSET}),), *TWO),
    life("bypass", "an empty list", lifecycle(), *TWO),
    life("bypass", "an empty rule", lifecycle({}), *TWO),
    life("bypass", "switched off", lifecycle(with_(status="Disabled")), *TWO),
    life("bypass", "no status", lifecycle(with_(status=None)), *TWO),
    life("bypass", "another case", lifecycle(with_(status="enabled")), *TWO),
    life("bypass", "under a prefix", lifecycle(with_(filter={"prefix": "tmp/"})), *TWO),
    life("bypass", "under the older prefix", lifecycle(with_(filter=None, prefix="tmp/")), *TWO),
    life("bypass", "for a tag", lifecycle(with_(filter={"tag": {"key": "a", "value": ""}})), *TWO),
    life("bypass", "under a prefix in a conjunction", lifecycle(with_(filter={"and": {"prefix": "a"}})), *TWO),
    life("bypass", "for tags in a conjunction", lifecycle(with_(filter={"and": {"tags": {"a": "b"}}})), *TWO),
    life("bypass", "for large objects", lifecycle(with_(filter={"objectSizeGreaterThan": 1.0})), *TWO),
    life("bypass", "for objects that are not empty", lifecycle(with_(filter={"objectSizeGreaterThan": 0.0})), *TWO),
    life("bypass", "a filter as a list", lifecycle(with_(filter=[{"prefix": "tmp/"}])), *TWO),
    life(
        "bypass",
        "aborts after years",
        lifecycle(with_(abortIncompleteMultipartUpload={"daysAfterInitiation": 3650})),
        "rules",
    ),
    life(
        "bypass",
        "aborts after nothing",
        lifecycle(with_(abortIncompleteMultipartUpload={"daysAfterInitiation": 0})),
        "rules",
    ),
    life("bypass", "an empty abort", lifecycle(with_(abortIncompleteMultipartUpload={})), "rules"),
    life(
        "bypass",
        "only a number of versions",
        lifecycle(with_(noncurrentVersionExpiration={"newerNoncurrentVersions": 3})),
        "rules",
    ),
    life(
        "bypass",
        "only objects expire, their versions stay",
        lifecycle(changed(ABORT_ONLY, expiration={"days": 30})),
        "rules",
    ),
    life(
        "bypass",
        "a day as text",
        lifecycle(with_(expiration={"days": "1"})),
        "rules[0].expiration.days",
    ),
    life("bypass", "no number", lifecycle(with_(expiration={"days": "soon"})), "rules[0].expiration.days"),
    life("bypass", "a negative number", lifecycle(with_(expiration={"days": -30})), "rules[0].expiration.days"),
    life(
        "bypass",
        "expires all from a date on",
        lifecycle(with_(expiration={"date": "2020-01-01T00:00:00Z"})),
        "rules[0].expiration.date",
    ),
    life(
        "bypass",
        "a second rule that undoes the first",
        lifecycle(RULE, {"id": "b", "status": "Enabled", "filter": {"prefix": "base/"}, "expiration": {"days": 2}}),
        "rules[1].expiration.days",
    ),
    life(
        "bypass",
        "the bucket's own list",
        (bucket({"lifecycleRules": [{"enabled": True, "expiration": {"days": 1}}]}),),
        "lifecycleRules",
        "lifecycleRules",
        "lifecycleRules[0].expiration.days",
    ),
    life(
        "bypass",
        "the older bucket's own list",
        (
            aws(
                BUCKETS[1],
                {
                    "lifecycleRules": [
                        {
                            "enabled": True,
                            "abortIncompleteMultipartUploadDays": 7,
                            "noncurrentVersionExpirations": [{"days": 1}],
                        }
                    ]
                },
            ),
        ),
        "lifecycleRules[0].noncurrentVersionExpirations.days",
    ),
    life("unknown", "the rules", (aws(LIFECYCLE[0], {"rules": UNKNOWN}),)),
    life("unknown", "a rule", lifecycle(UNKNOWN)),
    life("unknown", "the status", lifecycle(with_(status=UNKNOWN))),
    life("unknown", "the filter", lifecycle(with_(filter=UNKNOWN))),
    life("unknown", "the prefix", lifecycle(with_(filter={"prefix": UNKNOWN}))),
    life("unknown", "the days", lifecycle(with_(noncurrentVersionExpiration={"noncurrentDays": UNKNOWN}))),
    life("unknown", "the abort", lifecycle(with_(abortIncompleteMultipartUpload=UNKNOWN))),
    life("unknown", "one rule of two", lifecycle(UNKNOWN, with_(expiration={"days": 1})), "rules[1].expiration.days"),
)


@pytest.mark.parametrize("options", ['{"minRetentionDays": 0}', '{"maxAbortDays": -1}', '{"minRetentionDays": "7"}'])
def test_a_time_of_no_days_is_no_option(options: str) -> None:
    with pytest.raises(ValueError, match="validation error"):
        rule_of("S3-LIFE").options.model_validate_json(options)


def test_a_lifecycle_is_told_which_rule_it_lacks() -> None:
    abort, versions = run(life("failing", "no rules", lifecycle(), *TWO))
    assert abort.allowed == "an enabled rule for every object that aborts uploads within 1 to 7 days"
    assert versions.allowed == "an enabled rule for every object that expires noncurrent versions after 7 days or more"


CASES = LIFE


@of_each_rule(CASES)
def test_cases(cases: Sequence[Case]) -> None:
    run_all(cases)
