"""Standard streams that whoever starts a command has closed (`<&-`, `>&-`)."""

from __future__ import annotations

import os
import sys
from typing import Final

#: In the order of their numbers: a file that is opened gets the lowest that is free.
_STREAMS: Final = (("stdin", "r"), ("stdout", "w"), ("stderr", "w"))


def open_closed() -> frozenset[str]:
    """Opens those that are closed on the null device; returns their names.

    Python has None for one, and the next file that is opened, such as a log, would get its number.
    """
    closed = [(name, mode) for name, mode in _STREAMS if getattr(sys, name) is None]
    for name, mode in closed:
        setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115 - it stays open
    return frozenset(name for name, _ in closed)
