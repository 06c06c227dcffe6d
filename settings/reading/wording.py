"""pydantic's findings in the words of the settings that they are about."""

from dataclasses import replace

from pydantic_core import ErrorDetails

from settings.commands import command_for
from settings.describe import (
    allowed,
    children,
    holds_keys,
    is_amount,
    is_list,
    plain_type,
    policy_limit,
    refused,
    type_at,
)
from settings.errors import PULUMI, Path, Problem, value_text
from settings.limits import raising
from settings.reading.given import decoded
from settings.reading.keys import unknown_key
from settings.stack import StackConfig
from settings.values.units import SIZE


def problem_of(error: ErrorDetails) -> Problem:
    """pydantic's finding in the words of the field that it is about."""
    path = tuple(str(key) for key in error["loc"])
    if is_list(_type_at(path[:-1])):
        # A list is taken or refused as a whole.
        item = f"item {int(path[-1]) + 1}, {value_text(error['input'])}, must be {allowed(_type_at(path))}"
        return Problem(path[:-1], f"{item}{_type_hint(error, _type_at(path))}")
    if error["type"] == "extra_forbidden":
        return unknown_key(path, [*children(plain_type(_type_at(path[:-1])))], "unknown key")
    if path[-1] == "[key]" and error["type"] == "value_error":
        # The name of an entry, not its value.
        return Problem(path[:-1], f"the name {error['ctx']['error']}")
    type_ = _type_at(path)
    if error["type"] == "missing":
        return Problem(path, f"is required; must be {allowed(type_)}", missing=True)
    if error["type"] == "value_error":
        message = refused(type_, str(error["ctx"]["error"]))
        return Problem(path, f"{message}{_type_hint(error, type_)}", value_text(error["input"]))
    if holds_keys(type_) and error["input"] is not None:
        # What stands in the place of a block may be anything, such as a secret that was put under app_secrets.
        return Problem(path, f"must be {allowed(type_)}")
    hint = _type_hint(error, type_) or _limit_hint(error, type_)
    return Problem(path, f"must be {allowed(type_)}{hint}", value_text(error["input"]))


def with_command(problem: Problem, stack: str) -> Problem:
    """The problem with what sets the value, where that is missing."""
    return replace(problem, command=command_for(stack, problem.path)) if problem.missing else problem


def _limit_hint(error: ErrorDetails, type_: object) -> str:
    """How to raise the limit of a policy that a value is above."""
    limit = policy_limit(type_)
    if error["type"] != "less_than_equal" or limit is None:
        return ""
    value = error["input"]
    amount = SIZE.parse(value) if isinstance(value, str) else value
    return f"; {raising(limit.rule, limit.option, amount)}"


def _type_hint(error: ErrorDetails, type_: object) -> str:
    """How to give a number, or true and false, that came as text."""
    option = {"int_type": "int", "float_type": "float", "bool_type": "bool"}.get(error["type"])
    if error["type"] == "value_error" and plain_type(type_) is int and not is_amount(type_):
        option = "int"
    if option and isinstance(error["input"], str) and isinstance(decoded(error["input"]), int | float):
        return f"; this is text: remove the quotes, or add --type {option} to {PULUMI} config set"
    return ""


def _type_at(path: Path) -> object:
    return type_at(StackConfig, path)
