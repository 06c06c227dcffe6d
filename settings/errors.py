"""Problems of a stack's config, as the user reads them."""

import json
import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Final

from remote.redaction import redacted_value

PROJECT: Final = "tasktracker"
"""The project's name in Pulumi.yaml, which is the namespace of its config keys."""

PULUMI: Final = "./tt pulumi"
"""Pulumi's command in messages: in the project's folder it works as typed, in any shell."""

THIS_STACK: Final = "--stack STACK"
"""In a message that does not know yet which stack it is about."""

Path = tuple[str, ...]
"""Where a key is: the config key, then the keys of the blocks inside it."""

# Long enough for any sensible value; a pasted file must not fill the screen.
_SHOWN: Final = 80


def key_text(path: Path) -> str:
    """`("postgres", "tuning", "work_mem")` -> `tasktracker:postgres.tuning.work_mem`.

    The form is the one that `pulumi config set --path` takes.
    """
    first, *rest = path
    # A key of Docker's provider has its own namespace.
    key = first if first.startswith("docker:") else f"{PROJECT}:{first}"
    return key + "".join(
        f".{key}" if re.fullmatch(r"[\w-]+", key) else f"[{json.dumps(redacted_value(key), ensure_ascii=False)}]"
        for key in rest
    )


def for_stack(message: str, stack: str) -> str:
    """`message` with the stack's name for `THIS_STACK`, so that its commands can be typed as they are."""
    return message.replace(THIS_STACK, f"--stack {shlex.quote(stack)}")


def value_text(value: object) -> str:
    """A value as JSON on one line, without credentials in URLs, cut if it is long."""
    try:
        text = json.dumps(redacted_value(value), ensure_ascii=False)
    except (RecursionError, TypeError, ValueError):
        text = "..."
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _printable(text: str) -> str:
    """`text` on one line, with what a terminal can't show, or would act upon, escaped."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


@dataclass(frozen=True)
class Problem:
    """One thing to correct: where it is, what is wrong or allowed, and the value as text unless it can't or must not
    be shown. For an unknown key `meant` is the one that it was probably meant to be. A value that is required and not
    there is `missing`, and `command` sets it."""

    path: Path
    message: str
    value: str | None = None
    meant: Path | None = None
    missing: bool = False
    command: str | None = None

    def __str__(self) -> str:
        value = "" if self.value is None else f" = {self.value}"
        return _printable(f"{key_text(self.path)}{value}: {self.message}")


class SettingsError(Exception):
    """Everything that is wrong with a stack's config, one line a problem, and what is missing, with what sets it."""

    def __init__(self, stack: str, problems: Iterable[Problem]) -> None:
        self.stack = stack
        named = (replace(each, message=for_stack(each.message, stack)) for each in problems)
        self.problems = tuple(sorted(named, key=str))
        super().__init__("\n".join([*_mistakes(self), *_missing(self)]))


def _mistakes(error: SettingsError) -> Iterator[str]:
    """What is there and has to be corrected."""
    found = [each for each in error.problems if not each.missing]
    if found:
        yield f"Pulumi.{error.stack}.yaml has {_count(found, 'problem')}:"
        yield from (f"  {problem}" for problem in found)


def _missing(error: SettingsError) -> Iterator[str]:
    """What is not there, with the command that sets it below each, or below all that one command sets."""
    found = [each for each in error.problems if each.missing]
    if found:
        are = "is" if len(found) == 1 else "are"
        yield f"Pulumi.{error.stack}.yaml: {_count(found, 'value')} {are} missing, each named with a command to set it:"
        for command, alike in groupby(found, key=lambda problem: problem.command):
            yield from (f"  {problem}" for problem in alike)
            if command is not None:
                yield f"      {_printable(command)}"


def _count(found: Sequence[object], what: str) -> str:
    return f"{len(found)} {what}{'' if len(found) == 1 else 's'}"
