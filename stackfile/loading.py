"""Reads a YAML file of Pulumi's strictly: what not every reader understands alike is an error, with its place."""

from __future__ import annotations

import codecs
import difflib
import json
import math
import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any, Final

import yaml
from yaml.events import AliasEvent, NodeEvent
from yaml.nodes import MappingNode, Node, ScalarNode
from yaml.reader import ReaderError

from stackfile.aliases import check_expansion, pairs, refuse

NAMESPACE: Final = "tasktracker"
"""The project's name in `Pulumi.yaml`, which a key without a namespace belongs to."""

KEYS: Final = ("config", "environment", "secretsprovider", "encryptedkey", "encryptionsalt")
"""The keys of Pulumi's at the top of a stack's file (`ProjectStack` in its sdk/go/common/workspace/project.go)."""

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


def with_namespace(key: str) -> str:
    """A key of the block `config` with its namespace; one without is the project's."""
    return key if ":" in key else f"{NAMESPACE}:{key}"


def config(path: Path) -> dict[str, Any]:
    """The block `config` of a stack file: what it sets, by key with its namespace.

    As for the program, a key without a namespace is the project's, and a text that is a block or a list in JSON, which
    `pulumi config set` without `--path` writes, is that block or list.

    Raises:
        StackFileError: as for `load`; or a key is there with the namespace and without it, or twice in JSON.
    """
    return _config(load(path), path.name)


def document(path: Path) -> dict[str, Any]:
    """The content of a stack file, as `load` returns it, with `config` as `config` does.

    Raises:
        StackFileError: as for `config`; or a key at the top is nearly one of Pulumi's.
    """
    content = load(path)
    for key in content.keys() - KEYS:
        # Another one may be there for its anchor; Pulumi passes over it.
        if near := difflib.get_close_matches(str(key), KEYS, 1, 0.8):
            raise StackFileError(f"{path.name}: the key {key} is none of Pulumi's; did you mean {near[0]}?")
    return {**content, "config": _config(content, path.name)}


def _config(content: dict[str, Any], file: str) -> dict[str, Any]:
    block = content.get("config") or {}
    found: dict[str, Any] = {}
    for key, value in block.items():
        name = with_namespace(key)
        if name in found:
            raise StackFileError(f"{file}: config has both {name.partition(':')[2]} and {name}; remove one")
        try:
            found[name] = _decoded(value)
        except _TwiceError as error:
            raise StackFileError(f"{file}: {name} has the key {json.dumps(str(error))} twice; remove one") from None
    return found


class _TwiceError(Exception):
    """A key is there twice in a block of JSON."""


def _once(items: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in items:
        if key in found:
            raise _TwiceError(key)
        found[key] = value
    return found


def _decoded(value: Any) -> Any:  # noqa: ANN401 - any YAML value
    if not isinstance(value, str) or not value.lstrip().startswith(("{", "[")):
        return value
    try:
        return json.loads(value, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        return value


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


#: What the parser says where it meets what can't be there.
_OUT_OF_PLACE = ("mapping values are not allowed", "could not find expected ':'", "expected <block end>")


def _document(text: str) -> dict[str, Any]:
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None or node.tag == "tag:yaml.org,2002:null":
            return {}
        top = _mapping(node, "the file")
        check_expansion(top)
        config = pairs(top).get("config")
        if config is not None and config[1].tag != "tag:yaml.org,2002:null":
            _mapping(config[1], "config")
        found: dict[str, Any] = loader.construct_document(node)
        return found
    finally:
        loader.dispose()


def _mapping(node: Node, what: str) -> MappingNode:
    if not isinstance(node, MappingNode):
        refuse(f"{what} must be a block of keys and values", node.start_mark)
    return node


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
    if (error.problem or "").startswith(_OUT_OF_PLACE):
        return "a colon is missing, or the indentation is wrong, here or in a line before"
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
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, NodeEvent) and not isinstance(event, AliasEvent):
            # An anchor may have the name of an earlier one, and stands for the later value from there on.
            self.anchors.pop(event.anchor, None)
        return super().compose_node(parent, index)

    def construct_object(self, node: Node, deep: bool = False) -> Any:  # noqa: ANN401 - any YAML value
        try:
            value = super().construct_object(node, deep)
            if isinstance(value, str):
                value.encode()
        except (ValueError, OverflowError, LookupError, AttributeError):
            # A number of ten thousand digits, or a tag that its value doesn't fit: the parser doesn't expect those.
            # Half of a surrogate pair is no text.
            refuse("is not a value that can be read", node.start_mark)
        if isinstance(value, float) and not math.isfinite(value):
            if node.value[-1:].isdigit():
                # Too large for a number: text for the engine, which writes such a text without quotes.
                return node.value
            refuse("is not a finite number", node.start_mark)
        return value

    def construct_mapping(self, node: MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        return {name: self.construct_object(value, deep=deep) for name, (_, value) in pairs(node).items()}

    def construct_date(self, node: ScalarNode) -> str:
        try:
            self.construct_yaml_timestamp(node)
        except (ValueError, OverflowError) as error:
            refuse(f"{node.value} is no date: {error}", node.start_mark)
        return str(node.value)


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
