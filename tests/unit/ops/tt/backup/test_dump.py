"""A dump is whole, or not there."""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ops.tt.backup import dump
from ops.tt.errors import FailedError, InterruptedWorkError, RefusedError, TtError, UsageError
from ops.tt.host.docker_host import Host, Result
from ops.tt.output import Output

CONTENT = [b"PGDMP", b"", b"rows" * 1000]

SHA256 = hashlib.sha256(b"".join(CONTENT)).hexdigest()


class FakeRunning:
    """A dump under way in a container."""

    stopped = False

    def __init__(self, chunks: Callable[[], Iterator[bytes]], result: Result) -> None:
        self.chunks, self._result = chunks, result

    def end(self) -> Result:
        return self._result

    def stop(self) -> None:
        self.stopped = True


class FakeHost:
    """A host whose PostgreSQL has a database."""

    def __init__(
        self, chunks: Sequence[bytes | BaseException] = CONTENT, code: int = 0, errors: str = f"\n{SHA256}\n"
    ) -> None:
        def stream() -> Iterator[bytes]:
            for chunk in chunks:
                if isinstance(chunk, BaseException):
                    raise chunk
                yield chunk

        self.commands: list[Sequence[str]] = []
        self.dumping = FakeRunning(stream, Result(code, "", errors))

    def running(self, service: str) -> Any:
        return SimpleNamespace(attrs={"Config": {"Env": ["PATH=/bin", "POSTGRES_DB=tasktracker"]}})

    def start(self, service: str, command: Sequence[str]) -> FakeRunning:
        self.commands.append([service, *command])
        return self.dumping


def take(host: FakeHost, path: Path) -> dump.Dump:
    return dump.take(cast(Host, host), path, Output(json=False))


def test_a_dump_is_there_for_its_owner_alone(tmp_path: Path) -> None:
    host, path = FakeHost(), tmp_path / "x.dump"
    done = take(host, path)
    assert path.read_bytes() == b"".join(CONTENT)
    assert path.stat().st_mode & 0o777 == 0o600
    assert (done.bytes, done.sha256) == (4005, SHA256)
    assert [each.name for each in tmp_path.iterdir()] == ["x.dump"]
    assert host.commands[0][:3] == ["backups", "bash", "-c"]
    assert host.commands[0][-2:] == ["/run/postgresql", "tasktracker"]


@pytest.mark.parametrize(
    ("host", "error", "message"),
    [
        (
            FakeHost(code=1, errors="pg_dump: error: no such database"),
            FailedError,
            "no such database; there is no file",
        ),
        (FakeHost(errors=f"\n{'0' * 64}\n"), FailedError, "damaged on its way"),
        (FakeHost(chunks=[b"PGDMP", KeyboardInterrupt()]), InterruptedWorkError, "there is no dump"),
        (FakeHost(chunks=[b"PGDMP", ConnectionResetError("gone")]), TtError, "gone"),
    ],
)
def test_what_fails_leaves_no_file(tmp_path: Path, host: FakeHost, error: type[TtError], message: str) -> None:
    with pytest.raises(error, match=message):
        take(host, tmp_path / "x.dump")
    assert list(tmp_path.iterdir()) == []
    assert host.dumping.stopped == (host.dumping.end().code == 0 and "damaged" not in message)


def test_a_full_disk_is_told_and_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(FailedError, match=r"No space left on device; there is no dump"):
        take(FakeHost(), tmp_path / "x.dump")
    assert list(tmp_path.iterdir()) == []


def test_one_that_is_stopped_when_it_is_whole_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replace = Path.replace

    def stopped(self: Path, target: Path) -> Path:
        replace(self, target)
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", stopped)
    with pytest.raises(InterruptedWorkError, match=r"x\.dump is whole"):
        take(FakeHost(), tmp_path / "x.dump")
    assert (tmp_path / "x.dump").exists()


@pytest.mark.parametrize("path", ["", ".", "./", "/"])
def test_a_path_without_a_file_is_refused(path: str) -> None:
    host = FakeHost()
    with pytest.raises(UsageError, match=f"FILE {Path(path)}: must name a file"):
        take(host, Path(path))
    assert host.commands == []


def test_no_file_is_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "x.dump"
    path.write_text("mine")
    with pytest.raises(RefusedError, match="is there already"):
        take(FakeHost(), path)
    assert path.read_text() == "mine"


def test_two_dumps_to_one_file_are_refused(tmp_path: Path) -> None:
    partial = tmp_path / "x.dump.partial"
    partial.write_text("another's")
    with pytest.raises(RefusedError, match=r"another `./tt dump` writes it"):
        take(FakeHost(), tmp_path / "x.dump")
    assert partial.read_text() == "another's"


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="No such file or directory"):
        take(FakeHost(), tmp_path / "no" / "x.dump")
