"""A small deterministic text embedding: hashed character n-grams.

It needs no model and gives the same vector on every machine, and titles that share words or word
parts come out close. The method is the hashing trick (Weinberger et al., 2009, "Feature Hashing for
Large Scale Multitask Learning"): a hash picks the dimension and the sign of each n-gram.
"""

import math
import unicodedata
from collections import Counter
from collections.abc import Iterator
from hashlib import blake2b

DIMENSIONS = 64
"""The width of the `tasks.embedding` column; a change needs a migration."""

GRAM_LENGTHS = (2, 3, 4)
"""Word parts: long enough to carry meaning, short enough to survive a typing error."""


def normalise(text: str) -> str:
    """Fold case, compatibility forms and runs of white space; pad, so that word edges count."""
    return f" {' '.join(unicodedata.normalize('NFKC', text).casefold().split())} "


def _grams(text: str) -> Iterator[str]:
    for length in GRAM_LENGTHS:
        for start in range(len(text) - length + 1):
            yield text[start : start + length]


def embed(text: str) -> list[float]:
    """The unit vector of `text`. Never all zeros: cosine distance needs a direction."""
    vector = [0.0] * DIMENSIONS
    for gram, count in Counter(_grams(normalise(text))).items():
        digest = blake2b(gram.encode(), digest_size=4).digest()
        value = int.from_bytes(digest, "big")
        sign = 1.0 if value & 1 else -1.0
        # The root keeps a gram that repeats from drowning the others.
        vector[(value >> 1) % DIMENSIONS] += sign * math.sqrt(count)
    norm = math.hypot(*vector)
    if norm == 0.0:
        return [1.0] + [0.0] * (DIMENSIONS - 1)
    return [component / norm for component in vector]
