"""The pack's config: CrossGuard's own format, a level and options by rule.

    {"DKR-MEM": {"maxMb": 2048}, "DKR-RESTART": "mandatory", "PACK": {"levels": {"prod": {...}}}}

A level can be raised and never lowered, so that no config file talks a rule away.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from policies.documents.errors import ConfigError, problems, shortened, suggestion
from policies.documents.reader import Document, read_json
from policies.rule import Conventions, Level, Options, Rule
from policies.values import whole

#: The entry of the config that is about the pack as a whole, and the rule that its waivers are in order.
PACK = "PACK"

#: CrossGuard's entry for every rule at once.
ALL = "all"

#: The engine's protocol knows only floats, which are exact up to here.
LARGEST_NUMBER = 2**53

LEVELS = {"advisory": Level.ADVISORY, "mandatory": Level.MANDATORY}


@dataclass(frozen=True)
class Entry:
    """What the config says of one rule; `level` is CrossGuard's word for it, if it says one."""

    level: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Config:
    """A config that is right: every rule's options, and levels where they were raised."""

    conventions: Conventions
    options: Mapping[str, Options]
    levels: Mapping[str, Level]

    def level(self, rule: Rule, environment: str) -> Level:
        """The level of `rule` in `environment`: the highest that the rule itself or the config asks for."""
        by_environment = self.conventions.levels.get(environment, {}).get(rule.id)
        return max(
            rule.floor(environment, self.conventions),
            self.levels.get(rule.id, rule.level),
            LEVELS[by_environment] if by_environment else rule.level,
        )


def read(path: Path | None, rules: Sequence[Rule]) -> Config:
    """The config in a file, or the default one.

    Raises:
        ConfigError: the file can't be read, or what it says is wrong.
    """
    if path is None:
        return parse({}, rules)
    document = read_json(path, str(path))
    content = document.content
    if not isinstance(content, dict):
        raise ConfigError([f"{path}: is {shortened(repr(content))}: should be an object of rules"])
    entries = {}
    for name, value in content.items():
        where = f"{document.where((name,))}: {shortened(name)}"
        if isinstance(value, str):
            entries[name] = Entry(value)
        elif isinstance(value, dict):
            options = {key: each for key, each in value.items() if key != "enforcementLevel"}
            level = value.get("enforcementLevel")
            # The engine refuses such a level before it hands a config over.
            if not isinstance(level, str | None):
                raise ConfigError([f"{where}: enforcementLevel is {shortened(repr(level))}: should be a level"])
            entries[name] = Entry(level, options)
        else:
            raise ConfigError([f"{where} is {shortened(repr(value))}: should be a level or an object"])
    if ALL in entries:
        # The engine does the same before it hands its config over.
        entries = {**{rule.id: Entry(entries[ALL].level) for rule in rules}, **entries}
    try:
        return parse(entries, rules)
    except ConfigError as error:
        raise ConfigError([f"{_where(document, problem)}: {problem}" for problem in error.problems]) from None


def _where(document: Document, problem: str) -> str:
    """The file and line that a problem is about, which begins with the rule and the option."""
    words = re.findall(r"[\w-]+", problem)
    keys = [words[:length] for length in (4, 3, 2, 1)]
    found = next((key for key in keys if tuple(key) in document.lines), [])
    return document.where(tuple(found))


def parse(entries: Mapping[str, Entry], rules: Sequence[Rule]) -> Config:
    """Checks what a config says.

    Raises:
        ConfigError: it names no rule, lowers a level, or has an option that isn't there or is wrong.
    """
    known = {rule.id: rule for rule in rules}
    wrong: list[str] = []
    levels: dict[str, Level] = {}
    options: dict[str, Options] = {}
    everywhere = entries.get(ALL, Entry()).level
    if everywhere not in (None, "mandatory"):
        wrong.append(f"{ALL} is {everywhere!r}: should be mandatory, because a level can only be raised")
    for name, entry in entries.items():
        if name == ALL:
            continue
        if name not in known:
            wrong.append(f"{shortened(name)}: no such rule{suggestion(name, known)}")
        elif entry.level is not None and entry.level != everywhere:
            levels[name] = _level(known[name], entry.level, known[name].level, name, wrong)
        elif everywhere == "mandatory":
            levels[name] = Level.MANDATORY
        wrong += [f"{shortened(name)}: {key} is {value:g}: should be a smaller number" for key, value in _huge(entry)]
    for rule in rules:
        try:
            options[rule.id] = rule.options.model_validate_json(
                json.dumps(whole(entries.get(rule.id, Entry()).options))
            )
        except ValidationError as error:
            wrong += problems(error, rule.id)
    conventions = options.get(PACK)
    if isinstance(conventions, Conventions):
        wrong += _wrong_levels(conventions, known)
        if not wrong:
            return Config(conventions, options, levels)
    raise ConfigError(wrong)


def _huge(entry: Entry) -> list[tuple[str, float]]:
    """The options of an entry with a number that no limit can have."""
    numbers = {key: value for key, value in entry.options.items() if isinstance(value, int | float)}
    return [(key, float(value)) for key, value in numbers.items() if not -LARGEST_NUMBER <= value <= LARGEST_NUMBER]


def _wrong_levels(conventions: Conventions, known: Mapping[str, Rule]) -> list[str]:
    wrong: list[str] = []
    for environment, by_rule in conventions.levels.items():
        for name, level in by_rule.items():
            where = f"{PACK}: levels.{environment}.{name}"
            if name not in known:
                wrong.append(f"{where}: no such rule{suggestion(name, known)}")
            else:
                _level(known[name], level, known[name].floor(environment, conventions), where, wrong)
    return wrong


def _level(rule: Rule, word: str, floor: Level, where: str, wrong: list[str]) -> Level:
    level = LEVELS.get(word)
    if level is None:
        wrong.append(f"{where} is {shortened(repr(word))}: should be one of {', '.join(LEVELS)}")
    elif level < floor:
        wrong.append(f"{where} is {word!r}: {rule.id} is {floor.name.lower()}, and a level can only be raised")
    return level or floor
