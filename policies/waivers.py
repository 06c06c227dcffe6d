"""Waivers: violations that somebody has accepted, for a reason and for a time."""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from policies.config import Config
from policies.documents.errors import ConfigError, problems, shortened, suggestion
from policies.documents.reader import read_yaml
from policies.rule import Conventions, Rule

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


_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


def _day(value: object) -> object:
    """A day as it is written; pydantic takes times, and numbers of seconds, for one, too."""
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        return value
    if isinstance(value, str) and _DATE.fullmatch(value.strip()):
        try:
            return datetime.date.fromisoformat(value.strip())
        except ValueError:
            raise ValueError("should be a day that the calendar has, such as 2026-12-31") from None
    raise ValueError("should be a day, written YYYY-MM-DD, such as 2026-12-31")


def _matches(pattern: str, text: str) -> bool:
    # `*` alone is special: in a shell's pattern `[!x]` would stand for nearly everything, too.
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text, re.DOTALL) is not None


def _shown(text: str) -> str:
    """A text for people, which each run prints."""
    if any(not (char.isprintable() or char.isspace()) for char in text) or not any(map(str.isalnum, text)):
        raise ValueError("should be a text that can be read, with no control characters")
    return text


class Waiver(BaseModel):
    """One accepted violation. `resource` is a URN in which `*` stands for any text."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    rule: str
    resource: Annotated[str, AfterValidator(_narrow)]
    reason: Annotated[str, Field(min_length=LEAST_REASON), AfterValidator(_shown)]
    owner: Annotated[str, Field(min_length=1), AfterValidator(_shown)]
    expires: Annotated[datetime.date, BeforeValidator(_day)]

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


def load(path: Path, rules: Sequence[Rule], *, required: bool = False) -> tuple[Waiver, ...]:
    """The waivers in a file; none where there is no file, unless it is `required`.

    Raises:
        ConfigError: the file can't be read, a waiver lacks something, names no rule, or one that
            can't be waived.
    """
    try:
        if not required and not path.exists():
            return ()
    except (OSError, ValueError):
        # What is wrong with it is said below.
        pass
    document = read_yaml(path, path.name or str(path))
    try:
        waivers = TypeAdapter(_File).validate_python({} if document.content is None else document.content).waivers
    except ValidationError as error:
        raise ConfigError(problems(error, document.where)) from None
    known = {rule.id: rule for rule in rules}
    wrong = []
    seen: dict[tuple[str, str], int] = {}
    for index, waiver in enumerate(waivers):
        if (first := seen.setdefault((waiver.rule, waiver.resource), index)) != index:
            there = f"{document.where(('waivers', index, 'resource'))}: waivers[{index}].resource"
            wrong.append(f"{there} is {shortened(repr(waiver.resource))}: waivers[{first}] is for it and the same rule")
        where = f"{document.where(('waivers', index, 'rule'))}: waivers[{index}].rule"
        if waiver.rule not in known:
            wrong.append(f"{where} is {shortened(repr(waiver.rule))}: no such rule{suggestion(waiver.rule, known)}")
        elif not known[waiver.rule].waivable:
            wrong.append(f"{where} is {waiver.rule!r}: this rule can't be waived")
    if wrong:
        raise ConfigError(wrong)
    return tuple(waivers)


def of(config: Config, folder: Path, rules: Sequence[Rule]) -> tuple[Waiver, ...]:
    """The waivers in the file that the pack's config names, in `folder`; one that is not the usual one has to be there.

    Raises:
        ConfigError: see `load`.
    """
    name = config.conventions.waivers
    return load(folder / name, rules, required=name != Conventions.model_fields["waivers"].default)
