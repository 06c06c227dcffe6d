"""Backups of files and of the state: what is asked for, and what is said when it can't be had."""

from __future__ import annotations

import io
import json
import os
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ops.tt.backup import files
from ops.tt.backup.files import FileSet
from ops.tt.errors import FailedError, RefusedError, TtError, UnreachableError
from ops.tt.host.docker_host import Host, Result
from ops.tt.output import Output
from ops.tt.project import Project

SETS = [
    {
        "id": f"0000000{number}", "what": what, "complete": True, "before_restore": before, "time": 1000 + number,
        "files": 3, "size": 2048, "added": 100, "path": "/x",
    }
    for number, (what, before) in enumerate(
        [("uploads", False), ("nats", False), ("uploads", False), ("uploads", True)]
    )
]  # fmt: skip


class FakeHost:
    """A host whose container of backups answers each command in one way."""

    def __init__(self, code: int = 0, output: str = "", errors: str = "") -> None:
        self.result = Result(code, output, errors)
        self.commands: list[Sequence[str]] = []
        self.put: list[bytes] = []
        self.stack = "dev"
        self.containers: dict[str, Any] = {}

    def run(self, service: str, command: Sequence[str], on_line: Callable[[str], object] = str) -> Result:
        assert service == "file-backups"
        self.commands.append(command)
        for line in self.result.output.splitlines():
            on_line(line)
        return self.result

    def find(self, service: str) -> Any:
        return self.containers.get(service)

    def running(self, service: str) -> Any:
        return SimpleNamespace(put_archive=lambda _, data: self.put.append(data))

    def start(self, service: str, command: Sequence[str]) -> Any:
        self.commands.append(command)
        return SimpleNamespace(chunks=lambda: iter([b"ar", b"chive"]), end=lambda: self.result)


def host(code: int = 0, output: str = "", errors: str = "") -> Host:
    return cast(Host, FakeHost(code, output, errors))


def parsed() -> list[FileSet]:
    return [FileSet.parse(each) for each in SETS]


def test_sets_are_listed() -> None:
    assert files.listed(host(output=json.dumps({"sets": SETS, "last_good": {}}))) == parsed()
    assert "taken before a restore" in parsed()[3].row[-1]


@pytest.mark.parametrize(
    ("result", "error", "said"),
    [
        ((75, "", "files-backup: another"), RefusedError, "another backup of files is running"),
        ((69, '{"event":"failed","reason":"the bucket is gone"}', "x"), UnreachableError, "the bucket is gone"),
        ((74, "", "files-backup: /a can't be read"), FailedError, "/a can't be read"),
    ],
)
def test_a_backup_that_fails_says_why(result: tuple[int, str, str], error: type[TtError], said: str) -> None:
    with pytest.raises(error, match=said):
        files.take(host(*result), Output(json=False))


def test_a_backup_tells_what_was_saved() -> None:
    output = '{"event":"start"}\n{"event":"saved","what":"nats","id":"0123abcd"}\n{"event":"done"}'
    assert files.take(host(output=output), Output(json=False)) == [{"what": "nats", "id": "0123abcd"}]


def test_damage_is_told_and_an_unreadable_repository_is_none() -> None:
    told = {"ok": False, "problems": [{"file": "ab", "what": "wrong"}]}
    assert files.verify(host(1, json.dumps(told)), Output(json=False)) == told
    with pytest.raises(UnreachableError, match="no bucket"):
        files.verify(host(69, '{"event":"failed","reason":"no bucket"}'), Output(json=False))


def test_the_state_is_archivewithout_its_locks(tmp_path: Path) -> None:
    for name in ("stacks/tasktracker/dev.json", "locks/organization/x.json"):
        path = tmp_path / ".pulumi" / name
        path.parent.mkdir(parents=True)
        path.write_text(name)
    fake = FakeHost(output='{"event":"saved","id":"0123abcd","size":10}')
    saved = files.save_state(cast(Host, fake), tmp_path, Output(json=False))
    assert saved == {"id": "0123abcd", "size": 10}
    with tarfile.open(fileobj=io.BytesIO(fake.put[0])) as outer:
        inner = outer.extractfile("state.tar")
        assert inner is not None
        with tarfile.open(fileobj=io.BytesIO(inner.read())) as archive:
            names = archive.getnames()
    assert f"{tmp_path.name}/.pulumi/stacks/tasktracker/dev.json" in names
    assert not [name for name in names if "locks" in name]
    assert "state-backup" in fake.commands[0][-1]


def test_a_state_elsewhere_is_kept_there() -> None:
    project = Project(Path("/x"), "prod")
    assert files.state_folder("file:///a/b%20c", project) == Path("/a/b c")
    with pytest.raises(RefusedError, match="s3://states"):
        files.state_folder("s3://states", project)


def test_a_fetched_state_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "state.tar"
    assert files.fetch_state(host(), "latest", path) == len(b"archive")
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"archive", 0o600)
    with pytest.raises(RefusedError, match="is there already"):
        files.fetch_state(host(), "latest", path)


def test_a_state_that_is_not_there_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(FailedError, match="no such set"):
        files.fetch_state(host(66, errors="state-restore: there is no such set"), "ffffffff", tmp_path / "x")
    assert not list(tmp_path.iterdir())


def test_a_state_that_does_not_fit_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.fdopen

    def full(descriptor: int, mode: str) -> Any:
        os.close(descriptor)
        return real(os.open("/dev/full", os.O_WRONLY), mode)

    monkeypatch.setattr(os, "fdopen", full)
    with pytest.raises(FailedError, match="No space left on device; there is no file"):
        files.fetch_state(host(), "latest", tmp_path / "x")
    assert not list(tmp_path.iterdir())
