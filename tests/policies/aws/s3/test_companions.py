"""What goes with every bucket."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from policies.aws.bucket_keys import USER_POLICY
from policies.aws.iam import POLICY, ROLE
from policies.aws.s3.types import BUCKET_POLICY, BUCKETS, ENCRYPTION, LIFECYCLE, OBJECT_LOCK, VERSIONING
from policies.evaluate import findings
from policies.registry import RULES
from policies.resource import Resource
from policies.rule import Conventions, Level, Scope
from policies.values import UNKNOWN
from tests.policies.cases import Case, of_each_rule, rule_of, run, run_all
from tests.policies.compliant import UNSET
from tests.policies.compliant_aws import (
    ACCOUNT,
    BUCKET_NAME,
    BUCKET_URN,
    COMPANIONS,
    GRANT,
    LET_IN,
    TLS_ONLY,
    aws,
    bucket,
    changed,
    document,
    whole_bucket,
)


def without(rule: str) -> tuple[Resource, ...]:
    return tuple(each for each in whole_bucket() if each.type != COMPANIONS[rule])


def at_preview(rule: str, *origins: str, value: Any = UNKNOWN) -> Resource:
    """What goes with a bucket, before the bucket is there."""
    return aws(COMPANIONS[rule], {"bucket": value}, dependencies={"bucket": list(origins)})


OTHER = bucket({"bucket": "other"}, name="other")
NEW = bucket({"bucket": UNKNOWN})


def companion(rule: str) -> tuple[Case, ...]:
    type_ = COMPANIONS[rule]
    found = ("bucket",)
    return (
        Case(rule, "passing", "whole", whole_bucket()),
        Case(rule, "passing", "no buckets", (aws(type_),)),
        Case(rule, "passing", "by the bucket's id", (bucket({"bucket": UNSET, "id": BUCKET_NAME}), aws(type_))),
        Case(rule, "failing", "without", without(rule), found),
        Case(rule, "failing", "a second bucket without", (*whole_bucket(), OTHER), found),
        Case(rule, "bypass", "for another bucket", (bucket(), aws(type_, {"bucket": "other"})), found),
        Case(rule, "bypass", "for a longer name", (bucket(), aws(type_, {"bucket": f"{BUCKET_NAME}-2"})), found),
        Case(rule, "bypass", "for no bucket", (bucket(), aws(type_, {"bucket": UNSET})), found),
        Case(rule, "bypass", "for an empty name", (bucket({"bucket": ""}), aws(type_, {"bucket": ""})), found),
        Case(rule, "bypass", "two for one of two", (bucket(), OTHER, aws(type_), aws(type_, name="second")), found),
        Case(
            rule,
            "bypass",
            "made from both names, for the other",
            (bucket(), OTHER, at_preview(rule, BUCKET_URN, OTHER.urn, value="other")),
            found,
        ),
        Case(rule, "unknown", "for this one", (NEW, at_preview(rule, BUCKET_URN))),
        Case(rule, "unknown", "for a name that is known", (NEW, at_preview(rule, BUCKET_URN, value="new"))),
        Case(rule, "unknown", "for any", (bucket(), OTHER, at_preview(rule))),
        Case(rule, "unknown", "from what goes with the bucket", (NEW, at_preview(rule, f"{BUCKET_URN}-block"))),
        Case(rule, "unknown", "for this one and not the other", (NEW, OTHER, at_preview(rule, BUCKET_URN)), found),
        Case(rule, "unknown", "nothing for it", (NEW,), found),
    )


UNLOCKED = bucket({"objectLockEnabled": False}, name="logs")
DELIVERY = changed(LET_IN, Principal={"Service": "logging.s3.amazonaws.com"}, Action="s3:PutObject")


def unlocked(type_: str, policy: Any, path: str = "policy") -> tuple[Resource, ...]:
    """A bucket without Object Lock, and a policy that lets somebody use it."""
    return (UNLOCKED, aws(type_, {path: policy}))


OLDER = {"SSE": ENCRYPTION, "VER": VERSIONING, "LIFE": LIFECYCLE, "LOCK": OBJECT_LOCK}

BUCKET_CASES = (
    *(case for rule in COMPANIONS for case in companion(rule)),
    *(
        Case(
            f"STACK-S3-{name}",
            "passing",
            "the older types",
            (aws(BUCKETS[1], {"bucket": "a", "objectLockEnabled": True}), aws(types[1], {"bucket": "a"})),
        )
        for name, types in OLDER.items()
    ),
    Case(
        "STACK-S3-VER", "bypass", "the bucket's own property", (bucket({"versioning": {"enabled": True}}),), ("bucket",)
    ),
    Case("STACK-S3-POL", "bypass", "the bucket's own property", (bucket({"policy": "{}"}),), ("bucket",)),
    Case("STACK-S3-PAB", "bypass", "the older type of bucket", (aws(BUCKETS[1], {"bucket": "a"}),), ("bucket",)),
    Case(
        "STACK-S3-PAB",
        "bypass",
        "the account's block",
        (bucket(), aws("aws:s3/accountPublicAccessBlock:AccountPublicAccessBlock")),
        ("bucket",),
    ),
    Case("STACK-S3-LOCK", "passing", "without Object Lock", (bucket({"objectLockEnabled": False}),)),
    Case("STACK-S3-LOCK", "passing", "logs are delivered", unlocked(BUCKET_POLICY, document(TLS_ONLY, DELIVERY))),
    Case("STACK-S3-LOCK", "passing", "others read", unlocked(POLICY, document(changed(GRANT, Action="s3:GetObject")))),
    Case(
        "STACK-S3-LOCK",
        "passing",
        "others write to another",
        unlocked(POLICY, document(changed(GRANT, Resource="arn:aws:s3:::another/*"))),
    ),
    *(
        Case("STACK-S3-LOCK", "bypass", f"backups in a bucket of logs, {what}", resources, ("objectLockEnabled",))
        for what, resources in (
            ("by its policy", unlocked(BUCKET_POLICY, document(TLS_ONLY, DELIVERY, LET_IN))),
            ("by a policy", unlocked(POLICY, document(GRANT))),
            ("by a user's policy", unlocked(USER_POLICY, document(changed(GRANT, Action="S3:Put*")))),
            ("by a role's policy", unlocked(ROLE, [{"name": "a", "policy": document(GRANT)}], "inlinePolicies")),
            (
                "for a service and a role",
                unlocked(
                    BUCKET_POLICY,
                    document(
                        changed(
                            LET_IN,
                            Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root", "Service": "logging.s3.amazonaws.com"},
                        )
                    ),
                ),
            ),
        )
    ),
    Case("STACK-S3-LOCK", "unknown", "who writes", unlocked(POLICY, UNKNOWN)),
    Case("STACK-S3-LOCK", "bypass", "switched on as text", (bucket({"objectLockEnabled": "true"}),), ("bucket",)),
    Case("STACK-S3-LOCK", "unknown", "whether it has one", (bucket({"objectLockEnabled": UNKNOWN}),)),
)


@pytest.mark.parametrize("rule", COMPANIONS)
def test_a_finding_names_the_bucket(rule: str) -> None:
    (finding,) = run(Case(rule, "failing", "without", without(rule), ("bucket",)))
    assert finding.urn == BUCKET_URN
    assert finding.value == BUCKET_NAME
    assert finding.allowed == f"a {COMPANIONS[rule].rpartition(':')[2]} for the bucket"


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.id.startswith("STACK-")], ids=lambda rule: rule.id)
def test_levels(rule: Any) -> None:
    advisory = rule.id == "STACK-S3-LOCK"
    assert rule.floor("prod", Conventions()) is Level.MANDATORY
    assert rule.floor("staging", Conventions()) is (Level.ADVISORY if advisory else Level.MANDATORY)


def test_a_bucket_of_logs_is_asked_about_where_object_lock_is_mandatory() -> None:
    rule = rule_of("STACK-S3-LOCK")
    for level in Level:
        found = findings(rule, unlocked(POLICY, document(GRANT)), Scope(rule.options(), level=level))
        assert bool(found) is (level is Level.MANDATORY)


CASES = BUCKET_CASES


@of_each_rule(CASES)
def test_cases(cases: Sequence[Case]) -> None:
    run_all(cases)
