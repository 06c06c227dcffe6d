"""Sizes and durations as people write them: `512MB`, `1.5GB`, `30s`, `24h`.

Sizes follow PostgreSQL's convention, which is Docker's as well: MB is 1024 * 1024 bytes, GB is 1024 MB. Bare
numbers are refused, because a reader can't tell which unit was meant.

Parsers raise `ValueError` with a message that says what is allowed.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

MB: Final = 1
GB: Final = 1024 * MB
TB: Final = 1024 * GB


@dataclass(frozen=True)
class Unit:
    """A way to write a whole number with its unit.

    `factors` gives what each suffix stands for, smallest first; `pattern` is the form as a regular expression
    that JSON Schema understands too; `hint` is what an error message says is allowed.
    """

    factors: Mapping[str, int]
    pattern: str
    hint: str

    def parse(self, value: object) -> int:
        """The number that `value` stands for, in the unit whose factor is 1; raises `ValueError`."""
        if isinstance(value, int | float) and not isinstance(value, bool):
            raise ValueError(f"must be {self.hint}; the unit is missing")
        if not isinstance(value, str) or not re.fullmatch(self.pattern, value):
            raise ValueError(f"must be {self.hint}")
        number = value.rstrip("".join(self.factors))
        amount = Fraction(number) * self.factors[value.removeprefix(number)]
        if amount.denominator != 1:
            raise ValueError(f"must be {self.hint}; a whole number of {next(iter(self.factors))}")
        return amount.numerator

    def format(self, amount: int) -> str:
        """The inverse of `parse`, in the largest suffix that leaves a whole number."""
        suffix = next(iter(self.factors))
        for candidate, factor in self.factors.items():
            if amount and amount % factor == 0:
                suffix = candidate
        return f"{amount // self.factors[suffix]}{suffix}"


SIZE: Final = Unit(
    factors={"MB": MB, "GB": GB, "TB": TB},
    pattern=r"^[0-9]{1,9}(\.[0-9]{1,3})?(MB|GB|TB)$",
    hint="a size such as 512MB, 2GB or 1.5GB",
)
SECONDS: Final = Unit(
    factors={"s": 1, "m": 60, "h": 3600},
    pattern=r"^[0-9]{1,9}(s|m|h)$",
    hint="a duration in whole seconds such as 30s, 5m or 24h",
)
MILLISECONDS: Final = Unit(
    factors={"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000},
    pattern=r"^[0-9]{1,9}(ms|s|m|h)$",
    hint="a duration such as 500ms, 1s or 5m",
)
