"""Anchors, aliases and merge keys of YAML (`&name`, `*name`, `<<`), as the engine's parser (go-yaml) has them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NoReturn

from yaml.constructor import ConstructorError
from yaml.error import Mark
from yaml.nodes import CollectionNode, MappingNode, Node, ScalarNode, SequenceNode

MERGE: Final = "<<"

MOST_VALUES: Final = 100_000
"""Values that a file may have once its aliases are followed. go-yaml has a limit too: of 400,000."""

Pair = tuple[ScalarNode, Node]


def refuse(problem: str, mark: Mark) -> NoReturn:
    """Raises the error that `problem` is at `mark`."""
    raise ConstructorError(None, None, problem, mark)


def check_expansion(root: Node) -> None:
    """Refuses a document whose aliases can't be followed, or lead to too many values.

    Raises:
        ConstructorError: a value contains itself, or there are more than `MOST_VALUES`.
    """
    _count(root, {}, set())


def _count(node: Node, counted: dict[int, int], around: set[int]) -> int:
    """How many values `node` has; `counted` has those of nodes that are done, `around` the ones that it is in."""
    if not isinstance(node, CollectionNode):
        return 1
    if id(node) in around:
        refuse("contains itself by an alias; write the values themselves", node.start_mark)
    if id(node) not in counted:
        around.add(id(node))
        # A mapping has pairs, a list has values.
        parts = (part for each in node.value for part in (each if isinstance(each, tuple) else (each,)))
        total = 1 + sum(_count(part, counted, around) for part in parts)
        if total > MOST_VALUES:
            refuse(f"has more than {MOST_VALUES} values, with those of its aliases", node.start_mark)
        around.discard(id(node))
        counted[id(node)] = total
    return counted[id(node)]


def pairs(node: MappingNode) -> dict[str, Pair]:
    """The keys of a block with their values: its own, then those that it merges and does not have.

    Raises:
        ConstructorError: a key is not text or is there twice, or what is merged is not a block.
    """
    own: dict[str, Pair] = {}
    for key, value in node.value:
        if not isinstance(key, ScalarNode):
            refuse("a key must be text", key.start_mark)
        if key.value in own:
            line = own[key.value][0].start_mark.line + 1
            refuse(f'the key "{key.value}" is there twice, first in line {line}; remove one', key.start_mark)
        own[key.value] = key, value
    merge = own.pop(MERGE, None)
    if merge is not None:
        for block in _merged(merge[1]):
            for name, pair in pairs(block).items():
                own.setdefault(name, pair)
    return own


def _merged(value: Node) -> Iterator[MappingNode]:
    """The blocks that a merge key names, the first of which counts most."""
    for block in value.value if isinstance(value, SequenceNode) else [value]:
        if not isinstance(block, MappingNode):
            refuse("<< merges blocks of keys, and this is none", block.start_mark)
        yield block
