"""`tt up`: a preview that may be the end, the update, and what comes after it."""

from __future__ import annotations

import contextlib
import json
import signal
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ops.tt import cli
from ops.tt.errors import BrokenError, Exit, InterruptedWorkError, RefusedError
from ops.tt.output import Output
from ops.tt.project import Project
from ops.tt.stack import attached, up
from ops.tt.stack.update import Ready
from toolchain.process import foreground
from toolchain.process.steps import ROOT
from toolchain.pulumi_engine.engine import POLICY_OPTIONS

#: The state can be saved once its object store is on its network again.
AFTER = ("connect", "save", "where")
PREVIEW, UPDATE, ASKING = ("preview",), ("up", "--yes", "--skip-preview"), ("up",)


def events(changes: dict[str, int], before: dict[str, str], after: dict[str, str]) -> list[str]:
    """The events of a preview, as Pulumi writes them."""
    stack = {"type": up.STACK, "op": "same"}
    return [
        json.dumps({"sequence": 1, "resourcePreEvent": {"metadata": stack}}),
        json.dumps(
            {"resOutputsEvent": {"metadata": {**stack, "old": {"outputs": before}, "new": {"outputs": before}}}}
        ),
        json.dumps({"resOutputsEvent": {"metadata": {"type": "x:y:Z", "old": None, "new": {"outputs": {"a": "b"}}}}}),
        json.dumps({"resOutputsEvent": {"metadata": {**stack, "old": {"outputs": before}, "new": {"outputs": after}}}}),
        json.dumps({"summaryEvent": {"resourceChanges": changes}}),
    ]


URL = {"url": "http://localhost"}


@pytest.mark.parametrize(
    ("changes", "after", "expected"),
    [
        ({"same": 117}, URL, False),
        ({"same": 116, "update": 1}, URL, True),
        ({"same": 116, "delete": 1}, URL, True),
        ({"same": 117}, {**URL, "program": "another commit"}, True),
    ],
)
def test_a_preview_that_finds_nothing_is_known(changes: dict[str, int], after: dict[str, str], expected: bool) -> None:
    assert up.changes_anything(events(changes, URL, after)) is expected


def test_a_preview_without_an_end_is_not_taken_for_one_without_changes() -> None:
    assert up.changes_anything(events({"same": 1}, URL, URL)[:-1])


class Steps:
    """What is done, and what of it fails."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ready = Ready({"resources": []})
        self.changes: dict[str, int] = {"same": 1}
        self.codes: dict[tuple[str, ...], int] = {}
        self.done: list[Any] = []
        self.options: list[str] = []
        monkeypatch.setattr(up, "before", lambda *_, yes: self.ready)
        self.signal: int | None = None
        monkeypatch.setattr(foreground, "run", self._pulumi)
        monkeypatch.setattr(attached, "engine_environment", lambda _: {"PULUMI_BACKEND_URL": "file:///state"})
        monkeypatch.setattr(attached, "obstacles", lambda _: ["a lock"])
        monkeypatch.setattr(up, "save", self._save)
        monkeypatch.setattr(up, "connect_again", lambda *_: self.done.append("connect"))
        monkeypatch.setattr(up, "Host", lambda _: None)
        monkeypatch.setattr(up, "Engine", lambda _: SimpleNamespace(resources=list))
        monkeypatch.setattr(up, "say_where", lambda *_: self.done.append("where"))

    def _save(self, *_: object, if_possible: bool) -> dict[str, object]:
        self.done.append("save")
        return {"id": "a1", "size": 1}

    def _pulumi(
        self,
        command: list[str],
        environment: dict[str, str],
        *,
        folder: Path,
        stdout: int | None,
        on_signal: Callable[[int], None],
    ) -> int:
        assert command[:2] == ["pulumi", "--stack=dev"]
        assert {"PATH", "PULUMI_BACKEND_URL"} <= environment.keys()
        assert (folder, stdout) == (Path(), None)
        arguments = command[2:]
        split = arguments.index("--diff=false")
        step = tuple(arguments[:split])
        self.done.append(step)
        self.options = arguments[split + 1 :]
        if step == PREVIEW:
            assert environment["PULUMI_DEBUG_COMMANDS"] == "true"
            at = self.options.index("--event-log")
            Path(self.options[at + 1]).write_text("\n".join(events(self.changes, URL, URL)))
            del self.options[at : at + 2]
        if step in self.codes and self.signal is not None:
            on_signal(self.signal)
        return self.codes.get(step, 0)


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Steps:
    return Steps(monkeypatch)


def run(*, yes: bool = True) -> int:
    return up.up(Project(Path(), "dev"), Output(json=False), ["--target", "x"], yes=yes)


def test_a_preview_without_changes_is_the_end(steps: Steps) -> None:
    assert run() == 0
    assert steps.done == [PREVIEW, "where"]
    assert steps.options == [*POLICY_OPTIONS, "--target", "x"]


def test_in_its_own_folder_the_policies_are_named_without_it() -> None:
    own = ["--policy-pack", "policies", "--policy-pack-config", "policies/config.json"]
    assert up._policies(Project(ROOT, "dev")) == own
    assert up._policies(Project(Path("/elsewhere"), "dev")) == [*POLICY_OPTIONS]


def test_changes_are_made_once_they_were_previewed(steps: Steps, capsys: pytest.CaptureFixture[str]) -> None:
    steps.changes = {"same": 1, "create": 1}
    assert run() == 0
    assert steps.done == [PREVIEW, UPDATE, *AFTER]
    assert capsys.readouterr().err == "==> The state is saved as set a1, 1 B\n"


@pytest.mark.parametrize("ready", [Ready({}, refresh=True), Ready({"pending_operations": [{}]})])
def test_a_state_that_is_not_what_is_there_takes_an_update(steps: Steps, ready: Ready) -> None:
    steps.ready = ready
    assert run() == 0
    assert steps.done == [PREVIEW, UPDATE, *AFTER]
    assert ("--refresh" in steps.options) is ready.refresh


def test_where_a_person_is_asked_pulumi_asks(steps: Steps) -> None:
    assert run(yes=False) == 0
    assert steps.done == [ASKING, *AFTER]


@pytest.mark.parametrize(("fails", "done"), [(PREVIEW, [PREVIEW]), (UPDATE, [PREVIEW, UPDATE])])
def test_a_failure_is_the_end_and_what_is_in_the_way_is_named(
    steps: Steps, capsys: pytest.CaptureFixture[str], fails: tuple[str, ...], done: list[Any]
) -> None:
    steps.changes = {"create": 1}
    steps.codes[fails] = 255
    assert run() == 255
    assert steps.done == done
    assert capsys.readouterr().err == "==> a lock\n"


@pytest.mark.parametrize(
    ("fails", "report"),
    [
        (
            PREVIEW,
            "==> Interrupted. `./tt status --stack dev` reports how things are\n"
            "    done: comparing the host with the state, and starting what was stopped by hand\n"
            "    cut off: the preview\n"
            "    not done: the update, connecting containers to new networks, saving the state, asking the stack's URL",
        ),
        (
            UPDATE,
            "==> Interrupted. `./tt status --stack dev` reports how things are\n"
            "    done: comparing the host with the state, and starting what was stopped by hand, the preview\n"
            "    cut off: the update\n"
            "    not done: connecting containers to new networks, saving the state, asking the stack's URL",
        ),
    ],
)
@pytest.mark.parametrize(("code", "number"), [(255, signal.SIGINT), (143, None), (137, None)])
def test_a_signal_has_what_was_done_reported(
    steps: Steps,
    capsys: pytest.CaptureFixture[str],
    fails: tuple[str, ...],
    report: str,
    code: int,
    number: int | None,
) -> None:
    steps.changes, steps.codes[fails], steps.signal = {"create": 1}, code, number
    assert run() == code
    assert capsys.readouterr().err == f"{report}\n==> a lock\n"


@pytest.mark.parametrize(
    ("step", "lines"),
    [
        ("before", ["cut off: comparing the host with the state, and starting what was stopped by hand"]),
        ("save", ["the update, connecting containers to new networks", "cut off: saving the state"]),
        ("say_where", ["the update, connecting containers to new networks, saving the state", "the stack's URL"]),
    ],
)
def test_an_interrupt_reports_what_was_done(
    steps: Steps, monkeypatch: pytest.MonkeyPatch, step: str, lines: list[str]
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    steps.changes = {"create": 1}
    monkeypatch.setattr(up, step, interrupt)
    with pytest.raises(InterruptedWorkError, match=r"^Interrupted\. `./tt status --stack dev` reports") as told:
        run()
    assert all(line in str(told.value) for line in lines)


def test_a_step_that_knows_more_says_it_too(steps: Steps, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise InterruptedWorkError("the save goes on in its container")

    steps.changes = {"create": 1}
    monkeypatch.setattr(up, "save", interrupt)
    with pytest.raises(InterruptedWorkError, match=r"^Interrupted\.(.*\n)+.*\nthe save goes on in its container$"):
        run()


def test_one_of_the_program_s_own_is_in_the_document(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], steps: Steps
) -> None:
    """With `--json` standard output has one document, and Pulumi's words are elsewhere."""
    given: list[int | None] = []

    def fail(*_: object, stdout: int | None, **__: object) -> int:
        given.append(stdout)
        return 255

    monkeypatch.setattr(foreground, "run", fail)
    assert up.up(Project(Path(), "dev"), Output(json=True), yes=True) == 255
    document = json.loads(capsys.readouterr().out)
    assert document == {"error": "`pulumi preview` failed, and has said why on standard error\na lock", "code": 255}
    assert given[0] is not None


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: tasktracker\n")
    (tmp_path / "Pulumi.dev.yaml").write_text("config:\n  tasktracker:environment: dev\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PULUMI_SKIP_CONFIRMATIONS", raising=False)


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("error", "code"), [(RefusedError("no"), 4), (BrokenError("down"), 6), (InterruptedWorkError("Interrupted."), 130)]
)
def test_the_command_ends_with_the_code_of_its_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: BaseException, code: int
) -> None:
    def refuse(_project: Project, _output: Output, options: list[str], *, yes: bool) -> int:
        assert (options, yes) == (["--target", "x"], True)
        raise error

    monkeypatch.setattr(up, "up", refuse)
    monkeypatch.setattr("sys.argv", ["tt", "up", "--stack=dev", "--yes", "--", "--target", "x"])
    assert cli.main() == code
    said = capsys.readouterr()
    assert said.out == ""
    assert ("Interrupted." in said.err) is (code == Exit.INTERRUPTED)


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("command", ["up", "down"])
def test_a_question_that_no_one_can_answer_is_refused_first(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    monkeypatch.setattr("sys.argv", ["tt", command, "--stack=dev"])
    assert cli.main() == Exit.REFUSED
    assert f"nothing was done: `./tt {command} --stack=dev --yes` does it" in capsys.readouterr().err


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("command", [["up", "--yes"], ["preview"], ["down", "--yes"], ["audit"]])
def test_a_machine_without_an_engine_names_the_target_that_gets_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    monkeypatch.setattr("toolchain.pulumi_engine.engine._installed_way", lambda: None)
    monkeypatch.setattr("ops.tt.stack.removal.Host", lambda _: None)
    monkeypatch.setattr("sys.argv", ["tt", *command])
    assert cli.main() == Exit.UNREACHABLE
    assert "there is no Pulumi engine yet: run `make tools`" in capsys.readouterr().err


def test_a_preview_is_of_what_an_update_would_do(steps: Steps, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(up, "environment_for_preview", contextlib.nullcontext)
    commands: list[list[str]] = []

    def run(command: list[str], *_: object, **__: object) -> int:
        commands.append(command)
        return 0

    monkeypatch.setattr(foreground, "run", run)
    monkeypatch.setattr(up, "variables", lambda _: {})
    assert up.preview(Project(Path(), "dev"), Output(json=False), ["--target", "x"]) == 0
    assert commands == [["pulumi", "--stack=dev", "preview", *POLICY_OPTIONS, "--diff", "--target", "x"]]
