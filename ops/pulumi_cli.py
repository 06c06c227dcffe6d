"""How programs here run `pulumi`: so that they read what it prints, or so that a person sees it."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from toolchain.process import foreground


class PulumiError(Exception):
    """A command of Pulumi's failed. `reason` is what it wrote to standard error."""

    def __init__(self, arguments: Sequence[str], reason: str) -> None:
        self.reason = reason
        super().__init__(f"`pulumi {' '.join(arguments[:2])}`: {reason}")


@dataclass(frozen=True)
class Ended:
    """How a command that a person has seen ended. `interrupted`: a signal came meanwhile, or ended it."""

    code: int
    interrupted: bool


def completed(
    arguments: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end; it can ask nothing.

    `environment` has all of its variables; without it they are those of this process.

    Raises:
        PulumiError: it can't be started.
    """
    with _starting(arguments):
        return subprocess.run(
            ["pulumi", *arguments, "--non-interactive"],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )


def output(arguments: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None) -> str:
    """What a command prints, as `completed` runs it.

    Raises:
        PulumiError: it failed.
    """
    result = completed(arguments, folder, environment)
    if result.returncode:
        raise PulumiError(arguments, result.stderr.strip().removeprefix("error: "))
    return result.stdout


def attached(
    arguments: Sequence[str], folder: Path, environment: Mapping[str, str], *, stdout: int | None = None
) -> Ended:
    """Runs a command that a person sees and may answer; signals reach it. `environment` has all of its variables.

    `stdout` is the file descriptor that gets its output in place of standard output.

    Raises:
        PulumiError: it can't be started.
    """
    signals: list[int] = []
    with _starting(arguments):
        code = foreground.run(
            ["pulumi", *arguments], environment, folder=folder, stdout=stdout, on_signal=signals.append
        )
    return Ended(code, bool(signals) or code - foreground.SIGNALLED in list(signal.Signals))


@contextmanager
def _starting(arguments: Sequence[str]) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise PulumiError(arguments, str(error.strerror)) from None


def replace(arguments: Sequence[str]) -> NoReturn:
    """Has a command take the place of this process."""
    os.execvp("pulumi", ["pulumi", *arguments])  # noqa: S606 - no shell
