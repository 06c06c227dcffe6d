"""The folder of a state does not grow for ever, and keeps all that Pulumi reads."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import pytest

from ops.tt.state import trim as trim_
from ops.tt.state.location import StateLocation
from ops.tt.state.store import FolderStore, Store
from ops.tt.state.trim import trim

#: Less than the numbers of the program, so that there are few files to make.
COPIES, ENTRIES = 4, 20

UPDATES = ENTRIES + 7

KEPT = [
    ".pulumi/meta.yaml",
    ".pulumi/stacks/tasktracker/dev.json",
    ".pulumi/stacks/tasktracker/dev.json.bak",
    ".pulumi/history/tasktracker/dev/notes.checkpoint.json",
    ".pulumi/history/tasktracker/dev-2/dev-2-1796019886000000001.checkpoint.json",
    ".pulumi/backups/tasktracker/dev-2/dev-2.1796019886000000001.json",
]


def time(number: int) -> int:
    # One digit more, on the way: the order is that of numbers.
    return 999_999_999_999_999_990 + number


def name(number: int, kind: str) -> str:
    if kind == "backup":
        return f".pulumi/backups/tasktracker/dev/dev.{time(number)}.json"
    # Pulumi may be told to compress.
    return f".pulumi/history/tasktracker/dev/dev-{time(number)}.{kind}.json" + (".gz" if number % 2 else "")


@pytest.fixture
def location(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StateLocation:
    monkeypatch.setattr(trim_, "COPIES", COPIES)
    monkeypatch.setattr(trim_, "ENTRIES", ENTRIES)
    store = FolderStore(tmp_path)
    for key in [
        *KEPT,
        *(name(number, kind) for number in range(UPDATES) for kind in ("history", "checkpoint", "backup")),
    ]:
        path = tmp_path / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(key)
        path.with_name(f"{path.name}.attrs").write_text("{}")
    return StateLocation(f"file://{tmp_path}", store, "tasktracker", "dev")


def files(location: StateLocation) -> set[str]:
    return set(location.store.keys(""))


def test_the_newest_stay(location: StateLocation, tmp_path: Path) -> None:
    assert trim(location) == 7 + 2 * (UPDATES - COPIES)
    copies = range(UPDATES - COPIES, UPDATES)
    assert files(location) == {
        *KEPT,
        *(name(number, "history") for number in range(UPDATES - ENTRIES, UPDATES)),
        *(name(number, kind) for number in copies for kind in ("checkpoint", "backup")),
    }
    assert {path.name.removesuffix(".attrs") for path in tmp_path.rglob("*.attrs")} == {
        key.rpartition("/")[2] for key in files(location)
    }
    assert trim(location) == 0


def test_a_stack_with_a_lock_is_left_alone(location: StateLocation) -> None:
    lock = {"pid": os.getpid(), "username": "me", "hostname": socket.gethostname(), "timestamp": "2026-11-20T12:00:00Z"}
    location.store.write(".pulumi/locks/organization/tasktracker/dev/1.json", json.dumps(lock).encode())
    before = files(location)
    assert (trim(location), files(location)) == (0, before)


def test_a_bucket_is_left_alone(location: StateLocation, monkeypatch: pytest.MonkeyPatch) -> None:
    store: Store = location.store
    assert trim(StateLocation("s3://states", store, "tasktracker", "dev")) == 0
    monkeypatch.setattr(trim_, "COPIES", UPDATES)
    monkeypatch.setattr(trim_, "ENTRIES", UPDATES)
    assert trim(location) == 0
