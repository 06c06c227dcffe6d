"""Values of Docker's API in the forms of the provider's inputs."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from typing import Any, Final

from policies.values import MB, entries, is_unset, lookup, number, text

NANOSECONDS: Final = 1_000_000_000


def healthcheck(value: object) -> dict[str, Any]:
    """A health check, which Docker has in the same form for a container and a service."""
    check = entries(value)
    return given(
        {
            "tests": texts(check.get("Test")),
            "interval": duration_text(check.get("Interval")),
            "timeout": duration_text(check.get("Timeout")),
            "startPeriod": duration_text(check.get("StartPeriod")),
            "startInterval": duration_text(check.get("StartInterval")),
            "retries": nonzero(check.get("Retries")),
        }
    )


def name_of(inspected: object) -> str:
    """Docker's name of what it describes, without the slash that a container's has."""
    return (text(lookup(inspected, "Name")) or "").lstrip("/")


def labels(value: object) -> list[dict[str, Any]]:
    """Labels, sorted by name."""
    return [{"label": label, "value": text(content) or ""} for label, content in sorted(entries(value).items())]


def given(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Without what says nothing: a program doesn't write that either."""
    return {key: value for key, value in properties.items() if not is_unset(value)}


def texts(value: object) -> list[str]:
    """The texts of a list; one alone counts as a list, as it does for Docker's API."""
    if isinstance(value, str):
        return [value]
    found: Sequence[object] = value if isinstance(value, list) else []
    return [each for each in map(text, found) if each is not None]


def objects(value: object) -> list[dict[str, Any]]:
    """The objects of a list; none where `value` is no list."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def clean_path(path: object) -> str:
    """A path as Docker cleans it, to compare it with others."""
    return posixpath.normpath(f"/{text(path) or ''}".replace("//", "/"))


def nonzero(value: object) -> int | float | None:
    """A number; None for zero, which is Docker's word for unset."""
    found = number(value)
    if not found:
        return None
    return int(found) if found.is_integer() else found


def positive(value: object) -> int | float | None:
    """A number above zero; None for any other."""
    found = nonzero(value)
    return found if found and found > 0 else None


def mebibytes(value: object) -> int | float | None:
    """Bytes in the provider's unit, exactly; negative stays: it means no limit."""
    found = nonzero(value)
    return found if found is None or found < 0 else nonzero(found / MB)


def cpus_text(value: object) -> str | None:
    """Billionths of a CPU as the text that the provider takes.

    >>> cpus_text(500_000_000), cpus_text(2_000_000_000), cpus_text(0)
    ('0.5', '2', None)
    """
    found = nonzero(value)
    return None if found is None else f"{found / NANOSECONDS:.9f}".rstrip("0").rstrip(".")


def duration_text(value: object) -> str | None:
    """Nanoseconds as Go writes a duration, down to the millisecond.

    >>> [duration_text(seconds * NANOSECONDS) for seconds in (3, 60, 3600, 1.5, 0)]
    ['3s', '1m0s', '1h0m0s', '1.5s', None]
    """
    found = nonzero(value)
    if found is None:
        return None
    minutes, seconds = divmod(round(found / NANOSECONDS, 3), 60)
    hours, minutes = divmod(int(minutes), 60)
    rest = f"{round(seconds, 3):g}s"
    return f"{hours}h{minutes}m{rest}" if hours else f"{minutes}m{rest}" if minutes else rest
