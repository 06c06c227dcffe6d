"""The form of a rule's fixtures, and how one is run."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest

from policies.evaluate import findings
from policies.registry import RULES
from policies.resource import Resource
from policies.rule import Conventions, Finding, Rule, Scope
from tests.policies.compliant import STACK

Kind = Literal["passing", "failing", "bypass", "unknown"]


@dataclass(frozen=True)
class Case:
    """What one rule says of some resources.

    `found`: the paths of what it finds, in any order; none for a passing fixture. A bypass is a way
    to write the forbidden thing that a careless check would miss. An unknown fixture has a value that
    a preview can't know, and may still have findings, in what is known.
    `options` are the rule's, as in the pack's config.
    """

    rule: str
    kind: Kind
    what: str
    resources: tuple[Resource, ...]
    found: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    environment: str = "prod"

    def __str__(self) -> str:
        return f"{self.rule}-{self.kind}-{self.what}".replace(" ", "-")


def rule_of(rule_id: str) -> Rule:
    """The rule with that id."""
    return next(rule for rule in RULES if rule.id == rule_id)


def run(case: Case) -> list[Finding]:
    """Runs the case and checks what it says of itself."""
    rule = rule_of(case.rule)
    scope = Scope(
        options=rule.options.model_validate_json(json.dumps(dict(case.options))),
        conventions=Conventions(),
        stack=STACK,
        environment=case.environment,
    )
    found = findings(rule, case.resources, scope)
    assert sorted(each.path for each in found) == sorted(case.found), found
    assert case.kind not in ("failing", "bypass") or case.found, "a failing fixture finds something"
    assert case.kind != "passing" or not case.found, "a passing fixture finds nothing"
    return found


def of_each_rule(cases: Iterable[Case]) -> pytest.MarkDecorator:
    """Parametrizes a test by `cases`, those of one rule together: pytest takes longer to begin one than to run it."""
    rules: dict[str, list[Case]] = {}
    for case in cases:
        rules.setdefault(case.rule, []).append(case)
    return pytest.mark.parametrize("cases", [*rules.values()], ids=[*rules])


def run_all(cases: Sequence[Case]) -> None:
    """Runs all the cases, and names each that fails."""
    failures = []
    for case in cases:
        try:
            run(case)
        except AssertionError as error:
            failures.append(f"{case}: {error}")
        except Exception as error:
            error.add_note(str(case))
            raise
    assert not failures, "\n".join(failures)
