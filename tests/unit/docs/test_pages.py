"""Pages quote messages that there are, and have no dead link."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import groupby

import pytest

from docs import quotes
from settings.errors import SettingsError
from settings.reading.reader import parse
from tests.unit.settings.config import config, stack_file
from toolchain.process.steps import ROOT

PAGES = {
    name: (ROOT / "docs" / name).read_text()
    for name in (
        *("ARCHITECTURE.md", "BACKUP.md", "DEPLOYMENT.md", "LANGUAGE_HOST.md", "SECURITY.md", "STATE.md"),
        "TROUBLESHOOTING.md",
    )
}

SOURCES = (
    "toolchain/**/*.py",
    "settings/**/*.py",
    "components/**/*.py",
    "images/*.py",
    "images/*/bin/*",
    "images/*/share/*",
    "app/tasktracker/**/*.py",
    "policies/**/*.py",
    "ops/**/*.py",
    "remote/*.py",
    "stackfile/*.py",
)

#: Tables of these name messages of other programs.
FOREIGN = ("Message of Pulumi", "Message of Docker", "Message of cloudflared")

#: What other programs say, in tables of our own messages.
FOREIGN_MESSAGES = {"container failed to be in healthy state", "Restarting (137)"}


def messages() -> list[str]:
    """The first column of each table whose messages are this project's."""
    found: list[str] = []
    lines_of_all = "\n".join(PAGES.values()).splitlines()
    for is_table, lines in groupby(lines_of_all, key=lambda line: line.startswith("|")):
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


def texts_of_the_program() -> Iterator[tuple[str, str]]:
    """The texts in the sources that may be shown, each with its file: all but docstrings."""
    for pattern in SOURCES:
        for path in sorted(ROOT.glob(pattern)):
            if path.suffix != ".py":
                continue
            tree = ast.parse(path.read_text())
            alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
            for node in ast.walk(tree):
                if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in alone:
                    yield path.name, node.value


def test_a_command_of_a_message_can_be_copied() -> None:
    """`tt` is not on PATH: it is `./tt` of the project's folder."""
    found = [*texts_of_the_program()]
    assert any("`./tt " in text for _, text in found)
    assert [(file, text) for file, text in found if "`tt " in text] == []


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as forges make them."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize(
    ("page", "link"),
    sorted({(page, link) for page, text in PAGES.items() for link in re.findall(r"\]\(([^)]+)\)", text)}),
)
def test_a_link_leads_somewhere(page: str, link: str) -> None:
    path, _, anchor = link.partition("#")
    target = (ROOT / "docs" / (path or page)).resolve()
    assert target.exists()
    assert not anchor or anchor in anchors(target.read_text())


@pytest.mark.parametrize("path", sorted(set(re.findall(r"\]\(([^)#:]+)[^):]*\)", (ROOT / "README.md").read_text()))))
def test_a_link_of_the_readme_leads_somewhere(path: str) -> None:
    assert (ROOT / path).exists()


@pytest.mark.parametrize("page", ["README.md"])
def test_what_the_first_preview_of_prod_asks_for_is_quoted(page: str) -> None:
    with pytest.raises(SettingsError) as asked:
        parse("prod", config(stack_file("prod")))
    message = f"error: {asked.value}\n"
    (quoted,) = re.findall(
        r"^error: Pulumi\.prod\.yaml: \d+ values .*?\n(?=```)", (ROOT / page).read_text(), re.S | re.M
    )
    for part in quoted.split("  ...\n"):
        assert part in message


def test_quotes_of_the_program_are_current() -> None:
    assert quotes.PAGE.read_text() == quotes.page(), "`python -m docs.quotes` writes them anew"


#: Targets of `make` and commands of `./tt` that begin a line of code, or come behind a prompt or another command.
COMMANDS = re.compile(r"(?:^ *|\$ |&& )(?:make (?P<target>[a-z]+)|\./tt (?:-s \S+ )?(?P<command>[a-z]+))", re.MULTILINE)


@pytest.mark.parametrize("page", PAGES)
def test_a_command_is_there(page: str) -> None:
    fenced = re.findall(r"^ *```\w*\n(.*?)^ *```", PAGES[page], re.DOTALL | re.MULTILINE)
    inline = re.findall(r"`([^`]+)`", re.sub(r"```.*?```", "", PAGES[page], flags=re.DOTALL))
    found = [match for code in (*fenced, *inline) for match in COMMANDS.finditer(code)]
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    commands = re.findall(r"^## `tt ([a-z]+)`", (ROOT / "docs" / "tt.md").read_text(), re.MULTILINE)
    assert {match["target"] for match in found} - {None, *targets} == set()
    assert {match["command"] for match in found} - {None, *commands} == set()


def test_the_mistakes_in_the_readme_are_reported_as_it_shows() -> None:
    wrong = {
        "environment": "dev",
        "nats": '{"max_payload": 1}',
        "nginx": '{"publsh": 1}',
        "postgres": '{"tuning": {"shared_buffers": "3GB"}}',
    }
    with pytest.raises(SettingsError) as error:
        parse("dev", wrong)
    shown = re.search(r"```\nerror: (Pulumi\.dev\.yaml has .*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert shown
    # A long list is cut short.
    pairs = zip(shown[1].splitlines(), str(error.value).splitlines(), strict=True)
    assert [said for line, said in pairs if not said.startswith(line.removesuffix(", ..."))] == []
