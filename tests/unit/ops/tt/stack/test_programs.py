"""`tt audit` and `tt push`: what the programs get that do the work, and how they end."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ops import pulumi_cli
from ops.pulumi_cli import PulumiError
from ops.tt.errors import FailedError, InterruptedWorkError, UnreachableError
from ops.tt.output import Output
from ops.tt.project import Project
from ops.tt.stack import programs
from toolchain.process import foreground
from toolchain.process.steps import ROOT

PROJECT = Project(Path("/srv/project"), "prod")


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The calls of the programs, which end well."""
    found: list[dict[str, Any]] = []

    def run(command: list[str], **options: Any) -> Any:
        found.append({"command": command, **options})
        return SimpleNamespace(returncode=3)

    monkeypatch.setattr(programs, "variables", lambda _: {"A": "b"})
    monkeypatch.setattr(programs, "obstacles", lambda _: ["the passphrase does not fit"])
    monkeypatch.setattr(subprocess, "run", run)
    return found


def exported(arguments: list[str], folder: Path, environment: dict[str, str]) -> str:
    assert (folder, environment) == (PROJECT.folder, {"A": "b"})
    assert arguments == ["stack", "export", "--show-secrets", "--stack", "prod"]
    return "the state"


@pytest.mark.parametrize("as_json", [False, True])
def test_an_audit_gets_the_state_and_its_code_is_passed_on(
    calls: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, as_json: bool
) -> None:
    monkeypatch.setattr(pulumi_cli, "output", exported)
    assert programs.audit(PROJECT, Output(json=as_json)) == 3
    (call,) = calls
    options = ["--stack", "prod", "--state", "-", *(["--json"] if as_json else [])]
    assert call["command"] == [sys.executable, "-m", "policies.audit", *options]
    # Where the stack's file is; the secrets are on no command line and in no variable.
    assert call["cwd"] == PROJECT.folder
    assert call["input"] == "the state"
    assert call["env"] == {"A": "b", "PYTHONPATH": str(ROOT)}


def test_a_state_that_can_not_be_read_says_what_is_in_the_way(
    calls: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(arguments: list[str], *_: object) -> str:
        raise PulumiError(arguments, "incorrect passphrase")

    monkeypatch.setattr(pulumi_cli, "output", fail)
    with pytest.raises(
        UnreachableError, match=r"^`pulumi stack export`: incorrect passphrase\nthe passphrase does not fit$"
    ):
        programs.audit(PROJECT, Output(json=False))
    assert calls == []


@pytest.fixture
def pushes(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The last push: its command, and where its output went; it ends with `code`, after `signals`."""
    push = SimpleNamespace(command=[], stdout=None, code=0, signals=[])

    def run(command: list[str], _environment: object, *, folder: Path, stdout: int | None, on_signal: Any) -> int:
        assert folder == ROOT
        push.command, push.stdout = command, stdout
        for each in push.signals:
            on_signal(each)
        return int(push.code)

    monkeypatch.setattr(foreground, "run", run)
    return push


def test_a_push_is_that_of_the_toolchain(pushes: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert programs.push(Output(json=False), "registry.example.com/x", "1.2") == 0
    assert pushes.command == [sys.executable, "-m", "toolchain.targets.push", "--tag", "1.2", "registry.example.com/x"]
    assert pushes.stdout is None
    assert capsys.readouterr().out == ""
    assert programs.push(Output(json=True), "registry.example.com/x", None) == 0
    assert pushes.command[-1:] == ["registry.example.com/x"]
    assert pushes.stdout == 2
    assert json.loads(capsys.readouterr().out) == {"repository": "registry.example.com/x", "tag": None}


def test_a_push_that_fails_has_said_why(pushes: Any) -> None:
    pushes.code = 1
    assert programs.push(Output(json=False), "registry.example.com/x", None) == 1
    with pytest.raises(FailedError, match="the reason is on standard error"):
        programs.push(Output(json=True), "registry.example.com/x", None)
    pushes.code, pushes.signals = 130, [2]
    assert programs.push(Output(json=False), "registry.example.com/x", None) == 130
    with pytest.raises(InterruptedWorkError, match="the same command goes on from here"):
        programs.push(Output(json=True), "registry.example.com/x", None)
