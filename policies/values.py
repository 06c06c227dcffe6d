"""Property values as the engine sends them, and how to read the forms in which one can be written."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final


class Unknown:
    """A value that a preview can't know; there is one instance, `UNKNOWN`."""

    def __repr__(self) -> str:
        return "UNKNOWN"

    def __copy__(self) -> Unknown:
        return self

    def __deepcopy__(self, memo: object) -> Unknown:
        return self

    def __reduce__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = Unknown()

#: Bytes of what Docker and its provider call a megabyte.
MB: Final = 2**20

#: What stands for an unknown value on the wire, by its type (`sdk/go/common/resource/plugin/rpc.go`).
UNKNOWN_MARKERS: Final = frozenset(
    {
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # boolean
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # number
        "04da6b54-80e4-46f7-96ec-b56ff0331ba9",  # string
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # array
        "030794c1-ac77-496b-92df-f27374a8bd58",  # asset
        "e48ece36-62e2-4504-bad9-02848725956a",  # archive
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # object
    }
)

#: The key that says what kind of special value an object on the wire is, and the kinds that are unwrapped.
SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
SECRET_SIGNATURE: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - a public constant of the protocol
OUTPUT_SIGNATURE: Final = "d0e6a833031e9bbcd3f4e8bde6ca49a4"

#: A number as people and providers write it: no hexadecimal, no exponent, no underscore, ASCII digits.
NUMBER: Final = re.compile(r"\s*([+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+))\s*", re.ASCII)

#: What Go's `strconv.ParseBool`, which the provider uses, takes for true and false.
TRUE: Final = frozenset({"1", "t", "T", "TRUE", "true", "True"})
FALSE: Final = frozenset({"0", "f", "F", "FALSE", "false", "False"})


def decode(value: Any, secrets: set[str], path: str = "") -> Any:  # noqa: ANN401 - any JSON value
    """The plain form of a value on the wire; adds the paths of its secrets to `secrets`.

    Unknown values become `UNKNOWN`; assets and archives stay objects, which no rule reads.
    """
    if isinstance(value, str):
        return UNKNOWN if value in UNKNOWN_MARKERS else value
    if isinstance(value, Mapping):
        signature = value.get(SIGNATURE)
        if signature == SECRET_SIGNATURE:
            secrets.add(path)
            return decode(value.get("value"), secrets, path)
        if signature == OUTPUT_SIGNATURE:
            if value.get("secret"):
                secrets.add(path)
            return decode(value["value"], secrets, path) if "value" in value else UNKNOWN
        return {str(key): decode(item, secrets, join(path, str(key))) for key, item in value.items()}
    if isinstance(value, Sequence):
        return [decode(item, secrets, f"{path}[{index}]") for index, item in enumerate(value)]
    return value


def join(path: str, key: str) -> str:
    """The path of the property `key` of what is at `path`."""
    return f"{path}.{key}" if path else key


def is_unset(value: object) -> bool:
    """Whether nothing was given: null, or the empty text, list or object that the provider takes for nothing."""
    return value is None or (isinstance(value, str | list | dict) and not value)


def number(value: object) -> float | None:
    """The number that `value` is or spells; None for anything else, `nan` and infinities included.

    >>> [number(value) for value in (512, "512", " 1.5 ", "0x10", "1e3", float("nan"), True, "٣")]
    [512.0, 512.0, 1.5, None, None, None, None, None]
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value) if abs(value) < 2**63 and math.isfinite(value) else None
    if isinstance(value, str) and len(value) < 64 and (match := NUMBER.fullmatch(value)):
        return float(match[1])
    return None


def flag(value: object) -> bool | None:
    """The truth value that `value` is or spells; None where it isn't one (unset, unknown, nonsense).

    >>> [flag(value) for value in (True, "true", "F", 1, 0.0, "yes", None)]
    [True, True, False, True, False, None, None]
    """
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float) and value in (0, 1):
        return bool(value)
    if isinstance(value, str):
        return True if value in TRUE else False if value in FALSE else None
    return None


def text(value: object) -> str | None:
    """`value` as text where it is a text or a number (the provider turns numbers into texts); else None.

    >>> [text(value) for value in ("a", 1000.0, 0.5, None, True)]
    ['a', '1000', '0.5', None, None]
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return None
    if isinstance(value, float) and math.isfinite(value):
        return str(int(value)) if value.is_integer() else str(value)
    return str(value) if isinstance(value, int) else None


def items(value: object) -> list[tuple[int, Any]]:
    """The items of a list with their indexes; nothing where `value` is no list."""
    return list(enumerate(value)) if isinstance(value, list) else []


def entries(value: object) -> dict[str, Any]:
    """The entries of an object; nothing where `value` is none."""
    return value if isinstance(value, dict) else {}


def lookup(value: Any, path: str) -> Any:  # noqa: ANN401 - any JSON value
    """What is at a dotted `path` in nested objects; None where a step is missing, UNKNOWN where one is unknown."""
    for key in path.split("."):
        if value is UNKNOWN:
            return UNKNOWN
        # A block that occurs once may come as a list of one.
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        if not isinstance(value, dict):
            return UNKNOWN if value is UNKNOWN else None
        value = value.get(key)
    return value


def has_unknown(value: object) -> bool:
    """Whether `value` or anything in it is unknown."""
    if isinstance(value, dict):
        return any(has_unknown(item) for item in value.values())
    if isinstance(value, list):
        return any(has_unknown(item) for item in value)
    return value is UNKNOWN


def whole(value: object) -> object:
    """`value` with 4096.0 as 4096: the engine's protocol knows no integers."""
    if isinstance(value, Mapping):
        return {key: whole(item) for key, item in value.items()}
    if isinstance(value, list):
        return [whole(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
