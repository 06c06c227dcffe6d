"""`python3 -m toolchain.targets.terminal TARGET STACK`: refuses a target that asks where no one can answer.

Pulumi refuses that too, late, and names an option of its own (`--yes must be passed`) in place of make's.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping

from toolchain.process.steps import ROOT
from toolchain.process.streams import open_closed
from toolchain.pulumi_engine.stack_files import no_stack, stack_files

#: Pulumi's own variable that answers its questions.
ANSWERED = "PULUMI_SKIP_CONFIRMATIONS"


def refusal(target: str, stack: str, *, terminal: bool, env: Mapping[str, str]) -> str | None:
    """Why the target can't be run; None where a person can answer, or has done so."""
    if terminal or env.get(ANSWERED, "").lower() in ("1", "true", "t"):
        return None
    named = shlex.quote(stack)
    return (
        f"`make {target} STACK={named}` asks before it changes anything, and there is no terminal to ask at. "
        f"Nothing was changed. `make {target} STACK={named} YES=--yes` answers in advance"
    )


def main() -> int:
    """Does what the command line says; returns the exit code."""
    target, stack = sys.argv[1:]
    open_closed()
    terminal = sys.stdin.isatty() and sys.stdout.isatty()
    message = refusal(target, stack, terminal=terminal, env=os.environ)
    if message is not None and stack not in stack_files(ROOT):
        message = no_stack(ROOT, stack)
    if message is not None:
        print(f"error: {message}", file=sys.stderr)
    return 0 if message is None else 1


if __name__ == "__main__":
    sys.exit(main())
