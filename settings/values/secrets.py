"""Names of secrets, and expressions for their form."""

import re
from typing import Annotated, Final

from settings.values.kind import Kind, text_kind

SecretName = Annotated[
    str,
    text_kind("secret name", r"^(?=.{1,63}$)[a-z][a-z0-9]*(_[a-z0-9]+)*$", "a name in snake case such as slack_token"),
]
"""The name of a config secret."""

_EXPRESSION: Final = "a regular expression in Python's syntax"


def _parse_expression(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"must be {_EXPRESSION}")
    try:
        re.compile(value)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"must be {_EXPRESSION}; {error}") from None
    return value


Expression = Annotated[
    str, Kind("regular expression", _parse_expression, _EXPRESSION, {"type": "string", "format": "regex"})
]
"""A regular expression."""
