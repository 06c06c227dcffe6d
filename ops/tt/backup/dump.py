"""A portable dump of the database: there when it is whole, or not there."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ops.tt.backup.database import BACKUPS, SOCKET
from ops.tt.errors import FailedError, InterruptedWorkError, RefusedError, UsageError
from ops.tt.host.docker_host import Host, answering
from ops.tt.output import Output, size

SCRIPT = Path(__file__).with_name("dump.sh")

#: Readable for nobody else: it holds all the data.
MODE = 0o600


@dataclass(frozen=True)
class Dump:
    """A dump that is complete."""

    path: Path
    bytes: int
    sha256: str


def take(host: Host, path: Path, output: Output) -> Dump:
    """Writes a dump of the stack's database to `path`.

    Raises:
        UsageError: the path ends in no name of a file.
        RefusedError: a file is there already, or none can be made.
        FailedError: the dump failed, or the disk is full; there is no file then.
        InterruptedWorkError: the user stopped it; there is no file then.
    """
    if not path.name:
        raise UsageError(f"FILE {path}: must name a file, such as dump.pgdump or /backups/dump.pgdump")
    partial = path.with_name(f"{path.name}.partial")
    if path.exists():
        raise RefusedError(f"{path} is there already: name another file")
    database = _database(host)
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE)
    except FileExistsError:
        raise RefusedError(
            f"{partial} is there: another `./tt dump` writes it, or was killed; then remove it"
        ) from None
    except OSError as error:
        raise RefusedError(f"{partial} can't be written: {error.strerror}") from None
    try:
        with os.fdopen(descriptor, "wb") as file, output.work(f"Dump of {database}") as work:
            count, digest = _stream(host, database, file.write, lambda done: work.say(size(done)))
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            raise RefusedError(f"{path} is there now: name another file")
        partial.replace(path)
    except KeyboardInterrupt:
        if not partial.exists() and path.exists():
            raise InterruptedWorkError(f"interrupted after the dump: {path} is whole") from None
        raise InterruptedWorkError("interrupted: there is no dump") from None
    except OSError as error:
        raise FailedError(f"{path} can't be written: {error.strerror}; there is no dump") from None
    finally:
        with contextlib.suppress(OSError):
            partial.unlink()
    return Dump(path, count, digest)


def _stream(
    host: Host, database: str, write: Callable[[bytes], object], on_progress: Callable[[int], None]
) -> tuple[int, str]:
    """Has the dump made and written; its size and SHA-256."""
    with answering():
        running = host.start(BACKUPS, ["bash", "-c", SCRIPT.read_text(), "bash", SOCKET, database])
    hashed, count = hashlib.sha256(), 0
    try:
        chunks = running.chunks()
        while True:
            with answering():
                data = next(chunks, None)
            if data is None:
                break
            write(data)
            hashed.update(data)
            count += len(data)
            on_progress(count)
        with answering():
            result = running.end()
    except BaseException:
        with answering():
            running.stop()
        raise
    if result.code:
        raise FailedError(f"the dump failed: {result.reason}; there is no file")
    # The digest of what was read back in the container.
    if result.reason != hashed.hexdigest():
        raise FailedError("the dump was damaged on its way here: try again; there is no file")
    return count, hashed.hexdigest()


def _database(host: Host) -> str:
    """The name of the stack's database, as its server has it."""
    for variable in host.running("postgres").attrs["Config"]["Env"]:
        name, _, value = str(variable).partition("=")
        if name == "POSTGRES_DB":
            return value
    raise FailedError("the container of PostgreSQL does not name its database")
