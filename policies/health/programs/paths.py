"""Paths in a health check: those that are there in every container, whatever its service does."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from typing import Final

_CONSTANT: Final = re.compile(
    r"/+(?:(?:bin|sbin|lib|lib64|usr|etc|proc|sys|dev(?!/shm))(?:/.*)?|tmp|var|run|home|root|opt|srv|boot|mnt|media)?"
    r"|\.\.?",
    re.DOTALL,
)


def is_constant(path: str) -> bool:
    """Whether a path is there, whatever the service does.

    >>> [is_constant(path) for path in ("/etc/hostname", "/tmp", "/tmp/beat", "$FILE")]
    [True, True, False, False]
    """
    return "$" not in path and bool(_CONSTANT.fullmatch(posixpath.normpath(path) if path else "."))


def operands_of(words: Sequence[str]) -> list[str]:
    """The words that are neither options nor numbers."""
    return [word for word in words if not word.startswith("-") and not word.isdigit()]
