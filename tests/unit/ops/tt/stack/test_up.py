"""What `make up` runs: a preview that may be the end, the update, and what comes after it."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ops.tt.errors import BrokenError, Exit, RefusedError
from ops.tt.output import Output
from ops.tt.project import Project
from ops.tt.stack import up
from ops.tt.stack.update import Ready

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
        monkeypatch.setattr(up.foreground, "run", self._pulumi)
        monkeypatch.setattr(up, "obstacles", lambda _: ["a lock"])
        monkeypatch.setattr(up, "save", lambda *_, if_possible: self.done.append("save") or {"id": "a1", "size": 1})
        monkeypatch.setattr(up, "connect_again", lambda *_: self.done.append("connect"))
        monkeypatch.setattr(up, "Host", lambda _: None)
        monkeypatch.setattr(up, "Engine", lambda _: SimpleNamespace(resources=list))
        monkeypatch.setattr(up, "say_where", lambda *_: self.done.append("where"))

    def _pulumi(self, command: list[str], environment: dict[str, str]) -> int:
        assert command[:2] == ["pulumi", "--stack=dev"]
        assert "PATH" in environment
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
        return self.codes.get(step, 0)


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Steps:
    return Steps(monkeypatch)


def run(*, yes: bool = True) -> int:
    return up.up(Project(Path(), "dev"), Output(json=False), ["--policy-pack", "policies"], yes=yes)


def test_a_preview_without_changes_is_the_end(steps: Steps) -> None:
    assert run() == 0
    assert steps.done == [PREVIEW, "where"]
    assert steps.options == ["--policy-pack", "policies"]


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
    ("error", "code"), [(RefusedError("no"), 4), (BrokenError("down"), 6), (KeyboardInterrupt(), 130)]
)
def test_the_command_ends_with_the_code_of_its_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: BaseException, code: int
) -> None:
    def refuse(_project: Project, _output: Output, options: list[str], *, yes: bool) -> int:
        assert (options, yes) == (["--policy-pack", "policies"], True)
        raise error

    monkeypatch.setattr(up, "up", refuse)
    assert up.main(["--stack=dev", "--yes", "--", "--policy-pack", "policies"]) == code
    said = capsys.readouterr()
    assert said.out == ""
    assert ("Interrupted. `./tt status --stack dev`" in said.err) is (code == Exit.INTERRUPTED)
