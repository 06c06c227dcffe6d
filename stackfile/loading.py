"""Reads a YAML file of Pulumi's strictly: what not every reader understands alike is an error, with its place."""

from __future__ import annotations

import codecs
import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any, Final, NoReturn

import yaml
from yaml.constructor import ConstructorError
from yaml.error import Mark
from yaml.events import AliasEvent
from yaml.nodes import MappingNode, Node, ScalarNode
from yaml.reader import ReaderError

_MERGE: Final = "tag:yaml.org,2002:merge"
_TIMESTAMP: Final = "tag:yaml.org,2002:timestamp"


class StackFileError(Exception):
    """A file can't be read; the message is `FILE:LINE:COLUMN: REASON`, or `FILE: REASON` for the file as a whole."""


def load(path: Path) -> dict[str, Any]:
    """The content of `Pulumi.<stack>.yaml` or `Pulumi.yaml`; nothing for an empty file.

    Raises:
        StackFileError: it is not there, can't be read, or is not a mapping in UTF-8 that every reader reads alike.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise StackFileError(f"{path.name}: can't be read: {error.strerror}") from None
    return parse(content, path.name)


def config(path: Path) -> dict[str, Any]:
    """The block `config` of a stack file: what it sets, by key with its namespace.

    Raises:
        StackFileError: as for `load`.
    """
    block = load(path).get("config")
    return block if isinstance(block, dict) else {}


def parse(content: bytes, name: str) -> dict[str, Any]:
    """The content of a file called `name`, as `load` returns it.

    Dates and times stay text, as the engine has them.

    Raises:
        StackFileError: as for `load`.
    """
    content = content.removeprefix(codecs.BOM_UTF8)
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8", errors="replace")
        reason = f"is not UTF-8 (byte 0x{content[error.start]:02x}); save it as UTF-8"
        raise _error(name, _place(before), reason) from None
    try:
        return _document(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (mark.line + 1, mark.column + 1) if mark else None
        raise _error(name, place, _reason(error, text)) from None
    except ReaderError as error:
        reason = f"the character U+{ord(text[error.position]):04X} is not allowed in YAML"
        raise _error(name, _place(text[: error.position]), reason) from None
    except RecursionError:
        raise StackFileError(f"{name}: is nested too deeply") from None


def _document(text: str) -> dict[str, Any]:
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None or node.tag == "tag:yaml.org,2002:null":
            return {}
        _check_mapping(node, "the file")
        for key, value in node.value:
            if key.value == "config" and value.tag != "tag:yaml.org,2002:null":
                _check_mapping(value, "config")
        found: dict[str, Any] = loader.construct_document(node)
        return found
    finally:
        loader.dispose()


def _check_mapping(node: Node, what: str) -> None:
    if not isinstance(node, MappingNode):
        raise ConstructorError(None, None, f"{what} must be a block of keys and values", node.start_mark)


def _error(name: str, place: tuple[int, int] | None, reason: str) -> StackFileError:
    return StackFileError(f"{name}:{place[0]}:{place[1]}: {reason}" if place else f"{name}: {reason}")


def _place(before: str) -> tuple[int, int]:
    """Line and column, from 1, of what comes after `before`."""
    lines = re.split(r"\r\n|\r|\n", before)
    return len(lines), len(lines[-1]) + 1


def _reason(error: yaml.MarkedYAMLError, text: str) -> str:
    """What is wrong in words for people who don't know the parser."""
    mark = error.problem_mark
    if mark is not None and text[mark.index : mark.index + 1] == "\t":
        return "a tab; indent with spaces"
    return ", ".join(part for part in (error.problem, error.context) if part)


class _Loader(yaml.SafeLoader):
    """YAML as the engine reads it: 1.2's truth values, no number in base 60, dates as text."""

    yaml_implicit_resolvers: dict[str, Any] = {  # noqa: RUF012 - as the base class has it
        first: [
            (tag, pattern)
            for tag, pattern in resolvers
            if tag not in ("tag:yaml.org,2002:bool", "tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
        ]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def compose_node(self, parent: Node | None, index: int) -> Node | None:
        if self.check_event(AliasEvent):
            event = self.peek_event()  # type: ignore[no-untyped-call]
            problem = f"*{event.anchor} is an alias, which not every reader follows; write the value itself"
            _refuse(problem, event.start_mark)
        return super().compose_node(parent, index)

    def construct_object(self, node: Node, deep: bool = False) -> Any:  # noqa: ANN401 - any YAML value
        try:
            return super().construct_object(node, deep)
        except (ValueError, OverflowError, LookupError, AttributeError):
            # A number of ten thousand digits, or a tag that its value doesn't fit: the parser doesn't expect those.
            _refuse("is not a value that can be read", node.start_mark)

    def construct_mapping(self, node: MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        first: dict[str, Mark] = {}
        for key, _ in node.value:
            if key.tag == _MERGE:
                _refuse("<< is a merge key, which not every reader follows; write the keys themselves", key.start_mark)
            if not isinstance(key, ScalarNode):
                _refuse("a key must be text", key.start_mark)
            if key.value in first:
                line = first[key.value].line + 1
                _refuse(f'the key "{key.value}" is there twice, first in line {line}; remove one', key.start_mark)
            first[key.value] = key.start_mark
        return {key.value: self.construct_object(value, deep=deep) for key, value in node.value}

    def construct_date(self, node: ScalarNode) -> str:
        try:
            self.construct_yaml_timestamp(node)
        except (ValueError, OverflowError) as error:
            _refuse(f"{node.value} is no date: {error}", node.start_mark)
        return str(node.value)


def _refuse(problem: str, mark: Mark) -> NoReturn:
    raise ConstructorError(None, None, problem, mark)


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z"), list("tTfF")
)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(
        r"(?:[-+]?(?:[0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)?"
        r"|[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z"
    ),
    list("-+0123456789."),
)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:int",
    re.compile(r"[-+]?(?:0b[01_]+|0o?[0-7_]+|0|[1-9][0-9_]*|0x[0-9a-fA-F_]+)\Z"),
    list("-+0123456789"),
)
_Loader.add_constructor(_TIMESTAMP, _Loader.construct_date)
