"""Changes to the text of a `Pulumi.<stack>.yaml` that keep its comments, its order and every line they don't concern.

The file's nodes say where each value is; what is changed is the text in between.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

import yaml

from stackfile.loading import NAMESPACE, StackFileError, parse
from stackfile.shared_values import EditError, check_own

KeyPath = tuple[str, ...]
Value = str | int | Sequence[int]


def edited(text: str, changes: Mapping[str, Value], removals: Sequence[str] = ()) -> str:
    """The text of a stack file without the settings `removals`, and with those of `changes`.

    A setting is named as `postgres.volume`, or with the project's namespace.

    >>> text = "config:\\n  postgres:\\n    volume: 1\\n    restore: {to: latest} # asked for\\n"
    >>> print(edited(text, {"tasktracker:postgres.volume": 2}, ["tasktracker:postgres.restore"]), end="")
    config:
      postgres:
        volume: 2

    Raises:
        EditError: the text can't be changed so; says which key is in the way.
    """
    for setting in removals:
        text = removed(text, path_of(text, setting))
    for setting, value in changes.items():
        text = changed(text, path_of(text, setting), value)
    return text


def path_of(text: str, setting: str) -> KeyPath:
    """Where a setting is, or would be: its key has the project's namespace, unless the file has it without.

    >>> path_of("config: {nginx: {}}\\n", "tasktracker:nginx.tls"), path_of("config: {}\\n", "nginx.tls")
    (('config', 'nginx', 'tls'), ('config', 'tasktracker:nginx', 'tls'))
    """
    top, *rest = setting.removeprefix(f"{NAMESPACE}:").split(".")
    key = top if has(text, ("config", top)) else f"{NAMESPACE}:{top}"
    return ("config", key, *rest)


def secrets(text: str) -> list[KeyPath]:
    """The paths below `config` of values that are encrypted, as Pulumi writes them: `secure: v1:...`.

    >>> secrets("config:\\n  a:b:\\n    secure: v1:x\\n  a:c:\\n    d: {e: {secure: v1:y}}\\n")
    [('a:b',), ('a:c', 'd', 'e')]
    """
    config = _at(_root(text), ("config",))
    return [] if config is None else list(_secrets(config[1], ()))


def _secrets(node: yaml.Node, path: KeyPath) -> Iterator[KeyPath]:
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


def has(text: str, path: KeyPath) -> bool:
    """Whether there is a key at `path`.

    >>> has("config: {a: 1}\\n", ("config", "a")), has("config: {a: 1}\\n", ("config", "b"))
    (True, False)
    """
    return _at(_root(text), path) is not None


def removed(text: str, path: KeyPath, *, with_comment: bool = False) -> str:
    """The text without the key at `path`, and without the blocks that it leaves empty.

    Where there is no such key, the text is as it was. `with_comment` takes along the comment directly above.

    >>> print(removed("a: 1\\n# of b\\nb:\\n  c: 2 # two\\nd: 3\\n", ("b", "c"), with_comment=True), end="")
    a: 1
    d: 3

    >>> removed("a: {b: 1, c: 2, d: 3}", ("a", "b")), removed("a: {b: 1, c: 2}", ("a", "c"))
    ('a: {c: 2, d: 3}', 'a: {b: 1}')

    Raises:
        EditError: its value is written elsewhere, or stands for others.
    """
    root = _root(text)
    found = _at(root, path)
    if found is None:
        check_own(text, root, path, whole=False)
        return text
    while len(path) > 1 and (parent := _at(root, path[:-1])) and len(parent[1].value) == 1:
        if len(path) == 2 and len(root.value) == 1:
            # A file with nothing in it would be none.
            break
        path, found = path[:-1], parent
    check_own(text, root, path, whole=True)
    key, value = found
    holder = _holder(root, path)
    if isinstance(holder, yaml.MappingNode) and holder.flow_style:
        return _without_pair(text, holder, path[-1])
    lines = text.splitlines(keepends=True)
    first, last = key.start_mark.line, _last_line(value, text)
    if lines[first][: key.start_mark.column].strip():
        raise EditError(f"{'.'.join(path)} is not at the beginning of a line: write each key in a line of its own")
    while with_comment and first and lines[first - 1].startswith(" " * key.start_mark.column + "#"):
        first -= 1
    return "".join([*lines[:first], *lines[last + 1 :]])


def changed(text: str, path: KeyPath, value: Value) -> str:
    """The text with a value at `path`, in place of the one there or in a line of its own; a list takes one line.

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
    >>> print(changed("a:\\n  b: # kept\\n    - 1\\n  c: 3\\n", ("a", "b"), [1, 2]), end="")
    a:
      b: [1, 2] # kept
      c: 3

    Raises:
        EditError: there is something there that is not a single value, or the value is written elsewhere.
    """
    root = _root(text)
    found = _at(root, path)
    if found is not None:
        check_own(text, root, path, whole=True)
        return _replaced(text, root, path, value)
    check_own(text, root, path, whole=False)
    return _added(text, root, path, value)


def _added(text: str, root: yaml.MappingNode, path: KeyPath, value: Value) -> str:
    """The text with a value at `path`, where there is none: behind what its block has."""
    depth = next(depth for depth in range(len(path) - 1, -1, -1) if depth == 0 or _at(root, path[:depth]))
    holder, rest = _holder(root, path[: depth + 1]), path[depth:]
    if isinstance(holder, yaml.MappingNode) and holder.flow_style:
        inner = f"{rest[-1]}: {_written(value, in_braces=True)}"
        for key in reversed(rest[:-1]):
            inner = f"{key}: {{{inner}}}"
        after = holder.start_mark.index + 1
        return text[:after] + inner + (", " if holder.value else "") + text[after:]
    found = _at(root, path[:depth])
    if isinstance(holder, yaml.MappingNode):
        indent, last = holder.value[0][0].start_mark.column, _last_line(holder, text)
    elif found is not None and not holder.value:
        # A key with nothing behind it.
        indent, last = found[0].start_mark.column + 2, found[0].end_mark.line
    else:
        raise EditError(f"{'.'.join(path[:depth])} is not a block of keys")
    lines = text.splitlines(keepends=True)
    end = "\r\n" if lines[0].endswith("\r\n") else "\n"
    lines[last] = lines[last].rstrip("\r\n") + end
    added = [f"{' ' * (indent + 2 * level)}{key}:" for level, key in enumerate(rest)]
    added[-1] += f" {_written(value, in_braces=False)}"
    return "".join([*lines[: last + 1], *(f"{line}{end}" for line in added), *lines[last + 1 :]])


def _without_pair(text: str, holder: yaml.MappingNode, name: str) -> str:
    """The text without one of the keys of a block in braces."""
    pairs = holder.value
    if len(pairs) == 1:
        return text[: pairs[0][0].start_mark.index] + text[pairs[0][1].end_mark.index :]
    number = next(number for number, (key, _) in enumerate(pairs) if key.value == name)
    if number + 1 < len(pairs):
        start, end = pairs[number][0].start_mark.index, pairs[number + 1][0].start_mark.index
    else:
        start, end = pairs[number - 1][1].end_mark.index, pairs[number][1].end_mark.index
    return text[:start] + text[end:]


def _replaced(text: str, root: yaml.MappingNode, path: KeyPath, value: Value) -> str:
    """The text with another value in place of the one at `path`."""
    found = _at(root, path)
    assert found is not None  # noqa: S101 - the caller has looked
    key, node = found
    quotes = node.style if isinstance(node, yaml.ScalarNode) else None
    written = _written(value, in_braces=bool(getattr(_holder(root, path), "flow_style", False)), quotes=quotes)
    if isinstance(node, yaml.SequenceNode) and not isinstance(value, str | int):
        if node.flow_style:
            return f"{text[: node.start_mark.index]}{written}{text[node.end_mark.index :]}"
        lines = text.splitlines(keepends=True)
        first, last = key.end_mark.line, _last_line(node, text)
        # What is in the key's line behind its colon is a comment.
        colon = key.end_mark.column + lines[first][key.end_mark.column :].index(":") + 1
        lines[first] = f"{lines[first][:colon]} {written}{lines[first][colon:]}"
        return "".join([*lines[: first + 1], *lines[last + 1 :]])
    if not isinstance(node, yaml.ScalarNode) or node.style in ("|", ">") or not node.value:
        raise EditError(f"{'.'.join(path)} is not a single value")
    return f"{text[: node.start_mark.index]}{written}{text[node.end_mark.index :]}"


def _written(value: Value, *, in_braces: bool, quotes: str | None = None) -> str:
    """A value as YAML in one line: as it is, where every reader takes it for that text, or else in quotes.

    A text in place of one that has `quotes` gets the same.

    >>> [_written(each, in_braces=True) for each in (2, "api:1.2", "00000012", "2026-11-20T14:05:00Z", "a, b", [1, 2])]
    ['2', 'api:1.2', '"00000012"', '"2026-11-20T14:05:00Z"', '"a, b"', '[1, 2]']
    """
    if isinstance(value, int):
        return str(value)
    if not isinstance(value, str):
        return f"[{', '.join(map(str, value))}]"
    if quotes == "'" and value.isprintable() and "'" not in value:
        return f"'{value}'"
    if quotes:
        return json.dumps(value, ensure_ascii=False)
    line = f"x: {{x: {value}}}" if in_braces else f"x: {value}"
    wanted = {"x": {"x": value} if in_braces else value}
    try:
        is_plain = parse(line.encode(), "") == yaml.safe_load(line) == wanted
    except (StackFileError, yaml.YAMLError, ValueError):
        is_plain = False
    return value if is_plain else json.dumps(value, ensure_ascii=False)


def _root(text: str) -> yaml.MappingNode:
    """The whole as a node.

    Raises:
        EditError: it is no YAML, or no block of keys.
    """
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise EditError(f"it is no YAML: {' '.join(str(error).split())}") from None
    if not isinstance(root, yaml.MappingNode):
        raise EditError("it is not a block of keys")
    return root


def _at(node: yaml.Node, path: KeyPath) -> tuple[yaml.ScalarNode, yaml.Node] | None:
    """The key and the value at a path."""
    found = None
    for name in path:
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        found = next(((key, value) for key, value in pairs if key.value == name), None)
        if found is None:
            return None
        node = found[1]
    return found


def _holder(root: yaml.MappingNode, path: KeyPath) -> yaml.Node:
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
