"""Where in a text names of secrets may be: a quick look before the search for them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final

# What no name of a secret is without, and no option in short form: a quick look before the search for them. A regular
# expression of these takes ten times as long as looking for each.
_NAME_HINTS: Final = (
    "pass", "secret", "token", "key", "pwd", "cred", "auth", "dsn", "webhook", "conn", "salt", "mnemonic", "cookie",
    "pw", "pat", "kennwort", "jwt",
)  # fmt: skip
_NAME_HINT: Final = re.compile("|".join(_NAME_HINTS), re.IGNORECASE)
#: Words of configs that have such a part and are no name of a secret.
_NO_HINT: Final = re.compile(r"(?<=proxy_)pass|(?<=grpc_)pass|pat(?:h|tern|ch)|connection(?!_?-?str)|connect(?!ion)")


# The searches of a file all ask for the lines of the same text.
@lru_cache(maxsize=1)
def hinted(text: str) -> Sequence[tuple[int, int]]:
    """Where in `text` there are lines with a word that names of secrets have; each with the line after it."""
    lower = text.lower()
    if len(lower) == len(text):
        found = sorted(place for hint in _NAME_HINTS if hint in lower for place in _lines_with(lower, hint))
    else:
        # Lower case can have more characters than upper case; it has other places then.
        lower, found = text, [match.start() for match in _NAME_HINT.finditer(text)]
    spans: list[tuple[int, int]] = []
    end = 0
    for place in found:
        if place < end:
            continue
        start = max(end, lower.rfind("\n", 0, place) + 1)
        end = lower.find("\n", place)
        end = len(lower) if end < 0 else lower.find("\n", end + 1)
        end = len(lower) if end < 0 else end
        spans.append((start, end))
    return spans


def _lines_with(text: str, hint: str) -> Iterator[int]:
    """Where `hint` is the first time in each line that has it."""
    place = text.find(hint)
    while place >= 0:
        end = place + 1
        if not _NO_HINT.match(text, place):
            yield place
            end = text.find("\n", place)
            if end < 0:
                return
        place = text.find(hint, end)
