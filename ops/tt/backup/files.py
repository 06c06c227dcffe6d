"""Backups of the uploads, of NATS' streams and of Pulumi's state, and the way back."""

from __future__ import annotations

import io
import json
import os
import tarfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ops.tt import times
from ops.tt.backup import object_store
from ops.tt.backup.database import BUSY, UNREADABLE, events
from ops.tt.errors import (
    FailedError,
    InterruptedWorkError,
    RefusedError,
    UnreachableError,
)
from ops.tt.host.docker_host import Host, Result, answering
from ops.tt.output import Output, size, table
from ops.tt.project import Project
from toolchain.pulumi_engine.backends import folder_of, is_folder

SERVICE = "file-backups"

#: What of a stack is backed up here, by the words of its sets.
LIVE = ("uploads", "nats")
STATE = "state"

#: A folder of the service that files can be put into.
WORK_PATH = "/var/lib/file-backups"
ARCHIVE = "state.tar"


@dataclass(frozen=True)
class FileSet:
    """A set of files. Sizes are in bytes; `added` is what it took of the repository."""

    id: str
    what: str
    complete: bool
    before_restore: bool
    time: float
    files: int
    size: int
    added: int

    @classmethod
    def parse(cls, told: Mapping[str, Any]) -> FileSet:
        """One of the sets that `files-list` prints."""
        return cls(**{name: told[name] for name in cls.__dataclass_fields__})

    @property
    def row(self) -> tuple[str, ...]:
        """For people."""
        state = "good" if self.complete else "INCOMPLETE"
        return (
            self.id,
            self.what,
            times.both(times.at(self.time)),
            times.age(self.time, time.time()),
            str(self.files),
            size(self.size),
            f"{state}, taken before a restore" if self.before_restore else state,
        )

    def asdict(self) -> dict[str, Any]:
        """For `--json`."""
        return asdict(self)


def set_table(sets: Sequence[FileSet]) -> str:
    """The sets for people, the newest first."""
    return table([("ID", "WHAT", "TAKEN", "AGE", "FILES", "SIZE", "STATE"), *(each.row for each in reversed(sets))])


def listed(host: Host) -> list[FileSet]:
    """The sets that there are, oldest first.

    Raises:
        UnreachableError: the repository can't be read; says why.
    """
    object_store.check(host)
    result = host.run(SERVICE, ["files-list"])
    if result.code:
        raise UnreachableError(f"the sets can't be listed: {_reason(result)}")
    return [FileSet.parse(each) for each in json.loads(result.output)["sets"]]


def take(host: Host, output: Output) -> list[Mapping[str, Any]]:
    """Takes a backup of the uploads and of NATS' streams; returns what was saved.

    Raises:
        RefusedError: another one runs.
        FailedError: it failed, or one of the two did; says why.
    """
    object_store.check(host)
    saved: list[Mapping[str, Any]] = []

    def read(event: Mapping[str, Any]) -> None:
        if event.get("event") == "saved":
            saved.append({key: value for key, value in event.items() if key != "event"})

    with output.work("Backup of files"):
        try:
            result = host.run(SERVICE, ["files-backup"], events(read))
        except KeyboardInterrupt:
            raise InterruptedWorkError(
                f"the backup goes on in its container, and `./tt files list --stack {host.stack}` shows it"
            ) from None
    _check(result, "the backup of files")
    return saved


def verify(host: Host, output: Output) -> Mapping[str, Any]:
    """Reads everything in the repository of files; what is wrong with it.

    Raises:
        UnreachableError: it can't be read; says why.
    """
    object_store.check(host)
    with output.work("Reading the repository of files"):
        result = host.run(SERVICE, ["files-verify"])
    try:
        told: Mapping[str, Any] = json.loads(result.output.splitlines()[-1])
        if "ok" in told:
            return told
    except (ValueError, IndexError):
        pass
    raise UnreachableError(f"the repository of files can't be read: {_reason(result)}")


def save_state(host: Host, folder: Path, output: Output) -> Mapping[str, Any]:
    """Saves a folder of Pulumi's state; its secrets are encrypted, with a passphrase that is not in it.

    Raises:
        FailedError: it is not in the repository; says why.
    """
    object_store.check(host)
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.add(folder, arcname=folder.name, filter=_without_locks)
    outer = io.BytesIO()
    with tarfile.open(fileobj=outer, mode="w") as tar:
        member = tarfile.TarInfo(ARCHIVE)
        member.size, member.mode = len(archive.getvalue()), 0o644
        tar.addfile(member, io.BytesIO(archive.getvalue()))
    container = host.running(SERVICE)
    path = f"{WORK_PATH}/{ARCHIVE}"
    with output.work("Saving the state"):
        with answering():
            container.put_archive(WORK_PATH, outer.getvalue())
        try:
            result = host.run(SERVICE, ["sh", "-c", f"trap 'rm -f {path}' EXIT; state-backup <{path}"])
        except KeyboardInterrupt:
            raise InterruptedWorkError(
                f"the save goes on in its container, and `./tt state list --stack {host.stack}` shows it"
            ) from None
    _check(result, "the state's backup")
    told: Mapping[str, Any] = json.loads(result.output.splitlines()[-1])
    return {key: value for key, value in told.items() if key != "event"}


def _without_locks(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Locks are those of updates that run now; who takes the state from here has none."""
    return None if "/locks" in f"/{member.name}" else member


def fetch_state(host: Host, label: str, path: Path) -> int:
    """Writes the state as it was saved to the new file `path`, a tar archive; its size.

    Raises:
        RefusedError: the file is there already.
        FailedError: there is no such set, or the file can't be written; there is no file then.
    """
    if path.exists():
        raise RefusedError(f"{path} is there already: name another file")
    object_store.check(host)
    running = host.start(SERVICE, ["state-restore", label])
    with answering():
        content = b"".join(running.chunks())
        result = running.end()
    _check(result, "the state's restore")
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise FailedError(f"{path} can't be written: {error.strerror}") from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
    except BaseException as error:
        path.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise FailedError(f"{path} can't be written: {error.strerror}; there is no file") from None
        raise
    return len(content)


def state_folder(backend: str, project: Project) -> Path:
    """The folder of the state, of a backend that is one.

    Raises:
        RefusedError: it is none: whoever serves it keeps its versions.
    """
    if not is_folder(backend):
        raise RefusedError(f"the state of '{project.stack}' is not in a folder but in {backend}, which keeps it")
    return folder_of(backend)


def _check(result: Result, what: str) -> None:
    """Raises what a command's end stands for."""
    if result.code == BUSY:
        raise RefusedError("another backup of files is running: try again when it has ended")
    if result.code == UNREADABLE:
        raise UnreachableError(f"{what} failed: {_reason(result)}")
    if result.code:
        raise FailedError(f"{what} failed: {_reason(result)}")


def _reason(result: Result) -> str:
    """Why a command has failed: what it says of it in JSON, or its last words."""
    reasons: list[str] = []
    read = events(lambda event: reasons.append(str(event.get("reason"))) if event.get("event") == "failed" else None)
    for line in result.output.splitlines():
        read(line)
    return reasons[-1] if reasons else result.reason
