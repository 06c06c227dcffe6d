"""`make clean`: removes images of this project that this clone does not need and no container uses, once asked."""

from __future__ import annotations

import argparse
import os
import sys

from toolchain.image_build.images import outdated, remove
from toolchain.machine.docker_engine import NO_CONTEXT
from toolchain.process.steps import StepError
from toolchain.process.streams import open_closed


def refusal(references: list[str], *, yes: bool) -> str | None:
    """Why the images are not removed; None once a person has agreed."""
    print("\n".join(references))
    if not yes and sys.stdin.isatty():
        question = "Other clones of this project on this machine may need some of them. Remove all? [y/N] "
        yes = input(question).strip().lower() in ("y", "yes")
    return None if yes else "nothing was removed: `make clean YES=--yes` would"


def main() -> int:
    """Does what the command line says; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python3 -m toolchain.targets.clean", description=__doc__)
    parser.add_argument("--yes", action="store_true", help="don't ask")
    arguments = parser.parse_args()
    open_closed()
    os.environ.update(NO_CONTEXT)
    try:
        found = outdated()
        reason = refusal(found, yes=arguments.yes) if found else None
        removed = [] if reason else remove(found)
    except StepError as error:
        reason, removed = str(error), []
    except (EOFError, KeyboardInterrupt):
        reason, removed = "nothing was removed", []
        print(file=sys.stderr)
    if reason is not None:
        print(f"error: {reason}", file=sys.stderr)
        return 1
    used = len(found) - len(removed)
    print(f"removed {len(removed)} images" + (f"; a container uses {used} of them" if used else ""))
    return 0


if __name__ == "__main__":
    sys.exit(main())
