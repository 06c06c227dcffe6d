"""`python -m settings.reading.missing --stack STACK`: the values that a stack's file lacks, and what is wrong in it.

A preview lists them too. But it takes a stack in the state, whose secrets need a passphrase or a key first.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import stackfile
from images.catalog import CatalogError
from settings.errors import PROJECT, SettingsError
from settings.limits import PROBLEM
from settings.reading.reader import examine

#: Stands for a secret, which only its passphrase opens; whether it has the right form is for the preview to say.
ENCRYPTED = "encrypted"


def missing(stack: str, config: Mapping[str, object]) -> str | None:
    """What to tell a user whose stack lacks values, or has wrong ones; None if it has not. `config` is its file's.

    What is encrypted is left to the preview, which opens it.
    """
    secrets = [key for key, value in config.items() if _is_secret(value)]
    _, problems = examine(stack, {key: _text(value) for key, value in config.items()}, secrets)
    encrypted = {key.removeprefix(f"{PROJECT}:") for key in secrets}
    found = [each for each in problems if each.missing or each.path[0] not in encrypted]
    return str(SettingsError(stack, found)) if found else None


def _is_secret(value: object) -> bool:
    return isinstance(value, dict) and value.keys() == {"secure"}


def _text(value: object) -> str:
    """A value as Pulumi hands it over: text as it is, all else as JSON."""
    if _is_secret(value):
        return ENCRYPTED
    return value if isinstance(value, str) else json.dumps(value, default=str)


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints what is missing or wrong; returns 1 if anything is."""
    parser = argparse.ArgumentParser(prog="python -m settings.reading.missing", description=__doc__)
    parser.add_argument("--stack", required=True)
    stack = parser.parse_args(arguments).stack
    try:
        # What is wrong with the limits of the policies is for the program to say.
        message = None if PROBLEM is not None else missing(stack, stackfile.config(Path(f"Pulumi.{stack}.yaml")))
    except (CatalogError, stackfile.StackFileError) as error:
        message = str(error)
    if message is not None:
        sys.stdout.write(f"{message}\n")
    return 0 if message is None else 1


if __name__ == "__main__":
    sys.exit(main())
