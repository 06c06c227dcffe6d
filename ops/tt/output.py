"""What `tt` shows: results on standard output, all else on standard error."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn

from ops.tt.errors import RefusedError
from remote import redacted

#: Sizes are in units of 1024, as in the stack's config.
UNIT = 1024


class Output:
    """Where a command's words go. With `json`, its result is one JSON document."""

    def __init__(self, *, json: bool) -> None:
        self.json = json
        # Text as it is: file names and messages may look like markup.
        self._out = Console(markup=False, highlight=False, emoji=False, soft_wrap=True)
        self._err = Console(stderr=True, markup=False, highlight=False, emoji=False, soft_wrap=True)

    def note(self, text: str) -> None:
        """Tells how it goes."""
        self._err.print(redacted(text))

    def warn(self, text: str) -> None:
        """Tells what is not as it should be, and no reason to stop."""
        self._err.print(f"warning: {redacted(text)}", style="yellow")

    def result(self, document: Any, *lines: str) -> None:  # noqa: ANN401 - any JSON
        """Gives the result: `document` for programs, or `lines` for people."""
        if self.json:
            json.dump(document, sys.stdout, indent=2)
            sys.stdout.write("\n")
            return
        for line in lines:
            self._out.print(line)

    def error(self, message: str, code: int, details: dict[str, Any]) -> None:
        """Tells why the command has ended early."""
        if self.json:
            json.dump({**details, "error": message, "code": code}, sys.stdout, indent=2)
            sys.stdout.write("\n")
        else:
            self._err.print(f"error: {message}", style="red")

    @property
    def unanswerable(self) -> str:
        """That no one can answer, and the command that runs now with the answer to its question."""
        answered = shlex.join(["./tt", *sys.argv[1:], "--yes"])
        return f"there is no terminal to ask at, so nothing was done: `{answered}` does it"

    def confirm(self, question: str, answer: str | None, *, yes: bool) -> None:
        """Asks, unless `yes`; goes on when the answer is `answer`, or y where that is None.

        Raises:
            RefusedError: another answer, or nobody there to give one.
        """
        if yes:
            return
        if not sys.stdin.isatty():
            raise RefusedError(self.unanswerable)
        self._err.print(question, end=" ")
        given = sys.stdin.readline().strip()
        if (given.lower() not in ("y", "yes")) if answer is None else (given != answer):
            raise RefusedError("nothing was done")

    @contextmanager
    def work(self, title: str) -> Iterator[Work]:
        """Shows work under way for as long as the block lasts; where no terminal is, a line at the beginning."""
        if not self._err.is_terminal:
            self.note(f"{title} ...")
            yield Work(None)
            return
        columns = (
            SpinnerColumn(finished_text=" "), TextColumn("{task.description}"), BarColumn(bar_width=24),
            TaskProgressColumn(), TimeElapsedColumn(),
        )  # fmt: skip
        with Progress(*columns, console=self._err, transient=False) as progress:
            task = progress.add_task(title, total=None)
            work = Work(progress, task, title)
            yield work
            work.percent(100)


class Work:
    """A line of progress."""

    def __init__(self, progress: Progress | None, task: TaskID | None = None, title: str = "") -> None:
        self._progress, self._task, self._title = progress, task or TaskID(0), title

    def percent(self, value: float) -> None:
        """How much is done."""
        if self._progress:
            self._progress.update(self._task, completed=value, total=100)

    def say(self, text: str) -> None:
        """What goes on now."""
        if self._progress:
            self._progress.update(self._task, description=f"{self._title}: {text}" if text else self._title)


def table(rows: Sequence[Sequence[str]]) -> str:
    """`rows` with their columns aligned, for terminals and pipes alike.

    >>> print(table([("a", "bcd", "e"), ("fg", "", "h")]))
    a   bcd  e
    fg  -    h
    """
    filled = [[cell or "-" for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*filled, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in filled
    )


def size(count: float) -> str:
    """Bytes for people.

    >>> [size(count) for count in (0, 999, 1536, 31_457_280, 2**40, 2**51)]
    ['0 B', '999 B', '1.5 kB', '30 MB', '1 TB', '2048 TB']
    """
    value, unit = float(count), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if round(value, 1) < UNIT or unit == "TB":
            break
        value /= UNIT
    return f"{value:.1f}".removesuffix(".0") + f" {unit}"
