"""Names, parameters and volumes of PostgreSQL."""

from math import isfinite
from typing import Annotated, Final

from pydantic import Field

from settings.values.kind import Kind, text_kind

Identifier = Annotated[
    str,
    text_kind(
        "identifier",
        # 63 bytes is NAMEDATALEN - 1; pg_ starts the names of PostgreSQL's own roles.
        r"^(?!pg_)(?!(postgres|template0|template1|public|none)$)[a-z_][a-z0-9_]{0,62}$",
        "a name of at most 63 lower-case letters, digits and underscores that PostgreSQL does not"
        " use itself (postgres, template0, template1, public, none, pg_...)",
    ),
]
"""A name of a role or a database that needs no quotes."""

ParameterName = Annotated[
    str,
    text_kind(
        "parameter name",
        r"^[a-z_][a-z0-9_]{0,62}(\.[a-z_][a-z0-9_]{0,62})?$",
        "a PostgreSQL parameter in lower case such as random_page_cost",
    ),
]
"""The name of a PostgreSQL parameter."""

_PARAMETER_TEXT: Final = text_kind(
    "parameter value",
    r"^[^'\"\\\x00-\x1f\x7f]{0,1000}$",
    "true, false, a number, or text with no quotes, backslashes or line breaks",
)


def _parse_parameter(value: object) -> str | int | float | bool:
    """A parameter's value; what could end its quoted text in postgresql.conf is refused."""
    match value:
        case bool():
            return value
        case int() if abs(value) < 2**63:  # more than any of PostgreSQL's integers
            return value
        case float() if isfinite(value):
            return value
    text: str = _PARAMETER_TEXT.parse(value)
    return text


ParameterValue = Annotated[
    str | int | float | bool,
    Kind(
        _PARAMETER_TEXT.name,
        _parse_parameter,
        _PARAMETER_TEXT.allowed,
        {"anyOf": [{"type": ["boolean", "number"]}, _PARAMETER_TEXT.schema]},
        spell=lambda value: value,
    ),
]
"""The value of a PostgreSQL parameter."""


VolumeNumber = Annotated[int, Field(ge=1, le=9999)]
"""The number of a data volume of PostgreSQL."""
