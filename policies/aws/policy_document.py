"""AWS policy documents, read from any of the forms in which one can be written."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from policies.rule import Finding
from policies.values import UNKNOWN, has_unknown, is_unset

READABLE: Final = "a JSON policy document in which no key occurs twice"

#: What a message says of a value that isn't a text where AWS wants one.
_KINDS: Final[Mapping[type, str]] = {dict: "an object", list: "a list"}


@dataclass(frozen=True)
class Statement:
    """One statement. `elements` maps an element's name in lower case to its path and value.

    `partial`: a part of it is known only at `up`.
    """

    path: str
    elements: Mapping[str, tuple[str, Any]]
    partial: bool = False

    def get(self, name: str) -> Any:  # noqa: ANN401 - any JSON value
        """The value of the element whose name in lower case is `name`; None where there is none."""
        return self.elements.get(name, ("", None))[1]

    def path_of(self, name: str) -> str:
        """The path of an element that may be missing."""
        return self.elements.get(name.lower(), (f"{self.path}.{name}", None))[0]

    @property
    def grants(self) -> bool:
        """Whether it allows: what isn't exactly `Deny` is taken for an `Allow`."""
        effect = self.get("effect")
        return effect is not UNKNOWN and effect != "Deny"

    @property
    def may_deny(self) -> bool:
        """Whether a part that is known only at `up` could make it any denial."""
        return self.partial and self.get("effect") in ("Deny", UNKNOWN)


@dataclass(frozen=True)
class Document:
    """A policy document: what was read of it, and findings where it couldn't be.

    `partial`: a part that is known only at `up` could be any statement.
    """

    statements: tuple[Statement, ...] = ()
    problems: tuple[Finding, ...] = ()
    partial: bool = False


def read(path: str, value: object) -> Document:
    """The policy document at `path`: JSON text, or the object that it stands for."""
    if value is UNKNOWN:
        return Document(partial=True)
    if is_unset(value):
        return Document()
    document: object = value
    if isinstance(value, str):
        try:
            document = json.loads(value, object_pairs_hook=_object, parse_constant=_refuse)
        except (ValueError, RecursionError):
            document = None
    elements = _elements(path, document)
    if elements is None:
        return Document(problems=(Finding(path, value, READABLE),))
    where, content = elements.get("statement", (path, None))
    if content is UNKNOWN:
        return Document(partial=True)
    statements, problems, partial = [], [], False
    # AWS takes a single statement without a list, and so do we.
    many = isinstance(content, list)
    for index, item in enumerate(content if isinstance(content, list) else [] if content is None else [content]):
        place = f"{where}[{index}]" if many else where
        if item is UNKNOWN:
            partial = True
        elif (parts := _elements(place, item)) is None:
            problems.append(Finding(place, scalar(item), "a statement in which no element occurs twice"))
        else:
            # Text is known as a whole.
            statements.append(Statement(place, parts, partial=not isinstance(value, str) and has_unknown(item)))
    return Document(tuple(statements), tuple(problems), partial)


def texts(path: str, value: object) -> Iterator[tuple[str, str | None, Any]]:
    """The path, text and value of each item of what is one text or a list of them; the text is None for other items."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            if item is not UNKNOWN:
                yield f"{path}[{index}]", item if isinstance(item, str) else None, scalar(item)
    elif value is not UNKNOWN:
        yield path, value if isinstance(value, str) else None, scalar(value)


def principals(path: str, value: object) -> Iterator[tuple[str, str | None, Any]]:
    """The path, text and value of each of a statement's principals, of any kind."""
    if isinstance(value, dict):
        for kind, names in value.items():
            if not kind.startswith("__") and not is_unset(names):
                yield from texts(f"{path}.{kind}", names)
    else:
        yield from texts(path, value)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key occurs twice")
    return found


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _elements(path: str, value: object) -> dict[str, tuple[str, Any]] | None:
    # Names are compared in lower case: a reader that minds the case would pass over an `action` that AWS may take.
    if not isinstance(value, dict):
        return None
    found: dict[str, tuple[str, Any]] = {}
    for name, content in value.items():
        # The engine adds `__defaults` to objects; a null is an element that an SDK left out.
        if name.startswith("__") or content is None:
            continue
        if name.lower() in found:
            return None
        found[name.lower()] = (f"{path}.{name}", content)
    return found


def scalar(value: object) -> object:
    """A value for a message; of an object or a list, what it is."""
    return _KINDS.get(type(value)) or value
