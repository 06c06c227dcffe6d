"""What every resource of a stack carries, and what goes with every bucket."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from policies.aws.bucket_keys import USER_POLICY
from policies.aws.iam import POLICY, ROLE
from policies.aws.s3.types import BUCKET_POLICY, BUCKETS, ENCRYPTION, LIFECYCLE, OBJECT_LOCK, VERSIONING
from policies.evaluate import findings
from policies.registry import RULES
from policies.resource import Resource
from policies.rule import Conventions, Level, Options, Scope
from policies.values import UNKNOWN
from tests.policies.cases import Case, Kind, of_each_rule, rule_of, run, run_all
from tests.policies.compliant import LABELS, STACK, UNSET, carrier, container, network, service, volume
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

PLACES = ("labels", "taskSpec.containerSpec.labels")
MAKERS: tuple[Callable[..., Resource], ...] = (container, carrier, service, network, volume)


def label(kind: Kind, what: str, resource: Resource, *found: str) -> Case:
    return Case("STACK-LABEL", kind, what, (resource,), found)


def labels(**values: Any) -> list[dict[str, Any]]:
    return [{"label": name, "value": value} for name, value in values.items()]


GOOD = labels(stack=STACK, service="nginx")

LABEL = (
    *(label("passing", make.__name__, make()) for make in MAKERS),
    label("passing", "a service as a number", volume({"labels": labels(stack=STACK, service=7.0)})),
    label("passing", "the same label twice", volume({"labels": [*GOOD, *GOOD]})),
    *(
        label("failing", f"no labels on a {make.__name__}", make({"labels": UNSET}), "labels", "labels")
        for make in MAKERS
    ),
    *(
        label("failing", f"no stack on a {make.__name__}", make({"labels": labels(service="a")}), "labels")
        for make in MAKERS
    ),
    *(
        label("failing", f"no service on a {make.__name__}", make({"labels": labels(stack=STACK)}), "labels")
        for make in MAKERS
    ),
    label("failing", "another stack", volume({"labels": labels(stack="dev", service="a")}), "labels[0].value"),
    label("failing", "no name of a service", volume({"labels": labels(stack=STACK, service="")}), "labels[1].value"),
    label("bypass", "a service's containers", service({PLACES[1]: UNSET}), PLACES[1], PLACES[1]),
    label(
        "bypass",
        "a service's containers of another stack",
        service({PLACES[1]: labels(stack="dev", service="a")}),
        f"{PLACES[1]}[0].value",
    ),
    label("bypass", "a service itself", service({"labels": []}), "labels", "labels"),
    label("bypass", "an empty list", volume({"labels": []}), "labels", "labels"),
    label("bypass", "an object", volume({"labels": {"stack": STACK, "service": "a"}}), "labels", "labels"),
    label("bypass", "another case", volume({"labels": labels(Stack=STACK, Service="a")}), "labels", "labels"),
    label(
        "bypass",
        "a stack in another case",
        volume({"labels": labels(stack=STACK.upper(), service="a")}),
        "labels[0].value",
    ),
    label(
        "bypass", "a stack with a space", volume({"labels": labels(stack=f"{STACK} ", service="a")}), "labels[0].value"
    ),
    label("bypass", "an empty stack", volume({"labels": labels(stack="", service="a")}), "labels[0].value"),
    label("bypass", "a blank service", volume({"labels": labels(stack=STACK, service=" \t")}), "labels[1].value"),
    label(
        "bypass",
        "no values",
        volume({"labels": [{"label": "stack"}, {"label": "service"}]}),
        "labels[0].value",
        "labels[1].value",
    ),
    label(
        "bypass", "nulls", volume({"labels": labels(stack=None, service=None)}), "labels[0].value", "labels[1].value"
    ),
    label("bypass", "another stack before", volume({"labels": [*labels(stack="dev"), *GOOD]}), "labels[0].value"),
    label("bypass", "another stack after", volume({"labels": [*GOOD, *labels(stack="dev")]}), "labels[2].value"),
    label("bypass", "one text", volume({"labels": [f"stack={STACK}", "service=a"]}), "labels", "labels"),
    label("unknown", "the labels", volume({"labels": UNKNOWN})),
    label("unknown", "a label", volume({"labels": [UNKNOWN, *labels(service="a")]})),
    label("unknown", "the name of a label", volume({"labels": [{"label": UNKNOWN, "value": "a"}, *GOOD]})),
    label("unknown", "the values", volume({"labels": labels(stack=UNKNOWN, service=UNKNOWN)})),
    label("unknown", "a service's containers", service({PLACES[1]: UNKNOWN})),
    label(
        "unknown",
        "a label beside another stack's",
        volume({"labels": [UNKNOWN, *labels(stack="dev")]}),
        "labels[1].value",
    ),
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


CASES = (*LABEL, *BUCKET_CASES)


@of_each_rule(CASES)
def test_cases(cases: Sequence[Case]) -> None:
    run_all(cases)


@pytest.mark.parametrize("rule", COMPANIONS)
def test_a_finding_names_the_bucket(rule: str) -> None:
    (finding,) = run(Case(rule, "failing", "without", without(rule), ("bucket",)))
    assert finding.urn == BUCKET_URN
    assert finding.value == BUCKET_NAME
    assert finding.allowed == f"a {COMPANIONS[rule].rpartition(':')[2]} for the bucket"


def test_a_missing_label_shows_those_that_are_there() -> None:
    (finding,) = run(label("failing", "no stack", volume({"labels": labels(release="1", service="a")}), "labels"))
    assert finding.value == ["release", "service"]
    assert finding.allowed == "a list with the label `stack`"


def test_the_names_of_the_labels_are_conventions() -> None:
    rule = rule_of("STACK-LABEL")
    conventions = Conventions.model_validate_json(
        '{"stackLabel": "com.example.stack", "serviceLabel": "com.example.service"}'
    )
    scope = Scope(options=Options(), conventions=conventions, stack=STACK)
    theirs = [{"label": f"com.example.{each['label']}", "value": each["value"]} for each in LABELS]
    assert rule.check
    assert not list(rule.check(volume({"labels": theirs}), scope))
    assert len(list(rule.check(volume(), scope))) == 2


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
