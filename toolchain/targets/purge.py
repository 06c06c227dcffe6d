"""`make purge`: asks before the data of a stack is deleted; and what is left of the stack after that."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from toolchain.process.steps import ROOT
from toolchain.process.streams import open_closed
from toolchain.pulumi_engine.environment import PASSPHRASE_OVERRIDE, PUBLIC_STACK, own_passphrase
from toolchain.pulumi_engine.stack_files import no_stack, stack_files


def refusal(stack: str, confirm: str) -> str | None:
    """Why the data of `stack` is not deleted; None once its name was given, in `confirm` or to the question."""
    if stack not in stack_files(ROOT):
        return no_stack(ROOT, stack)
    if not confirm and sys.stdin.isatty():
        confirm = input(f"This deletes all data of the stack '{stack}'. Type its name to go on: ")
    return None if confirm == stack else f"nothing was deleted: `make purge STACK={stack} CONFIRM={stack}` would"


def left(stack: str) -> Iterator[str]:
    """What is left of a stack without data, and what removes it; nothing for the stack that comes with the project."""
    if stack == PUBLIC_STACK:
        return
    yield f"Pulumi.{stack}.yaml and the empty stack in the state: `./tt pulumi stack rm --stack {stack}` removes both"
    named = os.environ.get(PASSPHRASE_OVERRIDE)
    passphrase = Path(named).expanduser() if named else own_passphrase(ROOT / f"Pulumi.{stack}.yaml")
    if passphrase is not None and passphrase.exists():
        yield (
            f"its passphrase, {passphrase}: nothing removes it, since copies and backups of the state can't be read "
            f"without it. A new stack {stack} would use it again"
        )


def main() -> int:
    """Does what the command line says; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python3 -m toolchain.targets.purge", description=__doc__)
    parser.add_argument("--stack", required=True)
    parser.add_argument("--confirm", default="", help="the stack's name, in place of the question")
    arguments = parser.parse_args()
    open_closed()
    try:
        reason = refusal(arguments.stack, arguments.confirm)
    except (EOFError, KeyboardInterrupt):
        reason = "nothing was deleted"
        print(file=sys.stderr)
    if reason is not None:
        print(f"error: {reason}", file=sys.stderr)
    return 0 if reason is None else 1


if __name__ == "__main__":
    sys.exit(main())
