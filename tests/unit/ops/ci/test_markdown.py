"""No text gets out of the code span, table or fence that it is put in."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from ops.ci import markdown

READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])

HOSTILE = [
    "`", "``", "`a`", "a`", " a ", " ", "", "|", "a|b", r"\|", r"\\|", "\\", "a\nb", "\r\n", "\t", "<b>", "<!--", "-->",
    "</details>", "@someone", "#1", "[x](http://example.com)", "![x](y)", "$x$", "~~~", "```", "&amp;", "&#124;",
    "\u202eabc", "\u2028", "\x00", "\ud800", "*bold*", "_x_", "https://github.com/a/b/issues/1", "**", "| --- |",
]  # fmt: skip

TEXTS = st.one_of(st.sampled_from(HOSTILE), st.text(), st.text(alphabet="`|\\ a\n<>@#*_[]()!~$&"))


def inline(text: str) -> list[Token]:
    """The tokens of a document that is one paragraph."""
    tokens = READER.parse(text)
    assert [token.type for token in tokens] == ["paragraph_open", "inline", "paragraph_close"], text
    return tokens[1].children or []


def on_one_line(text: str) -> str:
    return markdown.printable(text).replace("\n", "\\n").replace("\t", "\\t") or " "


@given(TEXTS)
@example("`a")
@example("a\\")
def test_a_code_span_holds_all_of_a_text(text: str) -> None:
    tokens = inline(f"before {markdown.code(text)} after")
    assert [token.type for token in tokens] == ["text", "code_inline", "text"]
    assert tokens[1].content == on_one_line(text)


@given(TEXTS, TEXTS)
@example("a\\", "|")
@example("a\\|b", "``|")
def test_a_cell_of_a_table_holds_all_of_a_text(first: str, second: str) -> None:
    tokens = READER.parse(f"| A | B |\n| --- | --- |\n| {markdown.cell(first)} | {markdown.cell(second)} |\n")
    cells = [token for token in tokens if token.type == "inline"][2:]
    assert [token.type for token in tokens].count("td_open") == 2
    assert [[each.type for each in cell.children or []] for cell in cells] == [["code_inline"]] * 2
    assert [(cell.children or [])[0].content for cell in cells] == [on_one_line(first), on_one_line(second)]


@given(TEXTS)
@example("see GH-12 and gh-3")
def test_prose_stays_prose(text: str) -> None:
    tokens = inline(f"before: {markdown.text(text)}.")
    assert {token.type for token in tokens} <= {"text", "text_special", "html_inline", "softbreak"}
    assert {token.content for token in tokens if token.type == "html_inline"} <= {"<br>"}
    shown = re.sub("<br>", " ", READER.render(markdown.text(text)))
    assert not re.search(
        r"[@#](?!\u2060)|:(?=//)|(?i:gh-)[0-9]", html.unescape(re.sub("<[^>]*>", "", shown)).replace("&#", "")
    )


@given(TEXTS, st.sampled_from(["text", "diff"]))
@example("```\n</details>\n@all", "text")
@example("   ````", "diff")
def test_a_fence_ends_where_it_should(text: str, language: str) -> None:
    tokens = READER.parse(f"{markdown.fence(text, language)}\n\nafter\n")
    assert [token.type for token in tokens] == ["fence", "paragraph_open", "inline", "paragraph_close"]
    assert tokens[0].content == markdown.printable(text) + "\n"


@given(TEXTS)
def test_a_summary_is_one_line_of_text(text: str) -> None:
    shown = markdown.summary(text)
    assert html.unescape(shown.removeprefix("<code>").removesuffix("</code>")) == markdown.printable(text).replace(
        "\n", "\\n"
    )
    assert not re.search(r"[<>@`*|]", shown.removeprefix("<code>").removesuffix("</code>"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\u202eb", "a\\u202eb"),
        ("a\x1b[31m", "a\\x1b[31m"),
        ("a\nb\tc", "a\nb\tc"),
        ("\ud800", "\\ud800"),
        ("é…", "é…"),
    ],
)
def test_what_can_not_be_seen_is_written_out(text: str, expected: str) -> None:
    assert markdown.printable(text) == expected


def test_long_texts_are_cut_with_a_word_about_it() -> None:
    assert markdown.shorten("abcdef", 4) == "abc…"
    assert markdown.shorten("abcd", 4) == "abcd"
    assert markdown.shorten_lines("a\nb\nc\nd", 2, 10) == "a\nb\n… 2 more lines"
