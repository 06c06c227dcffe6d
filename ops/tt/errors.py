"""How `tt` ends, and what it says when it does not end well."""

from __future__ import annotations

from enum import IntEnum
from typing import Any, ClassVar

from remote import redacted


class Exit(IntEnum):
    """The exit codes of all commands. A code's meaning is its own docstring's line in docs/tt.md."""

    meaning: str

    def __new__(cls, code: int, meaning: str) -> Exit:
        """Takes the meaning beside the code."""
        member = int.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        return member

    DONE = 0, "Done."
    FAILED = 1, "It failed, and the running system is as it was."
    USAGE = 2, "Wrong use: the message says what is allowed."
    RED = 3, "It was done and the result is bad: something is unhealthy, damaged, or a drill is red."
    REFUSED = 4, "Refused or declined before anything was changed."
    UNREACHABLE = 5, "The stack, its Docker host or its state can't be reached, or this machine is not set up."
    BROKEN = 6, "It failed, and the running system is not as it was: the message says what to do."
    INTERRUPTED = 130, "Interrupted; the message says what became of the work."


class TtError(Exception):
    """A command ends early; the message is for the user, as it is. `details` are for scripts (`--json`)."""

    code: ClassVar[Exit]

    def __init__(self, message: str, **details: Any) -> None:  # noqa: ANN401 - any JSON
        # A registry, a backend or a Docker host may be named with a password in it.
        super().__init__(redacted(message))
        self.details = details


class FailedError(TtError):
    """It did not work, and left things as they were."""

    code = Exit.FAILED


class UsageError(TtError):
    """The command line asks for what there is not."""

    code = Exit.USAGE


class RefusedError(TtError):
    """It can't or should not be done, or the user said no."""

    code = Exit.REFUSED


class UnreachableError(TtError):
    """What the command talks to does not answer."""

    code = Exit.UNREACHABLE


class BrokenError(TtError):
    """It did not work, and could not be undone."""

    code = Exit.BROKEN


class InterruptedWorkError(TtError):
    """The user stopped it."""

    code = Exit.INTERRUPTED


def sentence(text: str) -> str:
    """A text with a capital at its start.

    >>> sentence("the volume X is gone")
    'The volume X is gone'
    """
    return text[:1].upper() + text[1:]
