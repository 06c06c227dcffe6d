"""Waivers: violations that somebody has accepted, for a reason and for a time."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from policies.errors import ConfigError, problems
from policies.rule import Rule

#: Separates the parts of a URN: stack, project, type, name.
SEPARATOR = "::"

#: Characters that a reason has at least: enough for a sentence, too many for "ok".
LEAST_REASON = 15


def _narrow(pattern: str) -> str:
    """A URN pattern that says which resources it means."""
    parts = pattern.split(SEPARATOR)
    if not pattern.startswith("urn:pulumi:") or len(parts) < 4:
        raise ValueError("should be a URN, urn:pulumi:STACK::PROJECT::TYPE::NAME, where * stands for any text")
    if not parts[-1].strip("*?"):
        raise ValueError("should name the resource in its last part: a waiver for all is none")
    return pattern


class Waiver(BaseModel):
    """One accepted violation. `resource` is a URN in which `*` stands for any text, as in a shell."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    rule: str
    resource: Annotated[str, AfterValidator(_narrow)]
    reason: Annotated[str, Field(min_length=LEAST_REASON)]
    owner: Annotated[str, Field(min_length=1)]
    expires: datetime.date

    def covers(self, rule: str, urn: str) -> bool:
        """Whether it accepts violations of `rule` by the resource."""
        return rule == self.rule and fnmatchcase(urn, self.resource)

    def concerns(self, stack: str) -> bool:
        """Whether it is for resources of `stack`."""
        return fnmatchcase(stack, self.resource.split(SEPARATOR)[0].removeprefix("urn:pulumi:"))

    def has_expired(self, today: datetime.date) -> bool:
        """Whether its last day is over."""
        return today > self.expires

    def __str__(self) -> str:
        return f"waiver of {self.rule} for {self.resource} ({self.owner}, until {self.expires}: {self.reason})"


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    waivers: list[Waiver] = []


def load(path: Path, rules: Sequence[Rule]) -> tuple[Waiver, ...]:
    """The waivers in a file; none where there is no file.

    Raises:
        ConfigError: the file can't be read, a waiver lacks something, names no rule, or one that
            can't be waived.
    """
    if not path.exists():
        return ()
    try:
        content = yaml.safe_load(path.read_text())
        waivers = TypeAdapter(_File).validate_python({} if content is None else content).waivers
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError([f"{path.name}: {error}"]) from None
    except ValidationError as error:
        raise ConfigError(problems(error, path.name)) from None
    known = {rule.id: rule for rule in rules}
    wrong = []
    for index, waiver in enumerate(waivers):
        where = f"{path.name}: waivers[{index}].rule"
        if waiver.rule not in known:
            wrong.append(f"{where} is {waiver.rule!r}: no such rule")
        elif not known[waiver.rule].waivable:
            wrong.append(f"{where} is {waiver.rule!r}: this rule can't be waived")
    if wrong:
        raise ConfigError(wrong)
    return tuple(waivers)
