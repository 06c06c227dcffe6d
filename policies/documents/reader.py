"""The pack's own files, YAML and JSON: what is in them, on which line, and in plain words what is wrong with one.

Only what the pack needs of YAML is read: mappings, lists and texts. A date, a number or `yes` is the text that was
written, so that nothing is turned into something else, or fails to be, before a key is known.
"""

from __future__ import annotations

import json
import math
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn

import yaml

from policies.documents.errors import ConfigError

#: Bytes of the largest file that is read, and levels of nesting; a real one has a hundredth, and four.
LARGEST: Final = 1024 * 1024
MAX_DEPTH: Final = 32

#: Digits of the largest number that is read.
MAX_DIGITS: Final = 18

_NULL: Final = frozenset({"", "~", "null", "Null", "NULL"})

Key = tuple[str | int, ...]


@dataclass(frozen=True)
class Document:
    """A file's content, and the line of each key and item in it, by its path."""

    name: str
    content: Any
    lines: Mapping[Key, int]

    def where(self, key: Key) -> str:
        """The file and the line of what is at `key`, or of the nearest thing around it: `waivers.yaml:7`."""
        for length in range(len(key), 0, -1):
            if line := self.lines.get(key[:length]):
                return f"{self.name}:{line}"
        return self.name


def read_text(path: Path, name: str) -> str:
    """The text of a file.

    Raises:
        ConfigError: it can't be read, is no file, is too large, or is not UTF-8.
    """
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise ConfigError(
                [f"{name}: is a {'folder' if stat.S_ISDIR(found.st_mode) else 'device'}; it should be a file"]
            )
        if found.st_size > LARGEST:
            raise ConfigError([f"{name}: has {found.st_size} bytes; at most {LARGEST} are allowed"])
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError([f"{name}: is not a text in UTF-8 (byte {error.start}); save it in that encoding"]) from None
    except OSError as error:
        raise ConfigError([f"{name}: can't be read: {error.strerror or type(error).__name__}"]) from None
    except ValueError:
        raise ConfigError([f"{name!r}: is no name of a file"]) from None


def read_yaml(path: Path, name: str) -> Document:
    """A file of YAML.

    Raises:
        ConfigError: it can't be read, or is not a mapping, list or text with each key once.
    """
    text = read_text(path, name)
    lines: dict[Key, int] = {}
    try:
        events = yaml.parse(text, Loader=yaml.SafeLoader)
        content = _Builder(name, events, lines).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = f":{mark.line + 1}" if mark else ""
        raise ConfigError([f"{name}{at}: is not YAML: {error.problem or error.context}"]) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1 if isinstance(error.position, int) else 1
        raise ConfigError([f"{name}:{line}: has a character that YAML does not allow"]) from None
    return Document(name, content, lines)


def read_json(path: Path, name: str) -> Document:
    """A file of JSON.

    Raises:
        ConfigError: it can't be read, is not JSON, has a key twice or a number that is none.
    """
    text = read_text(path, name)

    def number(written: str) -> int:
        if len(written) > MAX_DIGITS:
            raise ConfigError(
                [f"{name}: has the number {written[:MAX_DIGITS]}...; at most {MAX_DIGITS} digits are allowed"]
            )
        return int(written)

    def fraction(written: str) -> float:
        found = float(written)
        if not math.isfinite(found):
            constant(written[:MAX_DIGITS])
        return found

    def constant(written: str) -> NoReturn:
        raise ConfigError([f"{name}: has the number {written}; a finite one is allowed"])

    try:
        content = json.loads(
            text, object_pairs_hook=lambda pairs: _once(name, pairs), parse_int=number, parse_float=fraction,
            parse_constant=constant,
        )  # fmt: skip
    except json.JSONDecodeError as error:
        raise ConfigError([f"{name}:{error.lineno}: is not JSON: {error.msg} (column {error.colno})"]) from None
    except RecursionError:
        raise ConfigError([f"{name}: is nested too deeply; at most {MAX_DEPTH} levels are allowed"]) from None
    lines: dict[Key, int] = {}
    try:
        # JSON is YAML but for a few odd characters; where it isn't, no line is known.
        _Builder(name, yaml.parse(text, Loader=yaml.SafeLoader), lines).document()
    except (yaml.YAMLError, ConfigError):
        lines.clear()
    return Document(name, content, lines)


def _once(name: str, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ConfigError([f"{name}: has the key {key!r} twice; one of them would be ignored"])
        found[key] = value
    return found


class _Builder:
    """Puts a document together from what YAML's parser reads."""

    def __init__(self, name: str, events: Iterator[yaml.Event], lines: dict[Key, int]) -> None:
        self.name = name
        self.events = events
        self.lines = lines

    def document(self) -> Any:  # noqa: ANN401 - any content
        """The one document in the file; None where there is none."""
        content, documents = None, 0
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self.refuse(event, "has a second document; one is allowed")
                content = self.value(next(self.events), ())
        return content

    def value(self, event: yaml.Event, key: Key) -> Any:  # noqa: ANN401 - any content
        """What begins with `event`, at `key`."""
        self.lines.setdefault(key, _line(event))
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            self.refuse(event, "has an anchor or an alias (& or *); write the value out, or put it into quotes")
        if getattr(event, "tag", None) not in (None, "!"):
            self.refuse(event, "has a tag (!); a plain value is allowed")
        if len(key) > MAX_DEPTH:
            self.refuse(event, f"is nested too deeply; at most {MAX_DEPTH} levels are allowed")
        if isinstance(event, yaml.MappingStartEvent):
            return self.mapping(key)
        if isinstance(event, yaml.SequenceStartEvent):
            return self.sequence(key)
        if not isinstance(event, yaml.ScalarEvent):
            self.refuse(event, "has something that is neither a mapping, a list nor a text")
        return None if event.style is None and event.value in _NULL else event.value

    def mapping(self, key: Key) -> dict[str, Any]:
        """The entries of a mapping."""
        found: dict[str, Any] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                self.refuse(event, "has a list or a mapping for a key, or an alias; a text is allowed")
            name = event.value
            if name in found:
                first = self.lines[(*key, name)]
                self.refuse(event, f"has the key {name!r} twice, first on line {first}; one of them would be ignored")
            self.lines[(*key, name)] = _line(event)
            found[name] = self.value(next(self.events), (*key, name))
        return found

    def sequence(self, key: Key) -> list[Any]:
        """The items of a list."""
        found: list[Any] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            found.append(self.value(event, (*key, len(found))))
        return found

    def refuse(self, event: yaml.Event, what: str) -> NoReturn:
        """Ends the reading."""
        raise ConfigError([f"{self.name}:{_line(event)}: {what}"])


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1
