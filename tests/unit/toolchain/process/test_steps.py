"""Long commands: what is shown of them, and that none outlives the one who waits for it."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from toolchain.process import steps
from toolchain.process.steps import ROOT, StepError, run

#: Seconds; far more than a test needs, far less than the commands that it starts sleep.
SOON = 10.0


def shell(script: str, **options: str) -> None:
    """Runs lines of shell as a step."""
    run("Doing it", ["/bin/sh", "-c", script], log="it", env=options)


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SOON
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that nobody has waited for yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_step_says_its_title_and_keeps_its_output_for_the_log(logs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shell('echo "$WORD"; echo problem >&2', WORD="output")
    assert capsys.readouterr().out == "==> Doing it\n"
    assert (logs / "it.log").read_text() == "output\nproblem\n"


def test_a_failing_step_shows_the_last_lines_and_the_name_of_the_log(logs: Path) -> None:
    with pytest.raises(StepError) as error:
        shell("i=0; while [ $i -lt 50 ]; do i=$((i+1)); echo line $i; done; echo; exit 3")
    first, *lines, last = str(error.value).splitlines()
    assert first == "Doing it: failed (exit code 3)"
    assert lines == [f"    line {number}" for number in range(51 - steps.TAIL_LINES, 51)]
    assert last == f"    whole output: {logs / 'it.log'}"


def test_a_step_that_was_killed_says_by_what(logs: Path) -> None:
    with pytest.raises(StepError, match=r"ended by SIGKILL; the machine may be out of memory"):
        shell("kill -9 $$")
    with pytest.raises(StepError, match=r"\(ended by SIGSEGV\)"):
        shell("kill -SEGV $$")


def test_a_log_in_the_project_is_named_as_one_would_type_it() -> None:
    assert steps.shown(ROOT / ".tools/logs/it.log") == ".tools/logs/it.log"


def test_a_missing_program_is_named() -> None:
    with pytest.raises(StepError, match="Doing it: cannot run /no/such/program: No such file or directory"):
        run("  Doing it", ["/no/such/program"], log="it")


def test_a_step_asks_nothing() -> None:
    with pytest.raises(StepError, match="exit code 1"):
        shell("read -r answer")


def test_where_nobody_watches_progress_is_a_line_now_and_then(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(steps, "PROGRESS_INTERVAL", 0.05)
    shell("sleep 0.2")
    assert "    Doing it: 0 s so far\n" in capsys.readouterr().out


def test_what_a_step_leaves_behind_does_not_end_with_it(logs: Path) -> None:
    shell("sleep 60 & echo $!")
    pid = int((logs / "it.log").read_text())
    assert is_alive(pid)
    os.kill(pid, signal.SIGKILL)


# Beside the threads of image builds, whose failure nobody is there to read any more.
PROGRAM = """
    import sys
    from concurrent.futures import ThreadPoolExecutor
    from pathlib import Path

    sys.path.insert(0, sys.argv[1])
    from toolchain import __main__
    from toolchain.process import exclusive, steps

    # Another set-up of this clone doesn't wait for it, nor it for that one.
    exclusive.TOOLS = steps.LOGS = Path.cwd()
    command = ["/bin/sh", "-c", sys.argv[2]]

    def in_main(_):
        steps.run("Doing it", command, log="it")

    def in_thread(_):
        with ThreadPoolExecutor() as pool:
            steps.result(pool.submit(steps.run, "Doing it", command, log="it"))

    __main__.STEPS["docker"] = {"main": in_main, "thread": in_thread}[sys.argv[3]]
    sys.argv[1:] = ["docker"]
    sys.exit(__main__.main())
"""


class Started:
    """Set-up as a process of its own, in a step that has started another process."""

    def __init__(self, folder: Path, script: str, where: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(PROGRAM), ROOT, f"{script} echo $! $$; wait; wait; wait", where],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=folder,
            start_new_session=True,
        )
        log = folder / "it.log"
        try:
            eventually(lambda: log.exists() and log.read_text().endswith("\n"))
        except AssertionError:
            self.process.kill()
            raise
        self.children = [int(pid) for pid in log.read_text().split()]

    def interrupt(self, number: signal.Signals) -> str:
        """Sends a signal to the one process, as `kill` does; returns its messages when it has ended."""
        self.process.send_signal(number)
        _, messages = self.process.communicate(timeout=SOON)
        return messages

    def nothing_is_left(self) -> bool:
        return not any(is_alive(pid) for pid in self.children)


@pytest.mark.parametrize("where", ["main", "thread"])
@pytest.mark.parametrize("number", steps.STOP_SIGNALS)
def test_a_signal_ends_the_command_with_all_that_it_started(tmp_path: Path, number: signal.Signals, where: str) -> None:
    started = Started(tmp_path, "sleep 60 &", where)
    messages = started.interrupt(number)
    assert started.process.returncode == 130
    assert messages == "\ninterrupted; run it again to go on from here\n"
    eventually(started.nothing_is_left)


def test_a_signal_that_another_thread_was_given_is_heeded() -> None:
    heeded = threading.Event()

    def work() -> bool:
        # The main thread waits by then.
        time.sleep(0.1)
        signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)
        return heeded.wait(SOON)

    before = signal.signal(signal.SIGUSR1, lambda _number, _frame: heeded.set())
    try:
        with ThreadPoolExecutor() as pool:
            assert steps.result(pool.submit(work)), "the work had to end first"
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_a_signal_that_was_to_be_ignored_is_ignored() -> None:
    """As `nohup` and a script's background jobs have it."""
    ask = "from toolchain.process.steps import heeded; print(*(each.name for each in heeded()))"
    command = f"trap '' HUP INT; exec {shlex.quote(sys.executable)} -c {shlex.quote(ask)}"
    assert subprocess.check_output(["/bin/sh", "-c", command], cwd=ROOT, text=True) == "SIGTERM\n"


@pytest.mark.parametrize("where", ["main", "thread"])
def test_a_second_signal_kills_a_command_that_takes_its_time(tmp_path: Path, where: str) -> None:
    started = Started(tmp_path, "trap '' TERM; sleep 60 &", where)
    started.process.send_signal(signal.SIGINT)
    with pytest.raises(subprocess.TimeoutExpired):
        started.process.wait(0.1)
    assert all(is_alive(pid) for pid in started.children)
    started.interrupt(signal.SIGINT)
    eventually(started.nothing_is_left)


def test_a_command_that_ignores_the_signal_is_killed_in_the_end(logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "GRACE", 0.1)
    monkeypatch.setattr(steps, "PROGRESS_INTERVAL", 0.2)
    # The first progress line finds a closed pipe, which is as good as any error.
    monkeypatch.setattr("builtins.print", fail_on("so far"))
    with pytest.raises(BrokenPipeError):
        shell("trap '' TERM; sleep 60 & echo $! $$; wait; wait")
    pids = [int(pid) for pid in (logs / "it.log").read_text().split()]
    eventually(lambda: not any(is_alive(pid) for pid in pids))


def fail_on(word: str) -> Callable[..., None]:
    """A `print` whose reader goes away."""

    def fake_provider(*words: str, **_: object) -> None:
        if any(word in each for each in words):
            raise BrokenPipeError

    return fake_provider
