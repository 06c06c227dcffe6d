"""`python -m docs.damages`: writes the table of damages in docs/TROUBLESHOOTING.md, from `tests/damage`."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence

from docs.picture import DOCS
from tests.damage.damage import Damage
from tests.damage.damages import DAMAGES
from tests.damage.watch import measured

PAGE = DOCS / "TROUBLESHOOTING.md"

#: What the table is between.
BEGIN = "<!-- Written by `make docs` from tests/damage/; changes made here are lost. -->"
END = "<!-- The end of what is written from tests/damage/. -->"

HEADER = (
    "| Damage | The site | `./tt status` | `make audit` | What heals it | Seconds down |",
    "| --- | --- | --- | --- | --- | --- |",
)


def table() -> str:
    """The table, with the facts of the machine that the seconds are from.

    What `tests/damage` does is in it once the test has passed, which keeps a measurement.
    """
    found = measured()
    known = [each for each in DAMAGES if each.name in found["seconds"] or not each.do]
    rows = [row(each, found["seconds"]) for each in known]
    facts = ["", f"Measured with {found['machine']}."] if found["machine"] else []
    return "\n".join([BEGIN, *HEADER, *rows, *facts, END])


def page() -> str:
    """The page, with the table as it is now."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    return before + table() + rest.partition(END)[2]


def row(damage: Damage, seconds: Mapping[str, int]) -> str:
    """The row of a damage."""
    cells = [
        damage.what,
        "does not answer" if damage.down else "answers",
        _message(damage.status),
        _message(damage.audit),
        ", then ".join(map(_command, damage.heal)) or "nothing is needed",
        str(seconds.get(damage.name) or "-"),
    ]
    return f"| {' | '.join(cells)} |"


def _command(command: str) -> str:
    """A command, without the names that its message has."""
    if command.startswith("docker stop "):
        return "the command of `make audit`"
    return f"`{re.sub('(?<=LOST_VOLUMES=)[^ ]+', '…', command)}`"


def _message(words: Sequence[str]) -> str:
    """The first words of what a command reports, without the command that they name.

    >>> _message(["nginx is not there: `make up` puts that right"]), _message([])
    ('`nginx is not there`', 'nothing')
    """
    return f"`{words[0].partition(': `')[0]}`" if words else "nothing"


def main() -> int:
    """Writes the page."""
    PAGE.write_text(page())
    return 0


if __name__ == "__main__":
    sys.exit(main())
