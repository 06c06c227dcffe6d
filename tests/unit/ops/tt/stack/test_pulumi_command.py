"""`tt pulumi` hands everything to Pulumi, with the variables of the stack that it names."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from ops.tt import cli
from ops.tt.errors import Exit
from ops.tt.stack import pulumi_command
from toolchain.process.steps import StepError

Call = Callable[..., tuple[list[str], dict[str, str | None]]]


class Replaced(Exception):
    """Pulumi has taken the place of the process."""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with two stacks, in its own folder."""
    (tmp_path / "Pulumi.yaml").write_text("name: tasktracker\n")
    for stack in ("dev", "prod"):
        (tmp_path / f"Pulumi.{stack}.yaml").write_text("config:\n  tasktracker:environment: dev\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pulumi_command, "ROOT", tmp_path)
    monkeypatch.setattr(
        pulumi_command, "environment", lambda config: {"PULUMI_BACKEND_URL": f"of {config and config.name}"}
    )
    for name in ("STACK", "PULUMI_STACK", "PULUMI_BACKEND_URL"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def call(project: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """The command line that Pulumi gets from that of `tt`, and what it has of the stack in its environment."""

    def call(*arguments: str) -> tuple[list[str], dict[str, str | None]]:
        found: list[list[str]] = []

        def replace(_program: str, command: list[str]) -> None:
            found.append(command)
            raise Replaced

        monkeypatch.setattr(os, "execvp", replace)
        monkeypatch.setattr("sys.argv", ["tt", *arguments])
        with pytest.raises(Replaced):
            cli.main()
        return found[0], {name: os.environ.get(name) for name in ("PULUMI_BACKEND_URL", "PULUMI_STACK")}

    return call


@pytest.mark.parametrize(
    "arguments",
    [
        ["config", "set", "--secret", "tasktracker:tls_key", "--stack", "prod"],
        ["config", "set", "--path", "tasktracker:nginx.publish.port", "8090", "-s", "prod"],
        ["--stack=prod", "up", "--yes", "--json", "--help", "--project", "x"],
        ["config", "set", "-sprod", "a", "--", "-5", "--stack", "dev"],
    ],
)
def test_every_argument_is_pulumi_s(call: Call, arguments: list[str]) -> None:
    command, environment = call("pulumi", *arguments)
    assert command == ["pulumi", *arguments]
    assert environment == {"PULUMI_BACKEND_URL": "of Pulumi.prod.yaml", "PULUMI_STACK": None}


def test_the_stack_may_come_first(call: Call) -> None:
    command, environment = call("-s", "prod", "pulumi", "stack", "rm")
    assert command == ["pulumi", "stack", "rm", "-s", "prod"]
    assert environment["PULUMI_BACKEND_URL"] == "of Pulumi.prod.yaml"


def test_without_one_it_is_the_variable_s_or_the_selected_one(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    assert call("pulumi", "version")[1] == {"PULUMI_BACKEND_URL": "of None", "PULUMI_STACK": None}
    monkeypatch.setenv("STACK", "prod")
    assert call("pulumi", "up")[1] == {"PULUMI_BACKEND_URL": "of Pulumi.prod.yaml", "PULUMI_STACK": "prod"}


def test_a_stack_without_its_file_can_be_removed(call: Call) -> None:
    assert call("pulumi", "stack", "rm", "--stack", "old")[1]["PULUMI_BACKEND_URL"] == "of Pulumi.old.yaml"


def test_it_runs_in_the_project_s_folder(call: Call, project: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    (project / "docs").mkdir()
    os.chdir(project / "docs")
    call("pulumi", "version")
    assert Path.cwd() == project / "docs"
    os.chdir(tmp_path_factory.mktemp("elsewhere"))
    call("pulumi", "version")
    assert Path.cwd() == project


def test_what_is_in_the_way_is_told(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def none(_config: object) -> dict[str, str]:
        raise StepError("there is no Pulumi engine yet: run `make tools`")

    monkeypatch.setattr(pulumi_command, "environment", none)
    monkeypatch.setattr("sys.argv", ["tt", "pulumi", "up", "-s", "prod"])
    assert cli.main() == Exit.UNREACHABLE
    assert "error: there is no Pulumi engine yet" in capsys.readouterr().err
    (project / "Pulumi.prod.yaml").write_text("config: {tasktracker:state_backend: s3://states}\n")
    assert cli.main() == Exit.UNREACHABLE
    assert "must be a line of its own" in capsys.readouterr().err


def test_a_lock_is_told_in_tt_s_words_and_not_in_pulumi_s(
    call: Call, project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Pulumi advises to delete the lock's file, whoever has it."""
    monkeypatch.setattr(pulumi_command, "environment", lambda config: {"PULUMI_BACKEND_URL": f"file://{project}/state"})
    folder = project / "state/.pulumi/locks/organization/tasktracker/prod"
    folder.mkdir(parents=True)
    content = {"pid": 4194304, "username": "jo", "hostname": socket.gethostname(), "timestamp": "2026-11-20T12:00:00Z"}
    (folder / "a.json").write_text(json.dumps(content))
    for command in (["up", "-s", "prod"], ["state", "unprotect", "--all", "--stack=prod"], ["-s", "prod", "destroy"]):
        monkeypatch.setattr("sys.argv", ["tt", "pulumi", *command])
        assert cli.main() == Exit.REFUSED
        error = capsys.readouterr().err
        assert "an update of 'prod' was killed (process 4194304 of jo" in error
        assert "`./tt recover --stack prod` clears it" in error
    assert call("pulumi", "preview", "-s", "prod")[0] == ["pulumi", "preview", "-s", "prod"]
    assert call("pulumi", "up", "-s", "dev")[0] == ["pulumi", "up", "-s", "dev"]
