"""Mistakes in the pack's config and waivers, in words for the people who made them."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from pydantic import ValidationError

#: Characters of a value that a message shows.
SHOWN: Final = 80

#: What pydantic calls wrong types, in words that do not need its terms.
_SHOULD_BE: Final = {
    "model_type": "should be a mapping", "dict_type": "should be a mapping", "list_type": "should be a list",
    "tuple_type": "should be a list", "string_type": "should be a text", "int_type": "should be a whole number",
    "int_parsing": "should be a whole number", "int_from_float": "should be a whole number",
    "int_parsing_size": "should be a smaller number", "float_type": "should be a number",
    "float_parsing": "should be a number", "bool_type": "should be true or false",
    "bool_parsing": "should be true or false", "finite_number": "should be a finite number",
    "string_unicode": "should be a text that can be encoded", "json_invalid": "has a text that can't be encoded",
}  # fmt: skip


class ConfigError(Exception):
    """The pack can't run as it is configured; `problems` says why, one line each."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


def problems(error: ValidationError, where: str | Callable[[tuple[str | int, ...]], str]) -> list[str]:
    """One line per mistake: the key, the value that was given, and what is wrong with it.

    `where` is the file, or gives the file and the line of a key.
    """
    lines = []
    for each in error.errors(include_url=False):
        place = where if isinstance(where, str) else where(each["loc"])
        key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in each["loc"]).lstrip(".")
        what = _SHOULD_BE.get(each["type"], each["msg"].removeprefix("Value error, "))
        if each["type"] == "extra_forbidden":
            lines.append(f"{place}: {shortened(key)}: no such key")
        elif each["type"] == "missing":
            lines.append(f"{place}: {key}: has to be given")
        elif each["type"] == "json_invalid":
            lines.append(f"{place}: {what}")
        else:
            lines.append(f"{place}: {key or 'the content'} is {shortened(repr(each['input']))}: {what}")
    return lines


def shortened(text: str) -> str:
    """A value for a message: on one line, and not longer than people read."""
    text = text.encode(errors="backslashreplace").decode().replace("\n", " ")
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def suggestion(name: str, known: Iterable[str]) -> str:
    """The known name that is most like `name`, for the end of a message; empty if none is."""
    close = difflib.get_close_matches(name.upper()[:SHOWN], list(known), n=1)
    return f"; did you mean {close[0]}?" if close else ""
