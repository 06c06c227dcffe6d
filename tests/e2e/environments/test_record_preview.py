"""Recordings of the real engine's previews give the report what it needs; no Docker in reach."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from ops.ci import record_preview
from ops.ci.preview import Preview
from ops.ci.preview_reader import read
from ops.ci.preview_report import report
from ops.ci.record_preview import NO_STACK, record
from tests.e2e.support.stack import NO_DOCKER, Stack
from toolchain.pulumi_engine.engine import POLICY_PACK

pytestmark = pytest.mark.engine

#: Beside the numbers of the stacks that are brought up; nothing of this one is made.
NUMBER = 79


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    made = Stack(tmp_path / "stack", "report", NUMBER)
    monkeypatch.setattr(os, "environ", {
        **os.environ,
        **NO_DOCKER,
        "TASKTRACKER_BACKEND_URL": made.env["PULUMI_BACKEND_URL"],
        "TASKTRACKER_PASSPHRASE_FILE": made.env["PULUMI_CONFIG_PASSPHRASE_FILE"],
    })  # fmt: skip
    return made


def recorded(stack: Stack, **config: Any) -> Preview:
    stack.write_config(config)
    return read(record(stack.name, stack.folder), stack.name)


def test_a_new_stack(stack: Stack) -> None:
    found = recorded(stack)
    assert not found.failed, report([found])
    assert found.is_new
    assert found.packs == ["docker-hosts 1.0.0"]
    assert found.violations == []
    assert found.counts["create"] == len(found.changes) > 50
    assert {step.name for step in found.changes if step.is_data_volume} >= {"postgres-data", "nats-data"}


def test_a_broken_policy(stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # What settings and policies judge alike, settings refuse first; so the policy is stricter here.
    stricter = tmp_path / "config.json"
    stricter.write_text(json.dumps({"PACK": {"environmentKey": "tasktracker:environment"}, "DKR-MEM": {"maxMb": 4096}}))
    options = ("--policy-pack", str(POLICY_PACK), "--policy-pack-config", str(stricter))
    monkeypatch.setattr(record_preview, "POLICY_OPTIONS", options)
    found = recorded(stack, worker={"resources": {"memory": "6GB"}})
    assert found.failed
    assert found.violations is not None
    assert [(each.policy, each.is_mandatory) for each in found.violations] == [("DKR-MEM", True)]
    assert found.errors == []
    assert "- `worker-blue` (`Container`): memory is 6144" in report([found])


def test_a_config_with_a_mistake(stack: Stack) -> None:
    found = recorded(stack, nginx={"publsh": {}})
    assert found.failed
    [error] = found.errors
    assert "tasktracker:nginx.publsh: unknown key" in error.message


def test_a_passphrase_that_does_not_fit(stack: Stack, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("not it")
    os.environ["TASKTRACKER_PASSPHRASE_FILE"] = str(other)
    [error] = recorded(stack).errors
    assert "incorrect passphrase" in error.message


def test_the_engine_s_words_for_a_missing_stack(stack: Stack) -> None:
    stack.name = "missing"
    assert NO_STACK in stack.pulumi("preview", "--json", check=False).stdout
