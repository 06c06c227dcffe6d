"""Running another program in this one's place, with a word to say when it has ended."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Mapping, Sequence
from types import FrameType

from toolchain.process.steps import heeded

#: The exit code of a program that a signal has ended is the signal's number and this, in a shell.
SIGNALLED = 128


def run(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Runs a command that gets the signals of this process, and returns its exit code as a shell does."""
    process: subprocess.Popen[bytes] | None = None
    early: list[int] = []

    def pass_on(number: int, _frame: FrameType | None) -> None:
        # Ctrl-C reaches the command too, as it is in the same process group; twice would be taken for impatience.
        if number == signal.SIGINT:
            return
        if process is None:
            early.append(number)
        else:
            process.send_signal(number)

    before = {number: signal.signal(number, pass_on) for number in heeded()}
    try:
        process = subprocess.Popen(command, env=environment)
        for each in early:
            process.send_signal(each)
        code = process.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return code if code >= 0 else SIGNALLED - code
