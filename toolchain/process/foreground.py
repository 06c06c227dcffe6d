"""Running another program in this one's place, with a word to say when it has ended."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType

from toolchain.process.steps import heeded

#: The exit code of a program that a signal has ended is the signal's number and this, in a shell.
SIGNALLED = 128


def run(
    command: Sequence[str],
    environment: Mapping[str, str],
    *,
    folder: Path | None = None,
    stdout: int | None = None,
    on_signal: Callable[[int], object] = int,
) -> int:
    """Runs a command that gets the signals of this process, and returns its exit code as a shell does.

    It runs in `folder`, or else in the current one; `stdout` is the file descriptor that gets its output in place of
    standard output. `on_signal` is called with the number of each signal.
    """
    process: subprocess.Popen[bytes] | None = None
    early: list[int] = []

    def pass_on(number: int, _frame: FrameType | None) -> None:
        on_signal(number)
        # Ctrl-C reaches the command too, as it is in the same process group; twice would be taken for impatience.
        if number == signal.SIGINT:
            return
        if process is None:
            early.append(number)
        else:
            process.send_signal(number)

    before = {number: signal.signal(number, pass_on) for number in heeded()}
    try:
        process = subprocess.Popen(command, env=environment, cwd=folder, stdout=stdout)
        for each in early:
            process.send_signal(each)
        code = process.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return code if code >= 0 else SIGNALLED - code
