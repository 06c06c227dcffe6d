"""How the program ends: what it refuses is one message, and an interrupt is none.

Pulumi's language host adds a second error to a `pulumi.RunError`, with the exit code of the program. And it interrupts
the program when an update fails or a user stops it, which Python shows as a traceback of the host.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from types import TracebackType

import pulumi

#: The exit code by which the language host knows that the user has seen why the program failed
#: (`PYTHON_PROCESS_EXITED_AFTER_SHOWING_USER_ACTIONABLE_MESSAGE_CODE` in pulumi-language-python-exec).
USER_KNOWS = 32


@contextlib.contextmanager
def plain_words() -> Iterator[None]:
    """Shows what the program refuses as one error, and no traceback for an interrupt.

    Raises:
        SystemExit: the program refused something; the user has been shown what.
    """
    sys.excepthook = show
    try:
        yield
    except pulumi.RunError as error:
        pulumi.log.error(str(error))
        sys.exit(USER_KNOWS)


def show(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    """Python's own way to show an exception that nothing has caught, but for an interrupt."""
    if not issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, traceback)
