"""A damage to a running stack."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.damage.acts import Act


@dataclass(frozen=True, kw_only=True)
class Damage:
    """One damage.

    Attributes:
        name: Of the test, and of the measurement.
        what: What was done, for the page.
        do: Does it to a stack; None where another test does, which `tested` names.
        down: Whether the site does not answer after it.
        status: Words of `./tt status`; none where it finds nothing wrong.
        audit: Words of `make audit`; none where it finds nothing.
        up: Words of the first `make up` after it; none where that is not what heals it.
        refused: Whether that `make up` refuses to go on.
        heal: The commands that heal it, one after the other; none where it heals by itself.
        healed: Checks what else is as it was.
        keeps_data: Whether all tasks from before are there after that.
        tested: The test that does it, where it is not one of `tests/damage`.
    """

    name: str
    what: str
    do: Act | None = None
    down: bool = False
    status: Sequence[str] = ()
    audit: Sequence[str] = ()
    up: Sequence[str] = ()
    refused: bool = False
    heal: Sequence[str] = ()
    healed: Act | None = None
    keeps_data: bool = True
    tested: str = ""
