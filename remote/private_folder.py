"""Folders for what a process needs while it lasts, such as a socket; what a killed one leaves, the next one removes."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import stat
import tempfile
import weakref
from pathlib import Path
from types import TracebackType

#: The file whose lock a process holds while it uses the folder that the file is in.
LOCK = "lock"


class PrivateFolder:
    """A folder for temporary files that this user alone may look into.

    A process that is killed can't remove its own. So each holds a lock in its folder, which the kernel releases at any
    end of the process, and a new folder first removes those of the same prefix whose lock is free.

    Args:
        prefix: How its name begins.
        parent: The folder that it is in; that for temporary files without one.
    """

    def __init__(self, prefix: str, parent: str | None = None) -> None:
        parent = parent or tempfile.gettempdir()
        for found in Path(parent).glob(f"{prefix}*"):
            _remove_if_stale(found)
        descriptor = None
        while descriptor is None:
            self.path = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
            descriptor = _locked(self.path)
        # At the latest as the process ends, unless it is killed.
        self._finalizer = weakref.finalize(self, _remove, self.path, descriptor)

    def remove(self) -> None:
        """Removes it with what is in it."""
        self._finalizer()

    def __enter__(self) -> Path:
        return self.path

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.remove()


def _remove(folder: Path, descriptor: int) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    os.close(descriptor)


def _locked(folder: Path) -> int | None:
    """A descriptor with the lock of a new folder; None where another process took the folder for a stale one."""
    descriptor = os.open(folder / LOCK, os.O_CREAT | os.O_RDWR, 0o600)
    # On a file system without locks nothing is ever taken for stale.
    with contextlib.suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    if (folder / LOCK).exists():
        return descriptor
    os.close(descriptor)
    return None


def _remove_if_stale(folder: Path) -> None:
    """Removes a folder of this user's whose process has ended; leaves alone what has no lock, or can't be removed."""
    with contextlib.suppress(OSError):
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
            return
        descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_NOFOLLOW)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        finally:
            os.close(descriptor)
