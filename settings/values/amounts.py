"""Sizes and durations."""

from typing import Annotated

from settings.values.kind import amount
from settings.values.units import MILLISECONDS, SECONDS, SIZE

Megabytes = Annotated[int, amount("size", SIZE)]
"""A whole number of MB (1024 * 1024 bytes)."""

Seconds = Annotated[int, amount("duration", SECONDS)]
"""A whole number of seconds."""

Milliseconds = Annotated[int, amount("fine duration", MILLISECONDS)]
"""A whole number of milliseconds."""
