"""The pack as a whole: its rules, and how they are run."""

from __future__ import annotations

import datetime
import importlib
import pkgutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import tests.policies
from policies import config, waivers
from policies.config import PACK, Entry
from policies.evaluate import REDACTED, Pack, Target, Violation, shown
from policies.registry import RULES
from policies.resource import Resource
from policies.rule import Finding, Level, Options, Rule, Scope, Severity
from policies.waivers import Waiver
from tests.policies.cases import Case, Kind
from tests.policies.compliant import container

TODAY = datetime.date(2026, 11, 22)
TARGET = Target("prod", "tasktracker", "prod")
KINDS: tuple[Kind, ...] = ("passing", "failing", "bypass", "unknown")

PRIVILEGED = container({"privileged": True})
UNLIMITED = container({"memory": 0, "memorySwap": 0})


def cases() -> list[Case]:
    """The fixtures of every test module of the pack."""
    found = pkgutil.walk_packages(tests.policies.__path__, "tests.policies.")
    modules = [importlib.import_module(each.name) for each in found]
    return [case for module in modules for case in getattr(module, "CASES", ())]


def pack(entries: dict[str, Entry] | None = None, *accepted: Waiver, target: Target = TARGET) -> Pack:
    return Pack(RULES, config.parse(entries or {}, RULES), accepted, target, TODAY)


def waiver(**changes: Any) -> Waiver:
    fields = {
        "rule": "DKR-MEM",
        "resource": "urn:pulumi:prod::tasktracker::docker:index/container:Container::nginx",
        "reason": "measured in production first, see the runbook",
        "owner": "jo@example.com",
        "expires": "2026-12-31",
    }
    return Waiver.model_validate({**fields, **changes})


def rules_of(violations: list[Violation], level: Level = Level.MANDATORY) -> list[str]:
    return [violation.rule.id for violation in violations if violation.level == level]


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.id != PACK], ids=lambda rule: rule.id)
def test_each_rule_has_a_fixture_of_each_kind(rule: Rule) -> None:
    kinds = Counter(case.kind for case in cases() if case.rule == rule.id)
    assert [kind for kind in KINDS if not kinds[kind]] == []


def test_each_fixture_is_of_a_rule() -> None:
    assert {case.rule for case in cases()} <= {rule.id for rule in RULES}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_each_rule_tells_people_what_they_need(rule: Rule) -> None:
    assert rule.id == rule.id.upper()
    assert all(text.strip().endswith(".") for text in (rule.why, rule.fix))
    assert rule.title
    assert not rule.title.endswith(".")
    assert rule.sources
    assert rule.id == PACK or rule.reads
    assert rule.id == PACK or rule.check or rule.check_stack


def test_ids_are_unique() -> None:
    assert max(Counter(rule.id for rule in RULES).values()) == 1


def test_what_can_not_be_waived() -> None:
    unwaivable = {rule.id for rule in RULES if not rule.waivable}
    assert unwaivable == {"DKR-PRIV", "DKR-SOCK", "DKR-MON", "PROV-HOST", PACK}


def test_the_shipped_config_and_waivers_are_right() -> None:
    folder = Path(config.__file__).parent
    read = config.read(folder / "config.json", RULES)
    assert read.conventions.environment_key == "tasktracker:environment"
    assert waivers.load(folder / read.conventions.waivers, RULES) == ()


# What is said.


def test_a_message_has_what_people_need() -> None:
    violation = next(each for each in pack().analyze(PRIVILEGED) if each.rule.id == "DKR-PRIV")
    assert violation.urn == PRIVILEGED.urn
    assert "privileged is true" in violation.message
    assert "Allowed: false or unset" in violation.message
    assert violation.rule.fix in violation.message


def test_a_secret_value_is_not_shown() -> None:
    secret = container({"privileged": "true"}, secret=("privileged",))
    violation = next(each for each in pack().analyze(secret) if each.rule.id == "DKR-PRIV")
    assert f"privileged is {REDACTED}" in violation.message


def test_long_values_are_shortened() -> None:
    assert len(shown(["word"] * 100)) < 100
    assert shown(None) == "not set"
    assert shown([1024.0, 0.5]) == "[1024, 0.5]"
    assert "\n" not in shown("a\nb")


def _broken(resource: Resource, scope: Scope[Options]) -> list[Finding]:
    raise ValueError(resource.get("envs"))


def test_a_rule_that_fails_lets_nothing_pass_and_shows_nothing() -> None:
    broken = Rule(
        id="X", title="X", level=Level.MANDATORY, severity=Severity.LOW, sources=("X",), why="X.", fix="X.",
        reads={container().type: ("envs",)}, check=_broken,
    )  # fmt: skip
    rules = (*RULES, broken)
    run = Pack(rules, config.parse({}, rules), (), TARGET, TODAY)
    violation = run.analyze(container({"envs": ["A=hunter2"]}))[-1]
    assert (violation.rule.id, violation.level) == ("X", Level.MANDATORY)
    assert "hunter2" not in violation.message


def _broken_together(resources: Sequence[Resource], scope: Scope[Options]) -> list[Finding]:
    raise ValueError


def test_a_stack_rule_that_fails_is_no_resources_own() -> None:
    """A waiver for whichever resource comes first would let the whole stack pass."""
    broken = Rule(
        id="X", title="X", level=Level.MANDATORY, severity=Severity.LOW, sources=("X",), why="X.", fix="X.",
        reads={container().type: ("envs",)}, check_stack=_broken_together,
    )  # fmt: skip
    rules = (*RULES, broken)
    run = Pack(rules, config.parse({}, rules), (waiver(rule="X"),), TARGET, TODAY)
    violation = run.analyze_stack([container()])[0]
    assert (violation.rule.id, violation.level, violation.urn) == ("X", Level.MANDATORY, "")
