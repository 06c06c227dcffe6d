"""The words of a shell script: tokens, quotes, and what the shell puts in place of variables and substitutions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

#: Characters of a script that are read; a health check needs far fewer.
MAX_LENGTH: Final = 4096

#: What stands for a substitution in a word's text. A variable stays as it is written.
SUBSTITUTED: Final = "$()"

_SPACE: Final = re.compile(r"(?:[ \t\r]|\\\n)+|\#[^\n]*")
_REDIRECT: Final = re.compile(r"[0-9]*(?:<<<|<<-?|>>|<>|>\||<&|>&|<|>)")
_OPERATOR: Final = re.compile(r"&&|\|\||;;|\|&|[;&|()\n]")
_PLAIN: Final = re.compile(r"[^ \t\r\n;&|()<>\"'`\\$]+")
_VARIABLE: Final = re.compile(r"\$(?:[A-Za-z_][A-Za-z0-9_]*|[0-9?@*#!$-])")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class UnreadableError(Exception):
    """A script that this can't read."""


@dataclass(frozen=True)
class Token:
    """`kind` is `word`, `operator` or `redirect`."""

    kind: str
    text: str


@dataclass(frozen=True)
class Part:
    """A piece of a word that the shell replaces: `kind` is `variable`, `script` or `arithmetic`."""

    kind: str
    text: str


@dataclass(frozen=True)
class Word:
    """A word without its quotes. In `text`, a `$` is what the shell replaces; `parts` says by what."""

    text: str
    parts: Sequence[Part] = ()

    @property
    def dynamic(self) -> bool:
        """Whether the shell replaces something in it."""
        return "$" in self.text


def tokens(script: str) -> list[Token]:
    """The tokens of a script. A new line separates commands as a semicolon does.

    Raises:
        UnreadableError: the script is too long, a quote has no end, or it has a here-document.
    """
    if len(script) > MAX_LENGTH:
        raise UnreadableError
    found: list[Token] = []
    position = 0
    while position < len(script):
        if match := _SPACE.match(script, position):
            position = match.end()
        elif script.startswith("((", position) and (end := _arithmetic_end(script, position)):
            found.append(Token("word", script[position:end]))
            position = end
        elif match := _REDIRECT.match(script, position):
            if "<<" in match[0] and "<<<" not in match[0]:
                raise UnreadableError
            found.append(Token("redirect", match[0].lstrip("0123456789")))
            position = match.end()
        elif match := _OPERATOR.match(script, position):
            found.append(Token("operator", ";" if match[0] == "\n" else match[0]))
            position = match.end()
        else:
            end = _word_end(script, position)
            found.append(Token("word", script[position:end]))
            position = end
    return found


def _arithmetic_end(script: str, start: int) -> int | None:
    """Where `((...))` ends; None where it isn't one, but two groups."""
    try:
        end = _balanced(script, start)
    except UnreadableError:
        return None
    return end if script[end - 2 : end] == "))" else None


def _word_end(script: str, position: int) -> int:
    start = position
    while position < len(script):
        if match := _PLAIN.match(script, position):
            position = match.end()
        elif script[position] in "\\'\"`$":
            position = _quoted_end(script, position)
        else:
            break
    if position == start:
        raise UnreadableError
    return position


def _quoted_end(script: str, position: int) -> int:
    """Where the quote, the substitution or the escaped character at `position` ends."""
    mark = script[position]
    if mark == "\\":
        return min(position + 2, len(script))
    if mark in "'`":
        end = script.find(mark, position + 1)
        if end < 0:
            raise UnreadableError
        return end + 1
    if mark == '"':
        position += 1
        while position < len(script) and script[position] != '"':
            position = _quoted_end(script, position) if script[position] in "\\`$" else position + 1
        if position >= len(script):
            raise UnreadableError
        return position + 1
    if script.startswith("$(", position):
        return _balanced(script, position + 1)
    if script.startswith("${", position):
        end = script.find("}", position)
        if end < 0:
            raise UnreadableError
        return end + 1
    match = _VARIABLE.match(script, position)
    return match.end() if match else position + 1


def _balanced(script: str, position: int) -> int:
    """Where the bracket at `position` is closed."""
    depth = 0
    while position < len(script):
        if script[position] in "()":
            depth += 1 if script[position] == "(" else -1
            position += 1
            if not depth:
                return position
        elif script[position] in "\\'\"`$":
            position = _quoted_end(script, position)
        else:
            position += 1
    raise UnreadableError


def word(raw: str) -> Word:
    """A raw word without its quotes, and what the shell replaces in it.

    >>> word('"a b"c').text, word("'$x'").text, word("$(date)").parts
    ('a bc', 'x', [Part(kind='script', text='date')])
    """
    if raw.startswith("(("):
        return Word("((", [Part("arithmetic", raw[2:-2])])
    text: list[str] = []
    parts: list[Part] = []
    _read(raw, text, parts, quoted=False)
    return Word("".join(text), parts)


def _read(raw: str, text: list[str], parts: list[Part], *, quoted: bool) -> None:
    position = 0
    while position < len(raw):
        mark = raw[position]
        if mark not in "\\'\"`$" or (quoted and mark in "'\""):
            text.append(mark)
            position += 1
            continue
        end = _quoted_end(raw, position)
        piece = raw[position:end]
        if mark == "\\":
            text.append(piece[1:].replace("$", "").replace("\n", ""))
        elif mark == "'":
            # What the shell leaves as it is has no dollar here: those left stand for something.
            text.append(piece[1:-1].replace("$", ""))
        elif mark == '"':
            _read(piece[1:-1], text, parts, quoted=True)
        else:
            _replaced(piece, text, parts)
        position = end


def _replaced(piece: str, text: list[str], parts: list[Part]) -> None:
    if piece.startswith("$((") and piece.endswith("))"):
        parts.append(Part("arithmetic", piece[3:-2]))
        text.append(SUBSTITUTED)
    elif piece.startswith("$("):
        parts.append(Part("script", piece[2:-1]))
        text.append(SUBSTITUTED)
    elif piece.startswith("`"):
        parts.append(Part("script", piece[1:-1]))
        text.append(SUBSTITUTED)
    elif piece.startswith("${"):
        name = _NAME.match(piece, 2)
        parts.append(Part("variable", name[0] if name else ""))
        text.append(piece)
    elif len(piece) > 1:
        parts.append(Part("variable", piece[1:]))
        text.append(piece)
    else:
        # A dollar by itself.
        text.append("")


def names_in(arithmetic: str) -> list[str]:
    """The variables of an arithmetic expression, where a name needs no dollar."""
    return _NAME.findall(arithmetic)
