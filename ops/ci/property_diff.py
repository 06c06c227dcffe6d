"""Which properties of a resource would change, from what to what."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ops.ci.preview import State, Step

Path = tuple[str | int, ...]

#: The engine's own fields among the inputs.
INTERNAL = frozenset({"__defaults", "__internal"})

#: What the engine writes for a value that only the update makes.
UNKNOWN_VALUE = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"

#: The key that marks an object which stands for something else, and what it stands for.
SIGNATURE = "4dabf18193072939515e22adb298388d"
SIGNATURES = {
    "1b47061264138c4ac30d75fd1eb44270": "[secret]",
    "c44067f5952c0a294b673a41bacd8c17": "[asset]",
    "0def7320c3a5731c473e5ecbe6d01bc7": "[archive]",
    "5cf8f73096256a8f31e491e813e4eb8e": "[resource]",
    "d0e6a833031e9bbcd3f4e8bde6ca49a4": "[output]",
}

#: Properties that tell one element of a list from the others.
NAMING = ("label", "name", "file", "target")

#: Lists of containers that are sets for the Docker provider: their order means nothing.
SETS = frozenset({"envs", "labels", "mounts", "networksAdvanced", "ports", "uploads"})

#: Lists longer than this are compared as a whole: lining them up takes the square of it.
LONGEST_LIST = 200

#: Levels of nesting that are looked into.
DEEPEST = 30

_PATH = re.compile(r'\["((?:[^"\\]|\\.)*)"\]|\[(\d{1,9})\]|\.?([^.\[\]]+)', re.DOTALL)


@dataclass(frozen=True)
class Mark:
    """Stands in place of a value that has no text of its own."""

    text: str


SECRET = Mark("[secret]")
UNKNOWN = Mark("[known after the update]")

#: There is no such property.
ABSENT = Mark("")

TOO_DEEP = Mark("[nested deeper]")


@dataclass(frozen=True)
class Change:
    """One property.

    Attributes:
        path: Where it is, in Pulumi's form.
        old: ABSENT for a new one.
        new: ABSENT for one that goes away.
        replaces: Whether it forces the resource to be replaced.
        element: What the element of a list that it belongs to calls itself.
    """

    path: str
    old: object
    new: object
    replaces: bool = False
    element: str = ""


def changes(step: Step) -> list[Change]:
    """The properties that make `step` necessary, without those that stay the same."""
    if step.old is None or step.new is None:
        return []
    new = clean(step.new.inputs)
    old = _aligned(clean(step.old.inputs), new)
    found: dict[str, Change] = {}
    for text, kind in (step.detail or dict.fromkeys(step.diff_keys, "")).items():
        path = parse(text)
        replaces = kind.endswith("-replace") or (bool(path) and path[0] in step.replace_keys)
        pair = lookup(old, path), lookup(new, path)
        if pair[0] is ABSENT and not kind.startswith("add"):
            # Something that the provider set, or that was changed behind Pulumi's back.
            pair = lookup(clean(step.old.outputs), path), pair[1]
        differences = list(_compare(path, *pair)) or [(path, *pair)]
        found |= {show(each[0]): _change(*each, old, new, replaces=replaces) for each in differences}
    for key in step.replace_keys:
        # Replaced for a property that no difference tells of, such as a trigger.
        if not any(parse(path)[:1] == (key,) for path in found):
            found[key] = Change(key, lookup(old, (key,)), lookup(new, (key,)), replaces=True)
    if not found:
        found = {show(each[0]): _change(*each, old, new) for each in _compare((), old, new)}
    return list(found.values())


def settings(state: State) -> list[tuple[str, object]]:
    """The properties that a new resource gets."""
    cleaned = clean(state.inputs)
    return list(cleaned.items()) if isinstance(cleaned, dict) else []


def clean(value: object, depth: int = 0) -> object:
    """`value` without the engine's own fields, and with marks where it has none to show."""
    if depth > DEEPEST:
        return TOO_DEEP
    if isinstance(value, dict):
        if SIGNATURE in value:
            return Mark(SIGNATURES.get(str(value[SIGNATURE]), "[special]"))
        return {key: clean(each, depth + 1) for key, each in value.items() if key not in INTERNAL}
    if isinstance(value, list):
        return [clean(each, depth + 1) for each in value]
    if value == SECRET.text:
        return SECRET
    if value == UNKNOWN_VALUE:
        return UNKNOWN
    return value


def shown(value: object) -> str:
    """A value as JSON on one line; a mark as itself."""
    return value.text if isinstance(value, Mark) else json.dumps(value, ensure_ascii=False, default=_unquoted)


def parse(text: str) -> Path:
    """A property path in Pulumi's form: `labels[0].value`, `tags["a.b"]`."""
    path: list[str | int] = []
    position = 0
    while position < len(text):
        found = _PATH.match(text, position)
        if found is None:
            return (text,)
        quoted, index, name = found.groups()
        path.append(int(index) if index else name if name else re.sub(r"(?s)\\(.)", r"\1", quoted))
        position = found.end()
    return tuple(path)


def show(path: Path) -> str:
    """A property path as text; the opposite of `parse`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif re.fullmatch(r"[\w/:-]+", part):
            text += f".{part}" if text else part
        else:
            text += '["{}"]'.format(part.replace("\\", "\\\\").replace('"', '\\"'))
    return text


def lookup(value: object, path: Path) -> object:
    """What is at `path`, or ABSENT. Below a mark everything is that mark."""
    for part in path:
        if isinstance(value, Mark):
            return value
        if isinstance(value, Mapping):
            value = value.get(str(part), ABSENT)
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[part]
        else:
            return ABSENT
    return value


def _aligned(old: object, new: object) -> object:
    """The inputs `old`, with their lists in the order of those in `new` as far as elements have names.

    The program declares lists that are sets for the provider in the order of the state, which the inputs of the update
    before did not have.
    """
    if not isinstance(old, dict) or not isinstance(new, dict):
        return old
    return {key: _in_order(value, new.get(key)) if key in SETS else value for key, value in old.items()}


def _in_order(old: object, new: object) -> object:
    if not isinstance(old, list) or not isinstance(new, list):
        return old
    before, after = ([_name(each) for each in elements] for elements in (old, new))
    if None in (*before, *after) or len({*before}) < len(before) or len({*after}) < len(after):
        return old
    elements = dict(zip(before, old, strict=True))
    # Those that go away stay where they are.
    shared = (name for name in after if name in elements)
    return [elements[next(shared) if name in after else name] for name in before]


def _name(element: object) -> object:
    """What tells an element from the others: a property, or the name of a variable; None if nothing does."""
    if isinstance(element, Mapping):
        return next((element[key] for key in (*NAMING, "internal") if isinstance(element.get(key), str | int)), None)
    name, sign, _ = element.partition("=") if isinstance(element, str) else ("", "", "")
    return name if sign else None


def _change(path: Path, before: object, after: object, old: object, new: object, *, replaces: bool = False) -> Change:
    """A change at `path` of the inputs `old` and `new`."""
    return Change(show(path), before, after, replaces, _element(path, new) or _element(path, old))


def _element(path: Path, value: object) -> str:
    """The name of the list element that `path` goes through last: `files` for the value of that label."""
    for end in range(len(path) - 1, 0, -1):
        if isinstance(path[end - 1], int):
            names = (lookup(value, (*path[:end], key)) for key in NAMING if key != path[-1])
            return next((name for name in names if isinstance(name, str)), "")
    return ""


def _compare(path: Path, old: object, new: object) -> Iterator[tuple[Path, object, object]]:
    """The differences between two values, each as deep as it goes."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*old, *new}):
            yield from _compare((*path, key), old.get(key, ABSENT), new.get(key, ABSENT))
    elif isinstance(old, list) and isinstance(new, list):
        yield from _compare_lists(path, old, new)
    elif shown(old) != shown(new):
        yield path, old, new


def _compare_lists(path: Path, old: Sequence[object], new: Sequence[object]) -> Iterator[tuple[Path, object, object]]:
    """The differences between two lists, where one more element is not a change of all that follow."""
    if max(len(old), len(new)) > LONGEST_LIST:
        if shown(old) != shown(new):
            yield path, old, new
        return
    texts = [shown(each) for each in old], [shown(each) for each in new]
    for tag, first, last, start, end in difflib.SequenceMatcher(None, *texts, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        pairs = min(last - first, end - start)
        for each in range(pairs):
            yield from _compare((*path, start + each), old[first + each], new[start + each])
        for each in range(first + pairs, last):
            yield (*path, each), old[each], ABSENT
        for each in range(start + pairs, end):
            yield (*path, each), ABSENT, new[each]


def _unquoted(value: object) -> str:
    return value.text if isinstance(value, Mark) else type(value).__name__
