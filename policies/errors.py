"""Mistakes in the pack's config and waivers, in words for the people who made them."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import ValidationError


class ConfigError(Exception):
    """The pack can't run as it is configured; `problems` says why, one line each."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


def problems(error: ValidationError, where: str) -> list[str]:
    """One line per mistake: the key, the value that was given, and what is wrong with it."""
    lines = []
    for each in error.errors():
        key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in each["loc"]).lstrip(".")
        if each["type"] == "extra_forbidden":
            lines.append(f"{where}: {key}: no such key")
        elif each["type"] == "missing":
            lines.append(f"{where}: {key}: has to be given")
        else:
            lines.append(f"{where}: {key} is {each['input']!r}: {each['msg'].removeprefix('Value error, ')}")
    return lines
