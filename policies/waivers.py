"""Waivers: violations that somebody has accepted, for a reason and for a time."""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
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

#: How far away the last day may be: somebody looks at every waiver once a year.
LONGEST = datetime.timedelta(days=366)


def _narrow(pattern: str) -> str:
    """A URN pattern that says which resources it means."""
    parts = pattern.split(SEPARATOR)
    if not pattern.startswith("urn:pulumi:") or len(parts) < 4:
        raise ValueError("should be a URN, urn:pulumi:STACK::PROJECT::TYPE::NAME, where * stands for any text")
    if not parts[-1] or "*" in parts[-1]:
        raise ValueError("should name the resource in its last part, with no *: a waiver for many is none")
    return pattern


def _matches(pattern: str, text: str) -> bool:
    # `*` alone is special: in a shell's pattern `[!x]` would stand for nearly everything, too.
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text, re.DOTALL) is not None


class Waiver(BaseModel):
    """One accepted violation. `resource` is a URN in which `*` stands for any text."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    rule: str
    resource: Annotated[str, AfterValidator(_narrow)]
    reason: Annotated[str, Field(min_length=LEAST_REASON)]
    owner: Annotated[str, Field(min_length=1)]
    expires: datetime.date

    def covers(self, rule: str, urn: str) -> bool:
        """Whether it accepts violations of `rule` by the resource."""
        return rule == self.rule and _matches(self.resource, urn)

    def concerns(self, stack: str, project: str) -> bool:
        """Whether it is for resources of that stack of that project."""
        of_stack, of_project = self.resource.removeprefix("urn:pulumi:").split(SEPARATOR)[:2]
        return _matches(of_stack, stack) and _matches(of_project, project)

    def has_expired(self, today: datetime.date) -> bool:
        """Whether its last day is over."""
        return today > self.expires

    def is_endless(self, today: datetime.date) -> bool:
        """Whether its last day is so far away that it might as well have none."""
        return self.expires - today > LONGEST

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
