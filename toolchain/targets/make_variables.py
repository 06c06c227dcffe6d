"""`python3 -m toolchain.targets.make_variables STACK=dev ...`: checks what a user has set for `make`, before its use.

Stdlib only: it is the first thing that a target runs.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from typing import Final, NamedTuple

from remote.redaction import redacted

#: EX_USAGE of shells and of `make` itself: wrong use.
USAGE: Final = 2

NEEDED: Final = "--needed="


class Form(NamedTuple):
    """What a variable's value may be."""

    pattern: str
    allowed: str
    optional: bool = False


_NAME: Final = r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}"
"""Of a stack: what Pulumi takes (tokens.ParseStackName), and Docker at the beginning of a name."""

FORMS: Final = {
    "STACK": Form(_NAME, "the name of a stack: 1 to 100 letters, digits and . _ -, beginning with a letter or a digit"),
    "SERVICE": Form(_NAME, "the name of a service such as api or postgres; `make status` lists them"),
    "CONFIRM": Form(_NAME, "the name of the stack, or nothing", optional=True),
    "REPOSITORY": Form(
        r"[A-Za-z0-9][A-Za-z0-9._:/-]*",
        "a registry and a folder there, such as registry.example.com/tasktracker",
        optional=True,
    ),
    "TAG": Form(
        r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}",
        "up to 128 letters, digits and . _ - such as 1.2.0, or nothing",
        optional=True,
    ),
    "BACKEND": Form(
        # The characters that `toolchain.pulumi_engine.backends` finds in a stack's file.
        r"file|[a-z0-9]+://[A-Za-z0-9._~/:?=&%+-]+",
        "s3://BUCKET[/FOLDER]?region=REGION, file:///FOLDER, `file` for the project's own folder, or nothing",
        optional=True,
    ),
    "YES": Form(r"--yes", "--yes, which answers the question for you, or nothing", optional=True),
}


def problem(name: str, value: str, *, needed: bool = False) -> str | None:
    """What is wrong with the value of a variable of `make`; None if nothing is.

    A `needed` one may not be empty, though others may leave it out.

    >>> problem("STACK", "prod"), problem("TAG", "")
    (None, None)
    >>> problem("YES", "1")
    'YES=1: must be --yes, which answers the question for you, or nothing'
    """
    form = FORMS[name]
    if (form.optional and not needed and not value) or re.fullmatch(form.pattern, value):
        return None
    shown = "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in value)
    # A backend may be named with a password in it.
    return f"{name}={redacted(shown)}: must be {form.allowed}"


def main(arguments: Sequence[str]) -> int:
    """Checks each `NAME=VALUE`, and that each NAME of a `--needed=NAME` has one; returns the exit code."""
    needed = {each.removeprefix(NEEDED) for each in arguments if each.startswith(NEEDED)}
    values = (each.partition("=") for each in arguments if not each.startswith(NEEDED))
    found = [problem(name, value, needed=name in needed) for name, _, value in values]
    problems = [each for each in found if each is not None]
    for each in problems:
        print(f"error: {each}", file=sys.stderr)
    return USAGE if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
