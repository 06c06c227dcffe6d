"""What updates tell, and how they end when they are stopped."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pulumi.automation import CommandError, ConcurrentUpdateError

from ops.tt.project import Project
from ops.tt.state.engine import Engine, Events, UpdateError, _said, data_volume_urns
from ops.tt.state.locks import LockedError, holders

RESULT = "\n code: 255\n stdout: Updating\n stderr: error: the bucket is gone\n"


def error(text: str = RESULT) -> CommandError:
    return CommandError(text)  # type: ignore[arg-type]


def engine(tmp_path: Path) -> Engine:
    made = object.__new__(Engine)
    made.project = Project(tmp_path, "dev")
    return made


def diagnostic(message: str, severity: str = "error") -> Any:
    told = SimpleNamespace(severity=severity, message=message)
    return SimpleNamespace(diagnostic_event=told, policy_event=None, resource_pre_event=None)


def begun(op: str, name: str) -> Any:
    urn = f"urn:pulumi:dev::tasktracker::tasktracker:components:Platform$docker:index/container:Container::{name}"
    metadata = SimpleNamespace(op=op, urn=urn)
    return SimpleNamespace(
        diagnostic_event=None, policy_event=None, resource_pre_event=SimpleNamespace(metadata=metadata)
    )


def test_errors_are_kept_once_and_without_colour() -> None:
    events = Events()
    for each in (
        diagnostic("<{%fg 1%}>it broke<{%reset%}>\n"),
        diagnostic("it broke"),
        diagnostic("careful", "warning"),
        diagnostic("update failed"),
    ):
        events.take(each)
    assert events.errors == ["it broke"]


def test_a_policy_s_refusal_is_an_error() -> None:
    events = Events()
    policy = SimpleNamespace(enforcement_level="mandatory", policy_name="DKR-USER", message="user is root.\n")
    events.take(SimpleNamespace(diagnostic_event=None, policy_event=policy, resource_pre_event=None))  # type: ignore[arg-type]
    assert events.errors == ["DKR-USER: user is root."]


def test_changes_are_what_changes_and_a_replacement_is_one() -> None:
    seen: list[tuple[str, str]] = []
    events = Events(on_change=lambda op, name: seen.append((op, name)))
    for op in ("same", "replace", "create-replacement", "delete-replaced", "create"):
        events.take(begun(op, "api"))
    assert events.changes == [(op, "docker:index/container:Container", "api") for op in ("replace", "create")]
    assert seen == [("replace", "api"), ("create", "api")]


def test_the_engine_s_words_are_found_in_those_of_the_api() -> None:
    assert _said(error()) == "the bucket is gone"


def locked(pid: int, host: str) -> LockedError:
    now = datetime.now(UTC).isoformat()
    told = f"the stack is currently locked by 1 lock(s).\n  file:///x: created by me@{host} (pid {pid}) at {now}"
    return LockedError("dev", holders(told))


def test_a_lock_tells_whether_its_holder_lives() -> None:
    process = subprocess.Popen(["true"])
    process.wait()
    here = socket.gethostname()
    assert "is under way" in str(locked(os.getpid(), here))
    assert "`./tt recover --stack dev`" in str(locked(process.pid, here))
    assert [locked(os.getpid(), here).dead, locked(process.pid, here).dead] == [False, True]
    # Of another machine nobody can say.
    assert not locked(process.pid, "elsewhere").dead
    assert not LockedError("dev", holders("the stack is currently locked by 1 lock(s).")).dead


def test_a_failed_update_says_what_its_events_said(tmp_path: Path) -> None:
    def fail(events: Events) -> None:
        events.take(diagnostic("the image is not there"))
        raise error()

    with pytest.raises(UpdateError, match=r"^the image is not there$"):
        engine(tmp_path)._run(fail)


def test_a_failed_update_without_events_says_what_the_engine_said(tmp_path: Path) -> None:
    def fail(_events: Events) -> None:
        raise error()

    with pytest.raises(UpdateError, match=r"^the bucket is gone$"):
        engine(tmp_path)._run(fail)


def test_an_update_under_way_is_refused(tmp_path: Path) -> None:
    def fail(_events: Events) -> None:
        raise ConcurrentUpdateError("locked")  # type: ignore[arg-type]

    with pytest.raises(LockedError, match="is under way"):
        engine(tmp_path)._run(fail)


@pytest.mark.parametrize("heed", [True, False])
def test_an_interrupt_waits_for_the_end_of_the_update(tmp_path: Path, heed: bool) -> None:
    ended, hastened = [], threading.Event()

    def slow(_events: Events) -> None:
        for _ in range(3):
            time.sleep(0.05)
            os.kill(os.getpid(), signal.SIGINT)
        hastened.wait(5)
        time.sleep(0.3)
        ended.append(True)

    def run() -> None:
        engine(tmp_path)._run(slow, heed=heed, on_interrupt=hastened.set)

    if heed:
        with pytest.raises(KeyboardInterrupt):
            run()
    else:
        run()
    assert ended


def test_a_data_volume_is_found_with_its_component() -> None:
    component = "urn:pulumi:dev::tasktracker::tasktracker:components:Platform$tasktracker:components:DataVolume"
    resources = [
        {"type": type_, "urn": f"{urn}::{name}", "outputs": {"name": f"tasktracker-dev-{name}"}}
        for name in ("postgres-data", "postgres-data-12", "uploads")
        for type_, urn in (
            ("tasktracker:components:DataVolume", component),
            ("docker:index/volume:Volume", f"{component}$docker:index/volume:Volume"),
        )
    ]
    assert data_volume_urns(resources, "tasktracker-dev-postgres-data") == [
        f"{component}::postgres-data",
        f"{component}$docker:index/volume:Volume::postgres-data",
    ]


def test_a_lock_that_a_command_meets_is_told_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pulumi's own words advise to delete the file."""
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "pulumi").write_text(
        "#!/bin/sh\necho 'error: the stack is currently locked by 1 lock(s). Either wait for the other process(es) to "
        "end or delete the lock file with `pulumi cancel`.\n  file:///x: created by jo@elsewhere (pid 1) at "
        "2026-11-20T12:00:00Z' >&2\nexit 255\n"
    )
    (programs / "pulumi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    with pytest.raises(LockedError, match=r"another update of 'dev' is under way \(process 1 of jo on elsewhere"):
        engine(tmp_path)._command("state", "unprotect", "--all")
