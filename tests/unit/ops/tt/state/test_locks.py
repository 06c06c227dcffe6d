"""Locks: read as Pulumi writes them, taken as it takes them, and cleared only when nobody holds them."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ops.tt.errors import InterruptedWorkError, RefusedError
from ops.tt.state import locks
from ops.tt.state.location import StateLocation, unlock
from ops.tt.state.locks import Lock, LockedError
from ops.tt.state.obstacles import lock_problem
from ops.tt.state.store import FolderStore

FOLDER = ".pulumi/locks/organization/tasktracker/prod/"

HERE = socket.gethostname()


@pytest.fixture
def location(tmp_path: Path) -> StateLocation:
    return StateLocation(f"file://{tmp_path}", FolderStore(tmp_path), "tasktracker", "prod")


@pytest.fixture
def gone() -> int:
    """The id of a process that has ended."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def held(location: StateLocation, name: str = "1", **changes: Any) -> None:
    """Another one's lock, as Pulumi writes it."""
    content = {"pid": 4711, "username": "ann", "hostname": "laptop", "timestamp": "2026-11-20T13:05:00.123456789+01:00"}
    location.store.write(f"{FOLDER}{name}.json", json.dumps({**content, **changes}).encode())


def of_this_process() -> dict[str, Any]:
    """What a lock has of one that lives, and took it just now."""
    return {"hostname": HERE, "pid": os.getpid(), "timestamp": datetime.now(UTC).isoformat()}


def test_a_lock_is_read_as_pulumi_writes_it(location: StateLocation) -> None:
    held(location)
    (lock,) = location.locks()
    assert (lock.user, lock.host, lock.pid, lock.lives, lock.target) == ("ann", "laptop", 4711, None, None)
    assert lock.asdict() == {
        "user": "ann", "host": "laptop", "pid": 4711, "since": "2026-11-20T12:05:00.123456+00:00", "alive": None,
    }  # fmt: skip
    assert str(lock).startswith("process 4711 of ann on laptop, since 2026-11-20 ")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"pid": "x"}'])
def test_a_damaged_lock_is_one_all_the_same(location: StateLocation, content: bytes) -> None:
    location.store.write(f"{FOLDER}1.json", content)
    (lock,) = location.locks()
    assert (lock.user, lock.host) == ("somebody", "an unknown machine")
    with pytest.raises(LockedError):
        unlock(location, None)


def test_the_locks_of_another_stack_are_not_ours(location: StateLocation) -> None:
    location.store.write(".pulumi/locks/organization/tasktracker/production/1.json", b"{}")
    assert location.locks() == []


def test_a_taken_lock_is_one_for_pulumi_and_says_what_it_is_for(location: StateLocation) -> None:
    lock = locks.take(location.store, "tasktracker", "prod", "file:///old", "s3://new")
    content = json.loads(location.store.read(lock.key) or b"")
    assert {"pid", "username", "hostname", "timestamp"} < content.keys()
    (found,) = location.locks()
    assert (found.pid, found.lives, found.source, found.target) == (os.getpid(), True, "file:///old", "s3://new")
    with pytest.raises(LockedError):
        locks.take(location.store, "tasktracker", "prod", "file:///old", "s3://new")
    assert location.locks() == [found]


def test_of_two_that_come_at_once_none_is_fooled(location: StateLocation, monkeypatch: pytest.MonkeyPatch) -> None:
    write = FolderStore.write

    def at_the_same_time(self: FolderStore, key: str, content: bytes) -> None:
        write(self, key, content)
        monkeypatch.setattr(FolderStore, "write", write)
        held(location)

    monkeypatch.setattr(FolderStore, "write", at_the_same_time)
    with pytest.raises(LockedError, match="process 4711 of ann on laptop"):
        locks.take(location.store, "tasktracker", "prod", "a", "b")
    assert [lock.user for lock in location.locks()] == ["ann"]


def test_the_lock_of_a_dead_process_is_cleared(location: StateLocation, gone: int) -> None:
    held(location, hostname=HERE, pid=gone)
    with pytest.raises(LockedError, match="was killed") as caught:
        locks.take(location.store, "tasktracker", "prod", "a", "b")
    assert caught.value.dead
    assert [lock.pid for lock in unlock(location, None)] == [gone]
    assert location.locks() == []
    assert unlock(location, None) == []


def test_a_process_that_nobody_has_collected_is_dead() -> None:
    """As those stay whose parent was killed, where process 1 does not collect them."""
    process = subprocess.Popen(["true"])
    while Path(f"/proc/{process.pid}/stat").read_text().rpartition(") ")[2][0] != "Z":
        time.sleep(0.01)
    try:
        assert Lock("ann", HERE, process.pid, None).lives is False
    finally:
        process.wait()


def test_a_process_that_began_after_the_lock_is_another_one() -> None:
    """After a restart of the machine, numbers are given again."""
    now = time.time()
    assert Lock("ann", HERE, os.getpid(), now).lives is True
    assert Lock("ann", HERE, os.getpid(), now - 10 * 365 * 86400).lives is False


def test_the_lock_of_one_that_lives_is_left(location: StateLocation, gone: int) -> None:
    held(location, "1", hostname=HERE, pid=gone)
    held(location, "2", **of_this_process())
    for confirm in (None, "", "yes", "production"):
        with pytest.raises(LockedError, match="wait for its end"):
            unlock(location, confirm)
    assert len(location.locks()) == 2
    assert len(unlock(location, "prod")) == 2


def test_the_lock_of_another_machine_takes_the_stack_s_name(location: StateLocation) -> None:
    held(location)
    with pytest.raises(LockedError, match=r"on that machine, or here with `--confirm prod`$"):
        unlock(location, None)
    assert [lock.host for lock in unlock(location, "prod")] == ["laptop"]


def test_the_lock_of_a_move_is_never_cleared_by_hand(location: StateLocation, gone: int) -> None:
    held(location, hostname=HERE, pid=gone, move={"source": "file:///old", "target": "s3://new?region=eu"})
    with pytest.raises(RefusedError, match=r"`make state STACK=prod BACKEND='s3://new\?region=eu'` carries on"):
        unlock(location, "prod")
    assert len(location.locks()) == 1


def test_the_lock_of_a_move_names_what_goes_on_with_it(location: StateLocation, gone: int) -> None:
    """`./tt recover` refuses it, so `tt status` and `make up` name the move."""
    move = {"source": "file:///old", "target": "s3://new?region=eu"}
    held(location, hostname=HERE, pid=gone, move=move)
    said = str(lock_problem("prod", location.locks()))
    assert said.startswith("a move of 'prod' to s3://new?region=eu was cut off (process ")
    assert said.endswith("`make state STACK=prod BACKEND='s3://new?region=eu'` carries on")
    assert "recover" not in said
    held(location, "1", **of_this_process(), move=move)
    assert lock_problem("prod", location.locks()) is None
    assert "a move of 'prod' is under way" in str(LockedError("prod", location.locks()))


def test_what_pulumi_tells_has_the_time_too() -> None:
    told = "by 1 lock(s).\n  file:///x/1.json: created by ann@laptop (pid 4711) at 2026-11-20T13:05:00+01:00"
    assert locks.holders(told) == [Lock("ann", "laptop", 4711, 1795176300.0)]


def test_an_interrupt_says_which_locks_are_cleared(
    location: StateLocation, gone: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    held(location, "1", pid=gone, hostname=socket.gethostname())
    held(location, "2", pid=gone, hostname=socket.gethostname())
    delete = FolderStore.delete
    done: list[str] = []

    def interrupt(self: FolderStore, key: str) -> None:
        if done:
            raise KeyboardInterrupt
        done.append(key)
        delete(self, key)

    monkeypatch.setattr(FolderStore, "delete", interrupt)
    with pytest.raises(InterruptedWorkError, match=rf"^interrupted; the lock is cleared of process {gone} of [^;]*$"):
        unlock(location, None)
    assert len(location.locks()) == 1
