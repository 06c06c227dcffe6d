"""Writes stack files whole: a program that is killed meanwhile leaves the old file or the new one, and never a half."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


def write(path: Path, content: bytes) -> None:
    """Makes `content` the file, which is there, with the mode that it has; through a link to where it is.

    Raises:
        OSError: it can't be written, such as on a full disk; the old one is there.
    """
    path = path.resolve()
    unfinished = _unfinished(path)
    try:
        _write(unfinished, content)
        unfinished.chmod(path.stat().st_mode)
        unfinished.replace(path)
        _keep_entry(path.parent)
    except OSError:
        with contextlib.suppress(OSError):
            unfinished.unlink()
        raise


def create(path: Path, content: bytes) -> None:
    """Makes a new file.

    Raises:
        FileExistsError: there is one already; it is as it was.
        OSError: it can't be written; there is none.
        KeyboardInterrupt: the user stopped it; there is none.
    """
    unfinished = _unfinished(path)
    try:
        _write(unfinished, content)
        # Fails where another one was made meanwhile, which a rename would replace.
        path.hardlink_to(unfinished)
        _keep_entry(path.parent)
    except KeyboardInterrupt:
        if path.exists() and unfinished.exists() and path.samefile(unfinished):
            path.unlink()
        raise
    finally:
        # On a file system that is read-only it fails too, though there is nothing to remove.
        with contextlib.suppress(OSError):
            unfinished.unlink()


def _unfinished(path: Path) -> Path:
    return path.with_name(f".{path.name}.new")


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _keep_entry(folder: Path) -> None:
    """Has the folder's own entry on the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
