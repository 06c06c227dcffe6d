"""`python -m docs.quotes`: writes anew what docs/DEPLOYMENT.md quotes of the program."""

from __future__ import annotations

import re
import sys

import stackfile
from docs.picture import DOCS
from images.catalog import IMAGES
from settings.reading.missing import missing

PAGE = DOCS / "DEPLOYMENT.md"

#: What the first preview of prod asks for, up to the end of its block of code.
ASKED = re.compile(r"^error: Pulumi\.prod\.yaml: \d+ values .*?\n(?=```)", re.DOTALL | re.MULTILINE)

#: The repositories that an image registry needs.
REPOSITORIES = re.compile(r"(?<=need one each for )`.*?(?= in that folder)", re.DOTALL)


def page() -> str:
    """The page, with the quotes as they are now."""
    asked = f"error: {missing('prod', stackfile.config(DOCS.parent / 'Pulumi.prod.yaml'))}\n"
    *names, last = (f"`{name}`" for name in sorted(IMAGES) if name != "base")
    text, quoted = ASKED.subn(lambda _: asked, PAGE.read_text())
    text, listed = REPOSITORIES.subn(f"{', '.join(names)} and {last}", text)
    if (quoted, listed) != (1, 1):
        raise ValueError(f"{PAGE.name} has the quote {quoted} times and the list {listed} times")
    return text


if __name__ == "__main__":
    PAGE.write_text(page())
    sys.stdout.write(f"wrote {PAGE}\n")
