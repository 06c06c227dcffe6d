"""`tt down` and `tt purge`: what is checked before anything goes, and what is reported."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ops.tt.errors import InterruptedWorkError, RefusedError
from ops.tt.output import Output
from ops.tt.project import Project
from ops.tt.restore import scratch
from ops.tt.stack import attached, removal
from toolchain.process import foreground

DESTROY = ("destroy", "--exclude-protected", "--yes", "--skip-preview")
UNPROTECT, DESTROY_ALL = ("state", "unprotect", "--all", "--yes"), ("destroy", "--yes", "--skip-preview")


class Calls:
    """What is done, in its order, and what of it fails."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.done: list[Any] = []
        self.refusal: Exception | None = None
        self.problems: list[str] = []
        self.codes: dict[tuple[str, ...], int] = {}
        compared = SimpleNamespace(check=self._check, forgotten_notes=["left: a-volume"])
        monkeypatch.setattr(removal, "Host", lambda _: "host")
        monkeypatch.setattr(removal, "Engine", lambda _: SimpleNamespace(resources=list))
        monkeypatch.setattr(removal, "compare", lambda *_: compared)
        monkeypatch.setattr(removal, "obstacles", self._obstacles)
        monkeypatch.setattr(scratch, "remove_all", self._remove_scratch)
        monkeypatch.setattr(removal, "left", lambda _: iter(["its passphrase"]))
        monkeypatch.setattr(attached, "engine_environment", lambda _: {})
        monkeypatch.setattr(attached, "obstacles", lambda _: [])
        monkeypatch.setattr(foreground, "run", self._pulumi)

    def _check(self) -> None:
        self.done.append("own")
        if self.refusal:
            raise self.refusal

    def _remove_scratch(self, _host: object) -> list[str]:
        self.done.append("scratch")
        return ["look"]

    def _obstacles(self, _project: Project) -> list[str]:
        self.done.append("lock")
        return self.problems

    def _pulumi(self, command: list[str], *_: object, **__: object) -> int:
        assert command[:2] == ["pulumi", "--stack=demo"]
        self.done.append(tuple(command[2:]))
        return self.codes.get(tuple(command[2:]), 0)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    return Calls(monkeypatch)


def down(*, yes: bool = True) -> int:
    return removal.down(Project(Path(), "demo"), Output(json=False), yes=yes)


def purge(confirm: str | None = "demo") -> int:
    return removal.purge(Project(Path(), "demo"), Output(json=False), confirm)


def test_down_checks_whose_it_is_and_the_lock_before_anything_goes(calls: Calls) -> None:
    assert down() == 0
    assert calls.done == ["own", "lock", DESTROY]


def test_down_names_volumes_that_nothing_deletes(calls: Calls, capsys: pytest.CaptureFixture[str]) -> None:
    assert down() == 0
    assert capsys.readouterr().err == "left: a-volume\n"


def test_where_a_person_is_asked_pulumi_asks(calls: Calls) -> None:
    assert down(yes=False) == 0
    assert calls.done[-1] == ("destroy", "--exclude-protected")


def test_purge_removes_copies_and_protection_first(calls: Calls, capsys: pytest.CaptureFixture[str]) -> None:
    assert purge() == 0
    assert calls.done == ["own", "lock", "scratch", UNPROTECT, DESTROY_ALL]
    said = capsys.readouterr()
    assert said.out == "==> The data of 'demo' is deleted\n    left: a-volume\n    left: its passphrase\n"
    assert said.err == "The scratch 'look' is gone.\n"


@pytest.mark.parametrize("command", [down, purge])
def test_what_is_another_state_s_is_left(calls: Calls, command: Callable[[], int]) -> None:
    calls.refusal = RefusedError("they are another state's")
    with pytest.raises(RefusedError, match="another state's"):
        command()
    assert calls.done == ["own"]


@pytest.mark.parametrize("command", [down, purge])
def test_a_lock_is_the_end_before_pulumi_is_asked(calls: Calls, command: Callable[[], int]) -> None:
    calls.problems = ["an update of 'demo' is under way", "the passphrase does not fit"]
    with pytest.raises(RefusedError, match="is under way\nthe passphrase does not fit"):
        command()
    assert calls.done == ["own", "lock"]


@pytest.mark.parametrize("failing", [UNPROTECT, DESTROY_ALL])
def test_a_purge_that_fails_goes_no_further(
    calls: Calls, capsys: pytest.CaptureFixture[str], failing: tuple[str, ...]
) -> None:
    calls.codes[failing] = 255
    assert purge() == 255
    assert calls.done[-1] == failing
    assert "is deleted" not in capsys.readouterr().out


@pytest.mark.parametrize("confirm", [None, "", "dev"])
def test_only_the_name_confirms(calls: Calls, monkeypatch: pytest.MonkeyPatch, confirm: str | None) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    with pytest.raises(RefusedError, match=r"nothing was deleted: `./tt purge --stack demo --confirm demo` would"):
        purge(confirm)
    assert calls.done == []


def test_an_interrupt_before_anything_goes_says_so(calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: object) -> list[str]:
        raise KeyboardInterrupt

    monkeypatch.setattr(removal, "obstacles", interrupt)
    with pytest.raises(InterruptedWorkError, match=r"^interrupted; nothing was changed$"):
        down()


def test_an_interrupt_in_the_middle_reports_what_was_done(calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: object) -> list[str]:
        raise KeyboardInterrupt

    monkeypatch.setattr(scratch, "remove_all", interrupt)
    with pytest.raises(InterruptedWorkError) as told:
        purge()
    assert str(told.value) == (
        "Interrupted. `./tt status --stack demo` reports how things are\n"
        "    done: checking whose the volumes are, checking the lock of the state\n"
        "    cut off: removing scratch servers\n"
        "    not done: allowing the data to be deleted, deleting the stack with its data"
    )


def test_a_signal_to_pulumi_has_what_was_done_reported(calls: Calls, capsys: pytest.CaptureFixture[str]) -> None:
    calls.codes[DESTROY] = 130
    assert down() == 130
    assert "    cut off: removing containers and networks\n" in capsys.readouterr().err
