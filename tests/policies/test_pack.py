"""The pack as a whole: its rules are complete, its levels hold, its waivers are watched."""

from __future__ import annotations

import datetime
import importlib
import json
import pkgutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import tests.policies
from policies import config, waivers
from policies.config import PACK, Config, Entry
from policies.documents.errors import ConfigError
from policies.evaluate import REDACTED, Pack, Target, Violation, shown
from policies.registry import RULES
from policies.resource import Resource
from policies.rule import Finding, Level, Options, Rule, Scope, Severity
from policies.values import UNKNOWN
from policies.waivers import Waiver
from tests.policies.cases import Case
from tests.policies.compliant import container

TODAY = datetime.date(2026, 11, 22)
TARGET = Target("prod", "tasktracker", "prod")
KINDS = ("passing", "failing", "bypass", "unknown")

PRIVILEGED = container({"privileged": True})
UNLIMITED = container({"memory": 0, "memorySwap": 0})


def cases() -> list[Case]:
    """The fixtures of every test module of the pack."""
    modules = [
        importlib.import_module(f"tests.policies.{each.name}") for each in pkgutil.iter_modules(tests.policies.__path__)
    ]
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


# Levels.


@pytest.mark.parametrize("level", ["advisory", "disabled", "remediate", "off", ""])
def test_a_level_can_not_be_lowered(level: str) -> None:
    for rule in RULES:
        if rule.level == Level.MANDATORY:
            with pytest.raises(ConfigError, match=rule.id):
                config.parse({rule.id: Entry(level)}, RULES)


@pytest.mark.parametrize("level", ["advisory", "disabled", "remediate"])
def test_all_levels_can_not_be_lowered_at_once(level: str) -> None:
    # As the engine hands `all` over: spread to every rule.
    spread = {rule.id: Entry(level) for rule in RULES}
    with pytest.raises(ConfigError) as error:
        config.parse({"all": Entry(level), **spread}, RULES)
    assert len(error.value.problems) == 1
    assert "a level can only be raised" in str(error.value)


def test_a_level_can_be_raised() -> None:
    raised = config.parse({"DKR-RESTART": Entry("mandatory")}, RULES)
    assert _level(raised, "DKR-RESTART", "dev") == Level.MANDATORY
    everything = config.parse({"all": Entry("mandatory")} | {rule.id: Entry("mandatory") for rule in RULES}, RULES)
    assert {everything.level(rule, "dev") for rule in RULES} == {Level.MANDATORY}


def test_a_level_by_environment_can_be_raised_and_not_lowered() -> None:
    raised = config.parse({PACK: Entry(options={"levels": {"prod": {"DKR-RESTART": "mandatory"}}})}, RULES)
    assert [_level(raised, "DKR-RESTART", each) for each in ("dev", "prod")] == [Level.ADVISORY, Level.MANDATORY]
    for rule, environment in (("DKR-USER", "dev"), ("DKR-IMG", "staging"), ("S3-LOCK", "prod"), ("S3-LOCK", "live")):
        with pytest.raises(ConfigError, match=rule):
            config.parse({PACK: Entry(options={"levels": {environment: {rule: "advisory"}}})}, RULES)


def test_an_environment_that_nobody_named_is_production() -> None:
    plain = config.parse({}, RULES)
    for environment in ("", "prod", "live", "DEV"):
        assert _level(plain, "DKR-IMG", environment) == Level.MANDATORY
        assert _level(plain, "S3-LOCK", environment) == Level.MANDATORY
    assert _level(plain, "DKR-IMG", "dev") == Level.ADVISORY
    assert _level(plain, "S3-LOCK", "staging") == Level.ADVISORY


@pytest.mark.parametrize("name", ["prod", "Production", " PROD ", "", " "])
@pytest.mark.parametrize("kind", ["development", "staging"])
def test_production_is_production(kind: str, name: str) -> None:
    with pytest.raises(ConfigError, match="can't be declared as anything else"):
        config.parse({PACK: Entry(options={kind: [name]})}, RULES)


def _level(read: Config, rule: str, environment: str) -> Level:
    return read.level(next(each for each in RULES if each.id == rule), environment)


# The config.


@pytest.mark.parametrize(
    ("entries", "says"),
    [
        ({"DKR-USR": Entry("mandatory")}, "DKR-USR: no such rule; did you mean DKR-USER?"),
        ({"DKR-MEM": Entry(options={"maxMB": 1})}, "DKR-MEM: maxMB: no such key"),
        ({"DKR-MEM": Entry(options={"maxMb": "much"})}, "DKR-MEM: maxMb is 'much'"),
        ({PACK: Entry(options={"levels": {"prod": {"X": "mandatory"}}})}, "PACK: levels.prod.X: no such rule"),
        ({PACK: Entry(options={"levels": {"prod": {"DKR-RESTART": "high"}}})}, "levels.prod.DKR-RESTART is 'high'"),
        ({"CF-ACCESS": Entry(options={"includeKinds": ["email", "everyone"]})}, "everyone is nobody known"),
    ],
)
def test_a_wrong_config_says_what_is_wrong(entries: dict[str, Entry], says: str) -> None:
    with pytest.raises(ConfigError) as error:
        config.parse(entries, RULES)
    assert says in str(error.value)


def test_numbers_come_from_the_engine_as_floats() -> None:
    read = config.parse({"DKR-MEM": Entry(options={"maxMb": 128.0})}, RULES)
    assert rules_of(Pack(RULES, read, (), TARGET, TODAY).analyze(container())) == ["DKR-MEM"]


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        '{"DKR-MEM": 3}',
        '{"DKR-USER": {"enforcementLevel": []}}',
        '{"DKR-USER": "disabled"}',
        '{"all": "advisory"}',
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "config.json"
    file.write_text(content)
    with pytest.raises(ConfigError):
        config.read(file, RULES)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.json"):
        config.read(tmp_path / "none.json", RULES)


def test_a_file_may_raise_everything(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"all": "mandatory", "DKR-MEM": {"maxMb": 100, "enforcementLevel": "mandatory"}}))
    assert {config.read(file, RULES).level(rule, "dev") for rule in RULES} == {Level.MANDATORY}


# Waivers.


def test_a_waived_violation_advises_and_is_listed() -> None:
    run = pack({}, waiver())
    violations = run.analyze(UNLIMITED)
    assert rules_of(violations) == []
    assert "DKR-MEM" in rules_of(violations, Level.ADVISORY)
    for text in ("jo@example.com", "2026-12-31", "measured in production first"):
        assert text in violations[0].message
    assert run.analyze_stack([], [UNLIMITED.urn]) == []


def test_a_waiver_is_for_one_rule_and_one_resource() -> None:
    other = container({"memory": 0}, name="api")
    run = pack({}, waiver())
    assert "DKR-MEM" in rules_of(run.analyze(other))
    assert "DKR-PRIV" in rules_of(run.analyze(PRIVILEGED))


def test_a_waiver_holds_on_its_last_day_and_fails_after_it() -> None:
    assert rules_of(pack({}, waiver(expires="2026-11-22")).analyze(UNLIMITED)) == []
    expired = pack({}, waiver(expires="2026-11-21"))
    assert "DKR-MEM" in rules_of(expired.analyze(UNLIMITED))
    assert rules_of(expired.analyze_stack([], [UNLIMITED.urn])) == [PACK]


def test_an_unused_waiver_fails() -> None:
    run = pack({}, waiver())
    run.analyze(container())
    violations = run.analyze_stack([], [container().urn])
    assert rules_of(violations) == [PACK]
    assert "needed by nothing" in violations[0].message
    assert rules_of(pack({}, waiver()).analyze_stack([])) == [PACK]


def test_a_waiver_is_not_unused_while_that_is_not_known() -> None:
    unknown = container({"memory": UNKNOWN})
    run = pack({}, waiver())
    run.analyze(unknown)
    assert run.analyze_stack([], [unknown.urn]) == []
    left_out = pack({}, waiver())
    assert left_out.analyze_stack([], [container().urn]) == []


@pytest.mark.parametrize("name", ["[!x]", "[!x]nginx", "[a-z]ginx", "?????", "Nginx"])
def test_a_waiver_has_one_special_character(name: str) -> None:
    run = pack({}, waiver(resource=f"urn:pulumi:*::tasktracker::*::{name}"))
    assert "DKR-MEM" in rules_of(run.analyze(UNLIMITED))


def test_a_waiver_ends_within_a_year() -> None:
    assert rules_of(pack({}, waiver(expires="2027-11-23")).analyze(UNLIMITED)) == []
    endless = pack({}, waiver(expires="2027-11-24"))
    assert "DKR-MEM" in rules_of(endless.analyze(UNLIMITED))
    (violation,) = endless.analyze_stack([], [UNLIMITED.urn])
    assert "a nearer last day" in violation.message


def test_a_component_of_the_same_name_does_not_keep_a_waiver_alive() -> None:
    component = "urn:pulumi:prod::tasktracker::tasktracker:components:Nginx::nginx"
    run = pack({}, waiver(resource="urn:pulumi:prod::tasktracker::*::nginx"))
    run.analyze(container())
    assert rules_of(run.analyze_stack([], [component, container().urn])) == [PACK]


def test_an_unused_waiver_of_a_stack_rule_fails() -> None:
    bucket = "urn:pulumi:prod::tasktracker::aws:s3/bucket:Bucket::backups"
    companion = Resource("aws:s3/bucketVersioning:BucketVersioning", "v", "urn:v", {"bucket": "backups"})
    run = pack({}, waiver(rule="STACK-S3-VER", resource=bucket))
    found = run.analyze_stack([Resource("aws:s3/bucket:Bucket", "b", bucket, {"bucket": "backups"}), companion])
    assert [each.rule.id for each in found if "needed by nothing" in each.message] == [PACK]


@pytest.mark.parametrize("place", ["urn:pulumi:staging::*", "urn:pulumi:prod::other"])
def test_a_waiver_of_another_stack_or_project_is_not_looked_at(place: str) -> None:
    elsewhere = waiver(resource=f"{place}::*::nginx", expires="2020-01-01")
    run = pack({}, elsewhere)
    assert "DKR-MEM" in rules_of(run.analyze(UNLIMITED))
    assert run.analyze_stack([], [UNLIMITED.urn]) == []


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ({"reason": ""}, "waivers[0].reason"),
        ({"reason": "   ok   "}, "waivers[0].reason"),
        ({"reason": None}, "waivers[0].reason"),
        ({"owner": " "}, "waivers[0].owner"),
        ({"expires": "soon"}, "waivers[0].expires"),
        ({"expires": None}, "waivers[0].expires"),
        ({"rule": "DKR-NONE"}, "no such rule"),
        ({"rule": "DKR-PRIV"}, "can't be waived"),
        ({"rule": "DKR-SOCK"}, "can't be waived"),
        ({"rule": "DKR-MON"}, "can't be waived"),
        ({"rule": PACK}, "can't be waived"),
        ({"resource": "*"}, "should be a URN"),
        ({"resource": "urn:pulumi:prod::*"}, "should be a URN"),
        ({"resource": "urn:pulumi:prod::*::*::*"}, "a waiver for many is none"),
        ({"resource": "urn:pulumi:prod::*::*::*x*"}, "a waiver for many is none"),
        ({"resource": "urn:pulumi:prod::*::*::"}, "a waiver for many is none"),
        ({"until": "2027-01-01"}, "no such key"),
    ],
)
def test_a_wrong_waiver_is_refused(tmp_path: Path, entry: dict[str, Any], says: str) -> None:
    file = tmp_path / "waivers.yaml"
    right = waiver().model_dump(mode="json")
    file.write_text(json.dumps({"waivers": [{**right, **entry}]}))
    with pytest.raises(ConfigError) as error:
        waivers.load(file, RULES)
    assert says in str(error.value)
    assert "waivers.yaml" in str(error.value)


@pytest.mark.parametrize("content", ["waivers: 3", "- x", "waivers: [", "other: []", "\x00"])
def test_a_wrong_waivers_file_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "waivers.yaml"
    file.write_text(content)
    with pytest.raises(ConfigError):
        waivers.load(file, RULES)


def test_a_right_waivers_file(tmp_path: Path) -> None:
    file = tmp_path / "waivers.yaml"
    file.write_text(json.dumps({"waivers": [waiver().model_dump(mode="json")]}))
    assert waivers.load(file, RULES) == (waiver(),)
    file.write_text("")
    assert waivers.load(file, RULES) == ()
    assert waivers.load(tmp_path / "none.yaml", RULES) == ()


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
