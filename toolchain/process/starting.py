"""Imported before anything that takes long, by programs that a person starts: an interrupt until then is no traceback.

Their `main` sets a handler of its own.
"""

from __future__ import annotations

import os
import signal
from types import FrameType


def _end(number: int, _frame: FrameType | None) -> None:
    os.write(2, b"interrupted; nothing was done\n")
    # As shells have it of a program that a signal has ended.
    os._exit(128 + number)


if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, _end)
