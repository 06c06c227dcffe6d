"""The page on what a pull request is told shows what the program makes of the recorded preview."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from docs.pull_request_comment import PAGE, RECORDING, page
from ops.ci.preview import Preview, State, Step, Violation
from ops.ci.preview_report import Exit, exit_code, load
from ops.ci.report_blocks import LABEL
from policies import config
from policies.evaluate import Pack, Target
from policies.registry import RULES
from policies.resource import Resource
from policies.values import decode
from toolchain.process.steps import ROOT
from toolchain.pulumi_engine.engine import POLICY_PACK_CONFIG

#: The environment of the recorded stack, which a preview does not have.
ENVIRONMENT = "dev"


@pytest.fixture(scope="module")
def recorded() -> Preview:
    [preview] = load([RECORDING])
    return preview


def resource(step: Step, state: State) -> Resource:
    """A recorded resource, as the engine hands it to the pack."""
    secrets: set[str] = set()
    return Resource(step.types[-1], step.name, step.urn, decode(state.inputs, secrets), frozenset(secrets))


def violations(preview: Preview, resources: Iterable[Resource]) -> list[Violation]:
    """What today's pack finds in these resources, with the config that `make preview` gives it."""
    target = Target(preview.stack, "tasktracker", ENVIRONMENT)
    pack = Pack(RULES, config.read(Path(POLICY_PACK_CONFIG), RULES), (), target, datetime.date(2026, 11, 22))
    return [
        Violation(each.rule.id, each.level.name.lower(), each.urn, each.message)
        for judged in resources
        for each in pack.analyze(judged)
    ]


def test_the_page_is_current() -> None:
    assert page() == PAGE.read_text(), "run `make docs`"


def test_the_recording_has_what_a_reader_wants_to_see(recorded: Preview) -> None:
    assert {step.op for step in recorded.changes} >= {"replace", "update"}
    assert [step.name for step in recorded.losses if step.is_data_volume] == ["uploads"]
    assert recorded.violations
    assert "[secret]" in PAGE.read_text()
    assert "```diff" in PAGE.read_text()
    assert exit_code([recorded]) is Exit.DATA_VOLUME
    assert exit_code([recorded], allow_volume_replacement=True) is Exit.FAILED


def test_the_recorded_violations_are_those_of_today_s_policies(recorded: Preview) -> None:
    found = violations(recorded, [resource(step, step.new) for step in recorded.changes if step.new])
    assert recorded.violations == found, "docs/previews/demo.jsonl is out of date: record it again"
    assert any(each.is_mandatory for each in found)


def test_before_the_recorded_change_no_policy_was_broken(recorded: Preview) -> None:
    before = [resource(step, step.old) for step in recorded.changes if step.old]
    assert before
    assert violations(recorded, before) == []


def test_the_recording_does_not_say_where_it_was_made() -> None:
    assert re.findall(r"file://|/(?:home|root|Users)/", RECORDING.read_text()) == []
    assert str(ROOT) not in RECORDING.read_text()


def test_the_page_names_what_the_workflow_reads() -> None:
    workflow = (ROOT / ".github/workflows/preview.yml").read_text()
    for name in ("TASKTRACKER_BACKEND_URL", "TASKTRACKER_PASSPHRASE_", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        assert name in workflow
        assert name in PAGE.read_text()
    assert f"`{LABEL}`" in PAGE.read_text()
