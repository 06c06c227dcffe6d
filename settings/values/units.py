"""Sizes and durations as people write them: `512MB`, `1.5GB`, `30s`, `24h`.

Sizes follow PostgreSQL's convention, which is Docker's as well: MB is 1024 * 1024 bytes, GB is 1024 MB. Bare
numbers are refused, because a reader can't tell which unit was meant.

Parsers raise `ValueError` with a message that says what is allowed.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

MB: Final = 1
GB: Final = 1024 * MB
TB: Final = 1024 * GB

SHOWN_EXAMPLES: Final = 3


@dataclass(frozen=True)
class Unit:
    """A way to write a whole number with its unit.

    `factors` gives what each suffix stands for, smallest first; `pattern` is the form as a regular expression
    that JSON Schema understands too. `form` names it and `examples` are amounts that messages show: the first of them
    that a setting takes.
    """

    factors: Mapping[str, int]
    pattern: str
    form: str
    examples: Sequence[str]

    @property
    def hint(self) -> str:
        """What an error message says is allowed."""
        return such_as(self.form, self.examples)

    def parse(self, value: object) -> int:
        """The number that `value` stands for, in the unit whose factor is 1; raises `ValueError`."""
        if isinstance(value, int | float) and not isinstance(value, bool):
            raise ValueError(f"must be {self.hint}; the unit is missing")
        if not isinstance(value, str) or not re.fullmatch(self.pattern, value):
            spelled = self._spelled(value) if isinstance(value, str) else None
            raise ValueError(f"must be {self.hint}{f'; write {spelled}' if spelled else ''}")
        number = value.rstrip("".join(self.factors))
        amount = Fraction(number) * self.factors[value.removeprefix(number)]
        if amount.denominator != 1:
            smallest = next(iter(self.factors))
            raise ValueError(
                f"must be {self.hint}; {value} is {float(amount):g}{smallest}, and not a whole number of {smallest}"
            )
        return amount.numerator

    def _spelled(self, value: str) -> str | None:
        """The same value with its unit in the right case, as `50MB` for `50mb`; None where that is not wrong."""
        for unit in self.factors:
            spelled = f"{value[: -len(unit)]}{unit}"
            if spelled.lower() == value.lower() and re.fullmatch(self.pattern, spelled):
                return spelled
        return None

    def format(self, amount: int) -> str:
        """The inverse of `parse`, in the largest suffix that leaves a whole number."""
        suffix = next(iter(self.factors))
        for candidate, factor in self.factors.items():
            if amount and amount % factor == 0:
                suffix = candidate
        return f"{amount // self.factors[suffix]}{suffix}"


def such_as(form: str, examples: Sequence[str]) -> str:
    """A form with its first examples.

    >>> such_as("a size", ["1MB", "2MB", "3MB", "4MB"]), such_as("a size", ["1MB"])
    ('a size such as 1MB, 2MB or 3MB', 'a size such as 1MB')
    """
    *most, last = examples[:SHOWN_EXAMPLES]
    return f"{form} such as {', '.join(most)} or {last}" if most else f"{form} such as {last}"


SIZE: Final = Unit(
    factors={"MB": MB, "GB": GB, "TB": TB},
    pattern=r"^[0-9]{1,9}(\.[0-9]{1,3})?(MB|GB|TB)$",
    form="a size",
    examples=("512MB", "2GB", "1.5GB", "64MB", "8MB", "1MB", "128GB"),
)
SECONDS: Final = Unit(
    factors={"s": 1, "m": 60, "h": 3600},
    pattern=r"^[0-9]{1,9}(s|m|h)$",
    form="a duration in whole seconds",
    examples=("30s", "5m", "24h", "36h", "72h"),
)
MILLISECONDS: Final = Unit(
    factors={"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000},
    pattern=r"^[0-9]{1,9}(ms|s|m|h)$",
    form="a duration",
    examples=("500ms", "1s", "5m"),
)
