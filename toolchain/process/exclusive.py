"""One set-up at a time in a checkout: two would build and remove the same files."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator

from toolchain.process.steps import TOOLS, say


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Waits until no other set-up of this checkout is under way, and keeps others waiting."""
    TOOLS.mkdir(parents=True, exist_ok=True)
    # Released as the process ends, in whichever way.
    with (TOOLS / "setup.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another set-up is under way in this folder: waiting until it ends")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
