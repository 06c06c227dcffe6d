"""Runs long commands: says what runs, keeps the whole output in a log, shows its end on failure."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent import futures
from itertools import chain, repeat
from pathlib import Path
from types import FrameType
from typing import IO, TypeVar

from remote.redaction import redacted

T = TypeVar("T")

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / ".tools"
LOGS = TOOLS / "logs"

#: Lines of a failed command's output that are shown; the rest is in the log.
TAIL_LINES = 20

#: Seconds between two progress lines where standard output is no terminal (CI logs).
PROGRESS_INTERVAL = 30.0

#: Seconds that an interrupted command has to tidy up before it is killed.
GRACE = 10.0

#: Seconds between two looks at work in other threads: what a signal may have to wait for, see `result`.
LOOK_INTERVAL = 0.2

#: What asks this program to stop: Ctrl-C, `kill` and a closed terminal.
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

#: The commands under way, the oldest first. A dict for its order; changed by several threads, each
#: time in one step of the interpreter, so that the signal handler needs no lock.
_running: dict[subprocess.Popen[bytes], None] = {}

#: The threads that are about to add to `_running`, which must not be interrupted in between.
_starting: set[int] = set()

#: Set by the first of `STOP_SIGNALS`.
_stopped = threading.Event()


class StepError(Exception):
    """A set-up step failed; the message is meant for the user, as it is, but for credentials in URLs."""

    def __init__(self, message: str) -> None:
        super().__init__(redacted(message))


def say(message: str) -> None:
    """Prints one line of progress."""
    print(f"==> {message}", flush=True)


def run(
    title: str,
    argv: Sequence[str | Path],
    *,
    log: str,
    env: Mapping[str, str] | None = None,
    cwd: Path = ROOT,
) -> None:
    """Runs `argv` with its output in `.tools/logs/<log>.log`, showing the seconds that pass.

    `env` is laid over this process's environment. Whatever ends the wait ends the command too, with
    all that it has started.

    Raises:
        StepError: the command could not be started or failed; names the log file and carries the
            last lines of the output.
    """
    LOGS.mkdir(parents=True, exist_ok=True)
    path = LOGS / f"{log}.log"
    say(title)
    with path.open("wb") as output:
        process = _start(title.strip(), argv, output, {**os.environ, **(env or {})}, cwd)
        try:
            if _stopped.is_set():
                raise KeyboardInterrupt
            code = _wait_with_progress(process, title.strip())
        except BaseException:
            _end(process)
            raise
        finally:
            del _running[process]
    if code != 0:
        tail = path.read_text(errors="replace").rstrip().splitlines()[-TAIL_LINES:]
        lines = "\n".join(f"    {line}" for line in tail)
        raise StepError(f"{title.strip()}: failed ({_outcome(code)})\n{lines}\n    whole output: {shown(path)}")


def stop_on_signals() -> None:
    """Has each of `STOP_SIGNALS` end the commands of all threads, and raise KeyboardInterrupt in the main one.

    A thread can't be interrupted, but what it waits for can. The second time they are killed.
    """
    numbers = chain([signal.SIGTERM], repeat(signal.SIGKILL))

    def stop(_number: int, _frame: FrameType | None) -> None:
        number = next(numbers)
        _stopped.set()
        for process in tuple(_running):
            _signal_group(process, number)
        # `run` raises it itself where it is about to have a command to end.
        if threading.get_ident() not in _starting:
            raise KeyboardInterrupt

    for number in heeded():
        signal.signal(number, stop)


def heeded() -> list[signal.Signals]:
    """Those of `STOP_SIGNALS` that whoever started this program wants it to heed.

    `nohup` has SIGHUP ignored, and a script SIGINT for what it starts in the background.
    """
    return [number for number in STOP_SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]


def interrupt_on_signals() -> None:
    """Has each of `STOP_SIGNALS` that is heeded raise KeyboardInterrupt in the main thread."""
    for number in heeded():
        signal.signal(number, signal.default_int_handler)


def result(future: futures.Future[T]) -> T:
    """What a thread's work comes to, or its exception; `stop_on_signals` is heeded meanwhile.

    The kernel may deliver a signal in any thread, and Python's handler then waits for the main one to run: it must not
    sleep until the work is done, as it would in `future.result()`.
    """
    while not futures.wait([future], timeout=LOOK_INTERVAL).done:
        pass
    return future.result()


def shown(path: Path) -> str:
    """`path` as a user in the project's folder would type it."""
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


def _start(
    title: str, argv: Sequence[str | Path], output: IO[bytes], env: Mapping[str, str], cwd: Path
) -> subprocess.Popen[bytes]:
    """Starts a command and has it in `_running`, whatever signal comes meanwhile."""
    _starting.add(threading.get_ident())
    try:
        process = subprocess.Popen(
            [str(part) for part in argv],
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            cwd=cwd,
            env=env,
            # Its own group can be ended as a whole, compilers and package managers' helpers too.
            process_group=0,
        )
        _running[process] = None
    except OSError as error:
        raise StepError(f"{title}: cannot run {argv[0]}: {error.strerror}") from error
    finally:
        _starting.discard(threading.get_ident())
    return process


def _wait_with_progress(process: subprocess.Popen[bytes], title: str) -> int:
    """Waits for the end of `process`, telling how long it has run; returns its exit code."""
    start = time.monotonic()
    terminal = sys.stdout.isatty()
    interval = 1.0 if terminal else PROGRESS_INTERVAL
    while True:
        try:
            code = process.wait(timeout=interval)
        except subprocess.TimeoutExpired:
            elapsed = int(time.monotonic() - start)
            if not terminal:
                print(f"    {title}: {elapsed} s so far", flush=True)
            elif next(iter(_running), process) is process:
                # One counter for commands that run side by side: that of the oldest.
                print(f"\r    {elapsed} s", end="", flush=True)
            continue
        if terminal:
            print("\r\033[K", end="", flush=True)
        return code


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends `process` with all that it has started, by force if it takes longer than `GRACE`."""
    _signal_group(process, signal.SIGTERM)
    try:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE)
    finally:
        # Reached at once by a second Ctrl-C. The group may outlive its first process.
        _signal_group(process, signal.SIGKILL)
        process.wait()


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _outcome(code: int) -> str:
    """An exit code in words; a negative one is the signal that ended the command."""
    if code >= 0:
        return f"exit code {code}"
    memory = "; the machine may be out of memory" if code == -signal.SIGKILL else ""
    return f"ended by {signal.Signals(-code).name}{memory}"
