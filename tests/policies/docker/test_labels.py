"""The labels that everything on a Docker host carries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from policies.resource import Resource
from policies.rule import Conventions, Options, Scope
from policies.values import UNKNOWN
from tests.policies.cases import Case, Kind, of_each_rule, rule_of, run, run_all
from tests.policies.compliant import LABELS, STACK, UNSET, carrier, container, network, service, volume

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


CASES = LABEL


@of_each_rule(CASES)
def test_cases(cases: Sequence[Case]) -> None:
    run_all(cases)
