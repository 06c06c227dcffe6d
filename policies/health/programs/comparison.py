"""What `test`, `[`, `[[` and arithmetic comparisons of a health check ask."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from typing import Final

from policies.health.outcomes import (
    ASKS,
    CLOCK,
    DEPENDS,
    EITHER,
    HEART,
    INVERTED,
    STALE,
    STATUS,
    SUCCESS,
    TELLS,
    Endings,
)
from policies.health.programs.paths import is_constant
from policies.health.shell.script import Call

#: Seconds of the oldest heartbeat that is one. A larger number, up to a date of today, is no age.
_OLDEST: Final = 86_400
_DATE: Final = 1_000_000_000

_FILE_OPERATORS: Final = frozenset({
    "-e", "-f", "-d", "-r", "-w", "-x", "-s", "-h", "-L", "-p", "-S", "-b", "-c", "-g", "-k", "-u", "-O", "-G", "-N",
    "-ef", "-t", "-v",
})  # fmt: skip

#: Operators by what they say of their operands: equal, different, less, greater.
_EQUAL: Final = frozenset({"=", "==", "=~", "-eq"})
_DIFFERENT: Final = frozenset({"!=", "-ne"})
_LESS: Final = frozenset({"-lt", "-le", "<", "<="})
_GREATER: Final = frozenset({"-gt", "-ge", ">", ">="})
_NUMBER: Final = re.compile(r"[0-9]{1,18}")
_STATUS_CODE: Final = re.compile(r"%\{(?:http|response)_code\}")
#: True of any number, such as that of lines of no answer.
_ANY_NUMBER: Final = frozenset({("-ge", "0"), ("-gt", "-1"), ("-ne", "-1"), (">=", "0")})
#: Patterns of any text at all, and what the shell replaces in a text.
_ANY_TEXT: Final = frozenset({"*", ".*", "^", "$", "^.*", "^.*$"})
_REPLACED: Final = re.compile(r"\$(?:\(\)|\w+|\{[^}]*\}|\?)")
_COMPARED: Final = re.compile(r"(<=|>=|==|!=|<|>)")

_Operand = tuple[str, int]


def ends(call: Call) -> Endings:
    """How `test` with those words can end."""
    if call.words[0].text == "((":
        return compared(call)
    operands = [
        (each.text, says)
        for each, says in list(zip(call.words, call.says, strict=True))[1:]
        if each.text not in ("]", "]]", "(", ")")
    ]
    alternatives = [_all_of(group) for group in _split(operands, "-o", "||")]
    if any(part.kind == "script" and _STATUS_CODE.search(part.text) for each in call.words for part in each.parts):
        # curl writes 000 where nothing answers.
        texts = [text for text, _ in operands]
        pairs = list(itertools.pairwise(texts))
        if any(name in _LESS and limit.strip("0") for name, limit in pairs):
            return EITHER
        if any(name in _EQUAL and limit and not limit.strip("0") for name, limit in pairs):
            return INVERTED
    if len(alternatives) == 1:
        return alternatives[0]
    # One that asks nothing may be true by itself.
    if any(each in (EITHER, SUCCESS) for each in alternatives):
        return EITHER
    return ASKS if all(each == ASKS for each in alternatives) else DEPENDS


def compared(call: Call) -> Endings:
    """How an arithmetic expression, or `expr` with a comparison, can end."""
    said = 0
    for each in call.says:
        said |= each
    text = " ".join(part.text for each in call.words for part in each.parts if part.kind == "arithmetic")
    text = text or " ".join(each.text for each in call.words[1:])
    limit = [int(each) for each in _NUMBER.findall(_COMPARED.split(text)[-1])] if _COMPARED.search(text) else []
    if not _COMPARED.search(text) or any(_OLDEST < each < _DATE for each in limit):
        return EITHER
    if said & HEART and said & CLOCK:
        operator = _COMPARED.findall(text)[-1]
        return ASKS if operator in _LESS else DEPENDS
    return DEPENDS if said & (TELLS | STALE | STATUS) else EITHER


def _split(operands: Sequence[_Operand], *separators: str) -> list[list[_Operand]]:
    groups: list[list[_Operand]] = [[]]
    for each in operands:
        if each[0] in separators:
            groups.append([])
        else:
            groups[-1].append(each)
    return groups


def _all_of(operands: Sequence[_Operand]) -> Endings:
    found = [_expression(list(group)) for group in _split(operands, "-a", "&&")]
    for kind in (ASKS, DEPENDS, INVERTED):
        if kind in found:
            return kind
    return EITHER if EITHER in found else SUCCESS


def _expression(operands: list[_Operand]) -> Endings:
    turned = False
    while operands and operands[0][0] == "!":
        turned, operands = not turned, operands[1:]
    found = _plain(operands)
    if turned:
        return {ASKS: INVERTED, INVERTED: ASKS}.get(found, found)
    return found


def _plain(operands: Sequence[_Operand]) -> Endings:
    if len(operands) == 3:
        return _binary(*operands)
    texts = [text for text, _ in operands]
    says = operands[-1][1] if operands else 0
    if any(text in _FILE_OPERATORS for text in texts):
        return EITHER
    if not says & (TELLS | STALE):
        return EITHER if any("$" in text for text in texts) else SUCCESS
    if _REPLACED.sub("", texts[-1]):
        # There is something in it, whatever the shell puts there.
        return EITHER
    is_there = texts[0] != "-z"
    return ASKS if is_there == bool(says & TELLS) else INVERTED


def _binary(left: _Operand, operator: _Operand, right: _Operand) -> Endings:
    (first, of_first), name, (second, of_second) = left, operator[0], right
    if name in ("-nt", "-ot"):
        younger, older = (first, second) if name == "-nt" else (second, first)
        return EITHER if is_constant(younger) or is_constant(older) else ASKS
    said = of_first | of_second
    if (name, second) in _ANY_NUMBER:
        return EITHER
    if not said:
        return EITHER if "$" in first + second else SUCCESS
    if name in _LESS | _GREATER and said & HEART and said & CLOCK:
        return _age(left, name, right)
    if said & STATUS:
        return _by_status(name, second if of_first & STATUS else first)
    if not said & (TELLS | STALE):
        return EITHER
    if name in _EQUAL | _DIFFERENT:
        if second in _ANY_TEXT or (of_first and of_second):
            return EITHER
        # Equal to nothing is not there.
        is_there = (name in _EQUAL) == bool(second.strip("x") if of_first else first.strip("x"))
        return ASKS if is_there == bool(said & TELLS) else INVERTED
    return DEPENDS


def _age(left: _Operand, name: str, right: _Operand) -> Endings:
    """How old a heartbeat is, compared with a limit, or when it was, with a time."""
    (first, of_first), (second, of_second) = left, right
    for text in (first, second):
        if _NUMBER.fullmatch(text) and _OLDEST < int(text) < _DATE:
            return EITHER
    is_age_first = of_first & HEART and of_first & CLOCK
    is_age_second = of_second & HEART and of_second & CLOCK
    if is_age_first or is_age_second:
        young = name in _LESS if is_age_first else name in _GREATER
    else:
        young = name in _GREATER if of_first & HEART else name in _LESS
    return ASKS if young else INVERTED


def _by_status(name: str, other: str) -> Endings:
    """How a command ended, compared with a number: only 0 is a success."""
    if other == "0":
        return ASKS if name in _EQUAL | {"-le", "<="} else INVERTED if name in _DIFFERENT | {"-gt", ">"} else EITHER
    if other == "1":
        return ASKS if name in ("-lt", "<") else INVERTED if name in ("-ge", ">=") else EITHER
    return EITHER
