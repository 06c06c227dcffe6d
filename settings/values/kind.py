"""What a kind of value is: how it is read, written and described.

Each kind is an `Annotated` type that carries one `Kind`, from which error messages, the JSON Schema and
docs/configuration.md are written.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from settings.values.units import Unit


@dataclass(frozen=True, eq=False)
class Kind:
    """A kind of value, as pydantic takes it in an `Annotated` type.

    `parse` turns what the file says into the value, or raises `ValueError` with a phrase that starts with "must be";
    `spell` is its inverse. `name` is what the reference calls the kind, `allowed` ends the sentence "must be ...", and
    `schema` is the JSON Schema of what the file says. `example` is a value of that kind as a command line has it; what
    is required somewhere has one. An amount has its `unit`, by which `allowed` is told with examples that a setting's
    own limits let through.
    """

    name: str
    parse: Callable[[object], Any]
    allowed: str
    schema: Mapping[str, Any]
    spell: Callable[[Any], Any] = str
    example: str | None = None
    unit: Unit | None = None

    def __get_pydantic_core_schema__(self, _source: object, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            self.parse,
            serialization=core_schema.plain_serializer_function_ser_schema(self.spell, when_used="json"),
        )

    def __get_pydantic_json_schema__(self, _schema: CoreSchema, _handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return dict(self.schema)


def amount(name: str, unit: Unit) -> Kind:
    """A number of `unit`, written with a unit."""
    return Kind(name, unit.parse, unit.hint, {"type": "string", "pattern": unit.pattern}, unit.format, unit=unit)


def text_kind(name: str, pattern: str, allowed: str, *, example: str | None = None) -> Kind:
    """Text of one form; `pattern` has to mean the same in Python and in JSON Schema (ECMA 262)."""

    def parse(value: object) -> str:
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            raise ValueError(f"must be {allowed}")
        return value

    return Kind(name, parse, allowed, {"type": "string", "pattern": pattern}, example=example)
