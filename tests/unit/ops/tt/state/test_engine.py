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
from ops.tt.state.engine import Engine
from ops.tt.state.locks import LockedError, holders
from ops.tt.state.update_events import Events, UpdateError

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


def test_a_failed_update_says_what_its_eventssaid(tmp_path: Path) -> None:
    def fail(events: Events) -> None:
        events.take(diagnostic("the image is not there"))
        raise error()

    with pytest.raises(UpdateError, match=r"^the image is not there$"):
        engine(tmp_path)._run(fail)


def test_a_failed_update_without_events_says_what_the_enginesaid(tmp_path: Path) -> None:
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
