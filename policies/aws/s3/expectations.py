"""How the rules for S3 say what a property should be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated, Any

from pydantic import Field

from policies.rule import Finding
from policies.values import UNKNOWN, is_unset

#: At least one day, as S3 counts.
Days = Annotated[int, Field(ge=1)]

#: Whether a known value is as it should be; anything true or false.
Test = Callable[[Any], object]


def expect(path: str, value: Any, is_right: Test, allowed: str) -> Iterator[Finding]:  # noqa: ANN401 - any JSON value
    """The finding of a value that is known and not right; `allowed` says what it should be."""
    if value is not UNKNOWN and not is_right(value):
        yield Finding(path, value, allowed)


def one_of(*words: str) -> Test:
    """Whether a value is one of these texts."""
    return lambda value: isinstance(value, str) and value in words


def unset_or(is_right: Test) -> Test:
    """Whether nothing was given, or what is right."""
    return lambda value: is_unset(value) or is_right(value)
