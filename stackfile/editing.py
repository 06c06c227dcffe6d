"""Changes to the text of a `Pulumi.<stack>.yaml` that keep its comments, its order and every line they don't concern.

The file's nodes say where each value is; what is changed is the text in between.
"""

from __future__ import annotations

from collections.abc import Iterator

import yaml

Path = tuple[str, ...]


class TextError(Exception):
    """The text can't be changed as asked; the message says which key is in the way."""


def secrets(text: str) -> list[Path]:
    """The paths below `config` of values that are encrypted, as Pulumi writes them: `secure: v1:...`.

    >>> secrets("config:\\n  a:b:\\n    secure: v1:x\\n  a:c:\\n    d: {e: {secure: v1:y}}\\n")
    [('a:b',), ('a:c', 'd', 'e')]
    """
    config = _at(_root(text), ("config",))
    return [] if config is None else list(_secrets(config[1], ()))


def _secrets(node: yaml.Node, path: Path) -> Iterator[Path]:
    if isinstance(node, yaml.SequenceNode):
        if any(True for each in node.value for _ in _secrets(each, ())):
            # An entry has no name of its own: the list goes as a whole.
            yield path
    elif isinstance(node, yaml.MappingNode):
        if [key.value for key, _ in node.value] == ["secure"]:
            yield path
            return
        for key, value in node.value:
            yield from _secrets(value, (*path, str(key.value)))


def has(text: str, path: Path) -> bool:
    """Whether there is a key at `path`.

    >>> has("config: {a: 1}\\n", ("config", "a")), has("config: {a: 1}\\n", ("config", "b"))
    (True, False)
    """
    return _at(_root(text), path) is not None


def removed(text: str, path: Path, *, with_comment: bool = False) -> str:
    """The text without the key at `path`, and without the blocks that it leaves empty.

    Where there is no such key, the text is as it was. `with_comment` takes along the comment directly above.

    >>> print(removed("a: 1\\n# of b\\nb:\\n  c: 2 # two\\nd: 3\\n", ("b", "c"), with_comment=True), end="")
    a: 1
    d: 3

    Raises:
        TextError: it is in a block that is written in one line, such as `{a: 1}`.
    """
    root = _root(text)
    found = _at(root, path)
    if found is None:
        return text
    while len(path) > 1 and (parent := _at(root, path[:-1])) and len(parent[1].value) == 1:
        path, found = path[:-1], parent
    key, value = found
    lines = text.splitlines(keepends=True)
    first, last = key.start_mark.line, _last_line(value, text)
    if lines[first][: key.start_mark.column].strip() or getattr(_holder(root, path), "flow_style", False):
        raise TextError(f"{'.'.join(path)} is in a block in braces, of one line: write each key in a line of its own")
    while with_comment and first and lines[first - 1].startswith(" " * key.start_mark.column + "#"):
        first -= 1
    return "".join([*lines[:first], *lines[last + 1 :]])


def changed(text: str, path: Path, value: str | int) -> str:
    """The text with a value at `path`, in place of the one there or in a line of its own.

    >>> print(changed("a:\\n  b: 1 # one\\n", ("a", "b"), 2), end="")
    a:
      b: 2 # one
    >>> print(changed("a: {b: 1}\\n# end\\n", ("a", "c", "d"), 2), end="")
    a: {c: {d: 2}, b: 1}
    # end
    >>> print(changed("a:\\n  b: 1\\n# end\\nz: 1\\n", ("a", "c", "d"), 2), end="")
    a:
      b: 1
      c:
        d: 2
    # end
    z: 1

    Raises:
        TextError: there is something there that is not a single value.
    """
    root = _root(text)
    found = _at(root, path)
    if found is not None:
        node = found[1]
        if not isinstance(node, yaml.ScalarNode) or node.style in ("|", ">") or not node.value:
            raise TextError(f"{'.'.join(path)} is not a single value")
        return f"{text[: node.start_mark.index]}{value}{text[node.end_mark.index :]}"
    depth = next(depth for depth in range(len(path) - 1, -1, -1) if depth == 0 or _at(root, path[:depth]))
    holder, rest = _holder(root, path[: depth + 1]), path[depth:]
    if not isinstance(holder, yaml.MappingNode):
        raise TextError(f"{'.'.join(path[:depth])} is not a block of keys")
    if holder.flow_style:
        inner = f"{rest[-1]}: {value}"
        for key in reversed(rest[:-1]):
            inner = f"{key}: {{{inner}}}"
        after = holder.start_mark.index + 1
        return text[:after] + inner + (", " if holder.value else "") + text[after:]
    indent = holder.value[0][0].start_mark.column
    lines = text.splitlines(keepends=True)
    last = _last_line(holder, text)
    lines[last] = lines[last].rstrip("\n") + "\n"
    added = [f"{' ' * (indent + 2 * level)}{key}:" for level, key in enumerate(rest)]
    added[-1] += f" {value}"
    return "".join([*lines[: last + 1], *(f"{line}\n" for line in added), *lines[last + 1 :]])


def _root(text: str) -> yaml.MappingNode:
    """The whole as a node.

    Raises:
        TextError: it is no YAML, or no block of keys.
    """
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise TextError(f"it is no YAML: {' '.join(str(error).split())}") from None
    if not isinstance(root, yaml.MappingNode):
        raise TextError("it is not a block of keys")
    _check_own(text)
    return root


def _check_own(text: str) -> None:
    """Refuses values that are written elsewhere: a change there would change another key too.

    Raises:
        TextError: with the place of an alias or a merge key.
    """
    for token in yaml.scan(text, Loader=yaml.SafeLoader):
        place = f"{token.start_mark.line + 1}:{token.start_mark.column + 1}"
        if isinstance(token, yaml.AliasToken):
            raise TextError(f"{place}: *{token.value} is an alias: write the values themselves")
        if isinstance(token, yaml.ScalarToken) and token.value == "<<":
            raise TextError(f"{place}: << is a merge key: write the keys themselves")


def _at(node: yaml.Node, path: Path) -> tuple[yaml.ScalarNode, yaml.Node] | None:
    """The key and the value at a path."""
    found = None
    for name in path:
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        found = next(((key, value) for key, value in pairs if key.value == name), None)
        if found is None:
            return None
        node = found[1]
    return found


def _holder(root: yaml.MappingNode, path: Path) -> yaml.Node:
    """The block that has the last key of a path."""
    found = _at(root, path[:-1])
    return root if found is None else found[1]


def _last_line(node: yaml.Node, text: str) -> int:
    """The number of the last line that a value is in; comments and empty lines after it are not its own."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _last_line(last[1] if isinstance(last, tuple) else last, text)
    line, column = int(node.end_mark.line), node.end_mark.column
    if isinstance(node, yaml.ScalarNode) and node.style in ("|", ">") and (column == 0 or node.end_mark.line > 0):
        lines = text.splitlines()
        line = min(line, len(lines)) - (1 if column == 0 else 0)
        while line > node.start_mark.line and not lines[line].strip():
            line -= 1
    return line
