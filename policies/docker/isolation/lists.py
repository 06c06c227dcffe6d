"""Lists in a container's properties, of which some items may be known only at `up`."""

from __future__ import annotations

from collections.abc import Iterator

from policies.containers import Field
from policies.values import UNKNOWN, is_unset, items


def known_items(field: Field) -> Iterator[Field]:
    """The known items of a list; what is given in a list's place is taken for an item, to be refused as one."""
    if isinstance(field.value, list):
        for index, item in items(field.value):
            if item is not UNKNOWN and not is_unset(item):
                yield Field(f"{field.path}[{index}]", item)
    elif field.path and not field.unset and not field.unknown:
        yield field


def has_unknown_item(field: Field) -> bool:
    """Whether a list or one of its items is unknown: what is missing in it may be there."""
    return field.unknown or any(item is UNKNOWN for _, item in items(field.value))
