"""The page on troubleshooting quotes messages that there are, and has no dead link."""

from __future__ import annotations

import re
from itertools import groupby

import pytest

from toolchain.steps import ROOT

PAGE = (ROOT / "docs/TROUBLESHOOTING.md").read_text()

SOURCES = (
    "toolchain/*.py",
    "settings/*.py",
    "components/*.py",
    "images/*/*.sh",
    "app/tasktracker/*.py",
    "policies/*.py",
)

#: Tables of these name messages of other programs.
FOREIGN = ("Message of Pulumi", "Message of Docker", "Message of cloudflared")

#: What other programs say, in tables of our own messages.
FOREIGN_MESSAGES = {"container failed to be in healthy state", "Restarting (137)"}


def messages() -> list[str]:
    """The first column of each table whose messages are this project's."""
    found: list[str] = []
    for is_table, lines in groupby(PAGE.splitlines(), key=lambda line: line.startswith("|")):
        rows = [line.split(" | ")[0].removeprefix("| ") for line in lines]
        if is_table and rows[0].startswith("Message") and rows[0] not in FOREIGN:
            found += [quoted for row in rows[2:] for quoted in re.findall("`([^`]+)`", row)]
    return [message for message in found if message not in FOREIGN_MESSAGES]


def sources() -> str:
    """The texts of all sources, with messages that take several lines put together."""
    texts = (path.read_text() for pattern in SOURCES for path in sorted(ROOT.glob(pattern)))
    return re.sub(r'"\s*\n\s*f?"|" \\\n\s*"|\\(?=[`$"])', "", "\n".join(texts))


@pytest.mark.parametrize("message", messages())
def test_a_quoted_message_is_one_of_the_program(message: str) -> None:
    text = sources()
    for part in message.split("…"):
        assert part.strip() in text


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as forges make them."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)]+)\)", PAGE))))
def test_a_link_leads_somewhere(link: str) -> None:
    path, _, anchor = link.partition("#")
    assert not path or (ROOT / "docs" / path).exists()
    assert not anchor or anchor in anchors(PAGE)
