"""Objects are locked for a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from policies.aws.s3.types import BUCKETS, OBJECT_LOCK, WITHOUT_LOCK
from policies.evaluate import findings
from policies.resource import Resource
from policies.rule import Level, Scope
from policies.values import UNKNOWN
from tests.policies.cases import Case, of_each_rule, rule_of, run_all
from tests.policies.compliant import UNSET
from tests.policies.compliant_aws import aws, bucket

RETENTION = "rule.defaultRetention"


def locked(**retention: Any) -> tuple[Resource]:
    return (aws(OBJECT_LOCK[0], {RETENTION: retention}),)


LOCK = (
    Case("S3-LOCK", "passing", "locked", (bucket(), aws(OBJECT_LOCK[0]))),
    Case("S3-LOCK", "passing", "governance, years", locked(mode="GOVERNANCE", years=1.0)),
    Case("S3-LOCK", "passing", "a number as text", locked(mode="COMPLIANCE", days="7")),
    Case("S3-LOCK", "passing", "no word on the switch", (aws(OBJECT_LOCK[0], {"objectLockEnabled": UNSET}),)),
    Case(
        "S3-LOCK",
        "passing",
        "a bucket of logs",
        (bucket({"objectLockEnabled": False}, name="access"),),
        options={"logBuckets": ["access"]},
    ),
    Case(
        "S3-LOCK", "passing", "the program's own bucket of logs", (bucket({"objectLockEnabled": False}, name="logs"),)
    ),
    Case(
        "S3-LOCK",
        "passing",
        "a shorter time that was agreed on",
        locked(mode="COMPLIANCE", days=1),
        options={"minRetentionDays": 1},
    ),
    Case("S3-LOCK", "failing", "not enabled", (bucket({"objectLockEnabled": False}),), ("objectLockEnabled",)),
    Case("S3-LOCK", "failing", "nothing said", (bucket({"objectLockEnabled": UNSET}),), ("objectLockEnabled",)),
    Case(
        "S3-LOCK",
        "failing",
        "no retention",
        (aws(OBJECT_LOCK[0], {"rule": UNSET}),),
        (f"{RETENTION}.days", f"{RETENTION}.mode"),
    ),
    Case("S3-LOCK", "bypass", "as text", (bucket({"objectLockEnabled": "f"}),), ("objectLockEnabled",)),
    Case("S3-LOCK", "bypass", "a word for true", (bucket({"objectLockEnabled": "Enabled"}),), ("objectLockEnabled",)),
    Case("S3-LOCK", "bypass", "the older type", (aws(BUCKETS[1]),), ("objectLockEnabled",)),
    Case(
        "S3-LOCK",
        "bypass",
        "a name like a bucket of logs",
        (bucket({"objectLockEnabled": False}, name="logs-2"),),
        ("objectLockEnabled",),
        options={"logBuckets": ["logs"]},
    ),
    Case(
        "S3-LOCK",
        "bypass",
        "another switch",
        (aws(OBJECT_LOCK[1], {"objectLockEnabled": "Disabled", RETENTION: {"mode": "COMPLIANCE", "days": 30}}),),
        ("objectLockEnabled",),
    ),
    Case("S3-LOCK", "bypass", "no mode", locked(days=30), (f"{RETENTION}.mode",)),
    Case("S3-LOCK", "bypass", "another mode", locked(mode="compliance", days=30), (f"{RETENTION}.mode",)),
    Case("S3-LOCK", "bypass", "for no time", locked(mode="COMPLIANCE", days=0, years=0), (f"{RETENTION}.days",)),
    Case("S3-LOCK", "bypass", "for a day", locked(mode="COMPLIANCE", days=1), (f"{RETENTION}.days",)),
    Case(
        "S3-LOCK",
        "bypass",
        "for a time that is no number",
        locked(mode="COMPLIANCE", days="long"),
        (f"{RETENTION}.days",),
    ),
    Case(
        "S3-LOCK",
        "bypass",
        "an empty rule",
        (aws(OBJECT_LOCK[0], {"rule": {}}),),
        (f"{RETENTION}.days", f"{RETENTION}.mode"),
    ),
    Case(
        "S3-LOCK",
        "bypass",
        "the bucket's own retention",
        (bucket({"objectLockConfiguration": {"rule": {"defaultRetention": {"mode": "GOVERNANCE", "days": 1}}}}),),
        ("objectLockConfiguration.rule.defaultRetention.days",),
    ),
    Case(
        "S3-LOCK",
        "bypass",
        "the older bucket's own retention",
        (
            aws(
                BUCKETS[1],
                {
                    "objectLockEnabled": True,
                    "objectLockConfiguration": {"rules": [{"defaultRetentions": [{"mode": "", "days": 30}]}]},
                },
            ),
        ),
        ("objectLockConfiguration.rules.defaultRetentions.mode",),
    ),
    Case(
        "S3-LOCK",
        "bypass",
        "the bucket's own switch alone",
        (bucket({"objectLockEnabled": UNSET, "objectLockConfiguration": {"objectLockEnabled": "Enabled"}}),),
        ("objectLockEnabled",),
    ),
    *(
        Case("S3-LOCK", "bypass", f"a bucket of another kind, {type_}", (aws(type_, name="logs"),), ("",))
        for type_ in WITHOUT_LOCK
    ),
    Case("S3-LOCK", "unknown", "the bucket", (bucket({"objectLockEnabled": UNKNOWN}),)),
    Case("S3-LOCK", "unknown", "the rule", (aws(OBJECT_LOCK[0], {"rule": UNKNOWN}),)),
    Case("S3-LOCK", "unknown", "the years", locked(mode="GOVERNANCE", days=0, years=UNKNOWN)),
    Case(
        "S3-LOCK", "unknown", "the days, with another mode", locked(mode="NONE", days=UNKNOWN), (f"{RETENTION}.mode",)
    ),
)


def test_object_lock_is_asked_for_where_its_rule_is_mandatory() -> None:
    rule = rule_of("S3-LOCK")
    for level in Level:
        for resource, wrong in (
            (bucket({"objectLockEnabled": False}), level is Level.MANDATORY),
            (*locked(mode="COMPLIANCE", days=1), True),
        ):
            found = findings(rule, (resource,), Scope(rule.options(), environment="staging", level=level))
            assert bool(found) is wrong


def test_object_lock_is_mandatory_in_production_alone() -> None:
    rule = rule_of("S3-LOCK")
    assert (rule.level, rule.staging_level, rule.production_level) == (Level.ADVISORY, None, Level.MANDATORY)


CASES = LOCK


@of_each_rule(CASES)
def test_cases(cases: Sequence[Case]) -> None:
    run_all(cases)
