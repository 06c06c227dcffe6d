"""Waivers: for one rule and one resource, and for a time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from policies import waivers
from policies.config import PACK
from policies.documents.errors import ConfigError
from policies.registry import RULES
from policies.resource import Resource
from policies.rule import Level
from policies.values import UNKNOWN
from tests.policies.compliant import container
from tests.policies.test_pack import PRIVILEGED, UNLIMITED, pack, rules_of, waiver

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
