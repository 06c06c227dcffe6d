"""What a field allows, in words: the same for error messages and for docs/configuration.md."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Union, cast, get_args, get_origin

from annotated_types import Ge, Le
from pydantic import BaseModel, TypeAdapter
from pydantic.fields import FieldInfo

from settings.limits import PolicyLimit
from settings.values.kind import Kind
from settings.values.units import such_as

_PLAIN: Final[Mapping[object, str]] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
}


def children(type_: object) -> Mapping[str, FieldInfo]:
    """The fields of a block, or of nothing if `type_` is no block."""
    return type_.model_fields if isinstance(type_, type) and issubclass(type_, BaseModel) else {}


def plain_type(annotation: object) -> object:
    """The type without its annotations and without `| None`: a class, a `Literal`, a `dict[...]`."""
    return _peel(annotation)[0]


def holds_keys(annotation: object) -> bool:
    """Whether a value of that type holds further keys, be they fixed or free."""
    type_ = plain_type(annotation)
    return bool(children(type_)) or get_origin(type_) is dict


def nested_blocks(field: FieldInfo) -> Iterator[type[BaseModel]]:
    """The block that a field holds, itself or under free names; nothing if it holds none."""
    type_ = plain_type(field.annotation)
    inner = plain_type(get_args(type_)[1]) if get_origin(type_) is dict else type_
    if isinstance(inner, type) and issubclass(inner, BaseModel):
        yield inner


def is_list(annotation: object) -> bool:
    """Whether a value of that type is a list."""
    return get_origin(plain_type(annotation)) is list


def type_at(block: type[BaseModel], path: Sequence[str]) -> object:
    """The annotation of the field at `path` inside `block`; raises `KeyError` where no field is."""
    annotation: object = block
    for key in path:
        type_ = plain_type(annotation)
        free = get_origin(type_) in (dict, list)
        annotation = get_args(type_)[-1] if free else field_type(children(type_)[key])
    return annotation


def field_type(field: FieldInfo) -> object:
    """The annotation of a field, with the metadata that pydantic has split from it."""
    if not field.metadata:
        return field.annotation
    annotated: object = Annotated[(field.annotation, *field.metadata)]
    return annotated


def description(field: FieldInfo) -> str:
    """What a field means, on one line."""
    return " ".join((field.description or "").split())


def default_of(field: FieldInfo) -> object:
    """The default of a field as the file would have it."""
    annotation = cast("type[object]", field_type(field))
    return TypeAdapter(annotation).dump_python(field.default, mode="json")


def example(annotation: object) -> object:
    """A value that a field of that type takes, as the file would have it; the least that there is.

    Raises:
        LookupError: the kind of value has none.
    """
    type_, metadata = _peel(annotation)
    if get_origin(type_) is list:
        return [example(get_args(type_)[0])]
    if get_origin(type_) is Literal:
        return get_args(type_)[0]
    kind = _kind(metadata)
    if kind and kind.example is not None:
        return kind.example
    least = next((item.ge for item in metadata if isinstance(item, Ge)), None)
    if least is None:
        raise LookupError(f"no example of {allowed(annotation)}")
    return least


def allowed(annotation: object) -> str:
    """What a value may be, as the end of the sentence "must be ..."."""
    type_, metadata = _peel(annotation)
    least_and_most = limits(annotation)
    range_ = f" {least_and_most}" if least_and_most else ""
    if kind := _kind(metadata):
        return f"{_with_examples(kind, metadata)}{range_}"
    if get_origin(type_) is Literal:
        *most, last = get_args(type_)
        return f"{', '.join(most)} or {last}"
    if get_origin(type_) is dict:
        return "a block of names and values"
    if get_origin(type_) is list:
        return f"a list, of which each item is {allowed(get_args(type_)[0])}"
    if fields := children(type_):
        return f"a block with the keys {', '.join(fields)}"
    return f"{_PLAIN[type_]}{range_}"


def _with_examples(kind: Kind, metadata: Sequence[object]) -> str:
    """What a kind of value allows; of an amount with examples that are inside the limits of the field."""
    if kind.unit is None:
        return kind.allowed
    least, most = _bounds(metadata)
    if least is None or most is None:
        return kind.allowed
    amounts = {example: kind.unit.parse(example) for example in kind.unit.examples}
    inside = [example for example, amount in amounts.items() if least <= amount <= most]
    return such_as(kind.unit.form, inside or [kind.unit.format(least)])


def refused(annotation: object, message: str) -> str:
    """The message of a kind of value, with what the field's own limits and examples are."""
    kind = _kind(_peel(annotation)[1])
    prefix = f"must be {kind.allowed}" if kind else ""
    if not kind or not message.startswith(prefix):
        return message
    return f"must be {allowed(annotation)}{message.removeprefix(prefix)}"


def is_amount(annotation: object) -> bool:
    """Whether a value of that type is a number with a unit."""
    kind = _kind(_peel(annotation)[1])
    return kind is not None and kind.unit is not None


def policy_limit(annotation: object) -> PolicyLimit | None:
    """The policy whose limit the greatest value of a field is."""
    return next((item for item in _peel(annotation)[1] if isinstance(item, PolicyLimit)), None)


def kind_name(annotation: object) -> str:
    """What the kind of value is called in the reference."""
    type_, metadata = _peel(annotation)
    kind = _kind(metadata)
    if get_origin(type_) is list:
        return f"list, each item a {kind_name(get_args(type_)[0])}"
    return kind.name if kind else _PLAIN.get(type_, allowed(annotation)).removeprefix("a ")


def kinds(annotation: object) -> Iterator[Kind]:
    """The kinds of value at a field, or at the names and values of a block with free names."""
    type_, metadata = _peel(annotation)
    if kind := _kind(metadata):
        yield kind
    if get_origin(type_) is dict:
        for part in get_args(type_):
            yield from kinds(part)


def limits(annotation: object) -> str:
    """The least and the greatest value, as "from 1MB to 1TB"; nothing if there are none."""
    type_, metadata = _peel(annotation)
    if get_origin(type_) is list:
        return limits(get_args(type_)[0])
    kind = _kind(metadata)
    spell = kind.spell if kind else "{:g}".format if type_ is float else str
    least, most = _bounds(metadata)
    return "" if least is None or most is None else f"from {spell(least)} to {spell(most)}"


def _bounds(metadata: Iterable[object]) -> tuple[Any, Any]:
    """The least and the greatest value, or None; of several bounds the innermost, which is the first."""
    found = [*metadata]
    least = next((item.ge for item in found if isinstance(item, Ge)), None)
    most = next((item.le for item in found if isinstance(item, Le)), None)
    return least, most


def nearest(key: str, known: Iterable[str]) -> str | None:
    """The known key that `key` was probably meant to be; `sharedBuffers` is near `shared_buffers`."""
    by_letters = {_letters(name): name for name in known}
    matches = get_close_matches(_letters(key), by_letters, n=1)
    return by_letters[matches[0]] if matches else None


def _letters(key: str) -> str:
    return key.lower().replace("_", "").replace("-", "")


def _peel(annotation: object) -> tuple[object, list[object]]:
    """The bare type, and the metadata of all layers around it."""
    if get_origin(annotation) is Annotated:
        inner, *metadata = get_args(annotation)
        type_, inner_metadata = _peel(inner)
        return type_, [*inner_metadata, *_flat(metadata)]
    if get_origin(annotation) in (Union, UnionType):
        members = [member for member in get_args(annotation) if member is not NoneType]
        if len(members) == 1:
            return _peel(members[0])
    return annotation, []


def _kind(metadata: Iterable[object]) -> Kind | None:
    return next((item for item in metadata if isinstance(item, Kind)), None)


def _flat(metadata: Sequence[Any]) -> Iterator[object]:
    for item in metadata:
        if isinstance(item, FieldInfo):
            yield from item.metadata
        else:
            yield item
