"""The pack's config: what is wrong in it is explained, from a file and by the engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import json_format, struct_pb2
from pulumi.runtime.proto import analyzer_pb2

from policies import analyzer, config
from policies.documents.errors import ConfigError
from policies.registry import RULES
from tests.policies.documents.test_waivers_file import WRONG_WAIVERS

WRONG_CONFIGS: dict[str, tuple[str | bytes, str]] = {
    "no JSON": ('{\n  "DKR-MEM": {,\n', "config.json:2: is not JSON: "),
    "empty": ("", "config.json:1: is not JSON"),
    "a list": ("[]", "config.json: is []: should be an object of rules"),
    "a number": ("5", "config.json: is 5: should be an object of rules"),
    "a number for a rule": ('{\n  "DKR-MEM": 3\n}', "config.json:2: DKR-MEM is 3: should be a level or an object"),
    "null": ('{"DKR-MEM": null}', "config.json:1: DKR-MEM is None: should be a level or an object"),
    "no rule": ('{\n\n  "DKR-MEMM": "mandatory"}', "config.json:3: DKR-MEMM: no such rule; did you mean DKR-MEM"),
    "no option": ('{"DKR-MEM": {\n"maxMB": 1}}', "config.json:2: DKR-MEM: maxMB: no such key"),
    "a text": ('{"DKR-MEM": {"maxMb": "much"}}', "DKR-MEM: maxMb is 'much': should be a whole number"),
    "a fraction": ('{"DKR-MEM": {"maxMb": 1.5}}', "DKR-MEM: maxMb is 1.5: should be a whole number"),
    "too little": ('{"DKR-MEM": {"maxMb": -5}}', "DKR-MEM: maxMb is -5: Input should be greater than or equal to 6"),
    "a list for a number": ('{"DKR-MEM": {"maxMb": [1]}}', "DKR-MEM: maxMb is [1]: should be a whole number"),
    "a text for a list": ('{"DKR-SECRET": {"allow": "X"}}', "DKR-SECRET: allow is 'X': should be a list"),
    "a number in a list": ('{"DKR-SECRET": {"allow": [1]}}', "DKR-SECRET: allow[0] is 1: should be a text"),
    "half a character": ('{"DKR-SECRET": {"allow": ["\\ud800"]}}', "DKR-SECRET"),
    "many digits": ('{"DKR-MEM": {"maxMb": ' + "9" * 5000 + "}}", "at most 18 digits are allowed"),
    "a large exponent": ('{"DKR-MEM": {"maxMb": 1e999}}', "has the number 1e999; a finite one is allowed"),
    "no number": ('{"DKR-CPU": {"maxCpus": NaN}}', "has the number NaN; a finite one is allowed"),
    "twice": ('{"DKR-MEM": {"maxMb": 100}, "DKR-MEM": "mandatory"}', "has the key 'DKR-MEM' twice"),
    "an option twice": ('{"DKR-MEM": {"maxMb": 100, "maxMb": 200}}', "has the key 'maxMb' twice"),
    "deep": ("[" * 100_000, "is nested too deeply"),
    "UTF-16": ("{}".encode("utf-16"), "is not a text in UTF-8"),
    "a level": ('{"DKR-MEM": "off"}', "DKR-MEM is 'off': should be one of advisory, mandatory"),
    "no level": ('{"DKR-MEM": {"enforcementLevel": 3}}', "DKR-MEM: enforcementLevel is 3: should be a level"),
    "levels": ('{"PACK": {"levels": {"prod": "mandatory"}}}', "PACK: levels.prod is 'mandatory': should be"),
    "a file of waivers": ('{"PACK": {"waivers": 3}}', "PACK: waivers is 3: should be a text"),
    "pattern": ('{"PACK": {"development": ["*"]}}', "development[0] is '*': should be one environment's name"),
    "two kinds": ('{"PACK": {"development": ["qa"], "staging": ["qa"]}}', "qa is in `development`, too"),
    "empty name": ('{"DKR-SECRET": {"names": [""]}}', "should be a pattern of names"),
    "production": ('{"PACK": {"development": ["prod"]}}', "PACK: development[0] is 'prod': production"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG_CONFIGS)
def test_a_wrong_config_is_explained(tmp_path: Path, case: str) -> None:
    content, says = WRONG_CONFIGS[case]
    file = tmp_path / "config.json"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ConfigError) as error:
        config.read(file, RULES)
    assert says in str(error.value)
    assert all(str(file) in each for each in error.value.problems)
    assert max(map(len, error.value.problems)) < 400


class Aborted(Exception):
    """What a context raises to end a call."""


class Context:
    """What gRPC gives to a method: it ends the call with a code and a text."""

    def abort(self, code: grpc.StatusCode, details: str) -> None:
        raise Aborted(code, details)


def configure(entries: dict[str, Any]) -> None:
    policies = {
        name: analyzer_pb2.PolicyConfig(
            enforcementLevel=analyzer_pb2.MANDATORY, properties=json_format.ParseDict(value, struct_pb2.Struct())
        )
        for name, value in entries.items()
    }
    analyzer.Analyzer().Configure(analyzer_pb2.ConfigureAnalyzerRequest(policyConfig=policies), Context())  # type: ignore[arg-type]


def test_the_engine_is_told_what_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Anything else would reach people as `StatusCode.UNKNOWN` and a text without a file."""
    monkeypatch.setattr(analyzer, "FOLDER", tmp_path)
    configure({})
    for content, says in WRONG_WAIVERS.values():
        (tmp_path / "waivers.yaml").write_bytes(content)
        with pytest.raises(Aborted) as aborted:
            configure({})
        assert aborted.value.args[0] == grpc.StatusCode.INVALID_ARGUMENT
        assert says in aborted.value.args[1]
    (tmp_path / "waivers.yaml").unlink()
    for entries, says in (
        ({"PACK": {"waivers": "none.yaml"}}, "none.yaml: can't be read: No such file or directory"),
        ({"PACK": {"waivers": ""}}, "is a folder"),
        ({"PACK": {"waivers": "x\0"}}, "is no name of a file"),
        ({"PACK": {"waivers": 3}}, "the config of the policy pack: PACK: waivers is 3: should be a text"),
        ({"DKR-MEM": {"maxMb": 1e300}}, "the config of the policy pack: DKR-MEM: maxMb is "),
    ):
        with pytest.raises(Aborted) as aborted:
            configure(entries)
        assert aborted.value.args[0] == grpc.StatusCode.INVALID_ARGUMENT
        assert says in aborted.value.args[1]
