"""GitHub's Markdown around texts that nobody vouches for.

A value can hold anything: backticks, pipes, HTML, mentions. Nothing here lets it be more than text, and
GitHub links neither people nor issues inside code.
"""

from __future__ import annotations

import html
import re
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

ELLIPSIS = "…"

#: After it GitHub sees no mention, issue or address; browsers show nothing.
WORD_JOINER = "\u2060"

_PUNCTUATION = re.compile(r"([\\`*_\[\]|~$])")

#: Where GitHub would begin a mention, the number of an issue or an address.
_LINKED = re.compile(r"@|#|GH-(?=[0-9])|:(?=//)|\bwww(?=\.)", re.IGNORECASE)

#: What may follow in a document as it is; the rest is unprintable, or turns the reading direction.
_LAYOUT = "\n\t"


def code(value: object) -> str:
    """A code span that holds `value` on one line."""
    content = printable(str(value)).replace("\n", "\\n").replace("\t", "\\t") or " "
    fence = "`" * (_longest_run(content) + 1)
    # Markdown takes one space off at both ends, if there is one at both; it needs one beside a backtick.
    padding = " " if content.strip(" ") and (content[0] in "` " or content[-1] in "` ") else ""
    return f"{fence}{padding}{content}{padding}{fence}"


def cell(value: object) -> str:
    """A code span for a table, which ends a cell at any pipe without a backslash, in a span too."""
    return code(value).replace("|", "\\|")


def summary(value: object) -> str:
    """A name for the `<summary>` of a `<details>`, where no Markdown is read."""
    content = printable(str(value)).replace("\n", "\\n")
    return (
        "<code>"
        + "".join(each if each.isalnum() or each in " -./" else f"&#{ord(each)};" for each in content)
        + "</code>"
    )


def text(value: str) -> str:
    """Prose, of which nothing becomes markup or a link; its lines stay lines."""
    lines = (html.escape(line.strip(), quote=False) for line in printable(value).strip().splitlines())
    escaped = (_PUNCTUATION.sub(r"\\\1", line) for line in lines)
    return "<br>".join(_LINKED.sub(lambda found: found[0] + WORD_JOINER, line) for line in escaped)


def fence(content: str, language: str = "text") -> str:
    """A code block."""
    content = printable(content)
    marks = "`" * max(3, _longest_run(content) + 1)
    return f"{marks}{language}\n{content}\n{marks}"


def printable(value: str) -> str:
    """`value` with all but its line ends, tabs and printable characters written as escapes."""
    if value.isprintable():
        return value
    return "".join(
        each if each.isprintable() or each in _LAYOUT else each.encode("unicode_escape").decode() for each in value
    )


def shorten(value: str, length: int) -> str:
    """`value`, cut to `length` characters."""
    return value if len(value) <= length else value[: length - 1] + ELLIPSIS


def shorten_lines(value: str, lines: int, length: int) -> str:
    """`value`, cut to so many lines of so many characters, with a line that says how many are missing."""
    found = value.split("\n")
    kept = [shorten(line, length) for line in found[:lines]]
    missing = len(found) - len(kept)
    return "\n".join([*kept, *([f"{ELLIPSIS} {missing} more lines"] if missing else [])])


def render(template: str, **values: object) -> str:
    """Renders `templates/<template>.j2`.

    Raises:
        jinja2.UndefinedError: the template uses a value that was not given.
    """
    return _TEMPLATES.get_template(f"{template}.j2").render(**values)


def _longest_run(content: str) -> int:
    """The length of the longest run of backticks."""
    return max((len(run) for run in re.findall("`+", content)), default=0)


_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    # The result is Markdown: `code`, `text` and `summary` escape.
    autoescape=False,  # noqa: S701
)
_TEMPLATES.filters.update(code=code, cell=cell)
