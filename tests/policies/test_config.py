"""The pack's config: a level can be raised and never lowered."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from policies import config
from policies.config import PACK, Config, Entry
from policies.documents.errors import ConfigError
from policies.evaluate import Pack
from policies.registry import RULES
from policies.rule import Level
from tests.policies.compliant import container
from tests.policies.test_pack import TARGET, TODAY, rules_of

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
