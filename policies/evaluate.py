"""Runs rules over resources, and says what they found in words that give no secret away."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from policies.config import PACK, Config
from policies.resource import Resource
from policies.rule import Finding, Level, Rule, Scope
from policies.secret_scanning.names import names_a_thing
from policies.secret_scanning.texts import known_secret_in, secret_in
from policies.values import UNKNOWN, has_unknown, lookup, whole
from policies.waivers import LONGEST, SEPARATOR, Waiver

#: Characters of a value that a message shows.
SHOWN_LENGTH = 80

REDACTED = "[secret]"


@dataclass(frozen=True)
class Target:
    """What is checked: one stack of a project."""

    stack: str
    project: str
    environment: str


@dataclass(frozen=True)
class Violation:
    """One finding as people get it. A waived one advises only."""

    rule: Rule
    level: Level
    urn: str
    message: str
    waiver: Waiver | None = None


class Pack:
    """The rules as they are configured for one stack, during one run.

    It remembers which resources each rule has judged and which waivers were needed, so that
    `analyze_stack`, the last thing in a run, can tell which waivers nobody needs any more.
    """

    def __init__(
        self, rules: Sequence[Rule], config: Config, waivers: Sequence[Waiver], target: Target, today: datetime.date
    ) -> None:
        self._today = today
        self._waivers = [waiver for waiver in waivers if waiver.concerns(target.stack, target.project)]
        self._rules = {rule.id: rule for rule in rules}
        self._levels = {rule.id: config.level(rule, target.environment) for rule in rules}
        self._scopes = {
            rule.id: Scope(
                config.options[rule.id], config.conventions, target.stack, target.environment, self._levels[rule.id]
            )
            for rule in rules
        }
        self._by_type: dict[str, list[Rule]] = {}
        self._stack_rules = [rule for rule in rules if rule.check_stack]
        self._used: set[Waiver] = set()
        self._judged: set[tuple[str, str]] = set()

    def reads(self, type_: str) -> bool:
        """Whether any rule looks at a single resource of that type."""
        return any(rule.check for rule in self._rules_of(type_))

    def reads_in_stack(self, type_: str) -> bool:
        """Whether any rule looks at resources of that type together."""
        return any(rule.check_stack for rule in self._rules_of(type_))

    def _rules_of(self, type_: str) -> list[Rule]:
        """The rules that look at resources of that type."""
        if type_ not in self._by_type:
            self._by_type[type_] = [rule for rule in self._rules.values() if rule.properties(type_) is not None]
        return self._by_type[type_]

    def analyze(self, resource: Resource) -> list[Violation]:
        """What is wrong with one resource."""
        violations: list[Violation] = []
        for rule in self._rules_of(resource.type):
            if rule.check:
                found = findings(rule, (resource,), self._scopes[rule.id])
                violations += self._violations(rule, found, {resource.urn: resource}, resource.urn)
                self._note(rule, resource)
        return violations

    def analyze_stack(self, resources: Sequence[Resource], urns: Iterable[str] = ()) -> list[Violation]:
        """What is wrong with the resources together, and with the waivers.

        `resources` are those of the types that stack rules read, `urns` those of the whole stack.
        """
        by_urn = {resource.urn: resource for resource in resources}
        violations: list[Violation] = []
        for rule in self._stack_rules:
            found = stack_findings(rule, resources, self._scopes[rule.id])
            violations += self._violations(rule, found, by_urn)
            for resource in resources:
                self._note(rule, resource)
        return violations + self._waiver_violations({*by_urn, *urns})

    def _note(self, rule: Rule, resource: Resource) -> None:
        """Remembers that `rule` has judged `resource`, unless a value that it reads is yet unknown."""
        if self._waivers and not any(
            has_unknown(lookup(resource.properties, path)) for path in rule.properties(resource.type) or ()
        ):
            self._judged.add((rule.id, resource.urn))

    def _violations(
        self, rule: Rule, found: Sequence[Finding], by_urn: Mapping[str, Resource], default_urn: str = ""
    ) -> list[Violation]:
        violations = []
        for finding in found:
            urn = finding.urn or default_urn
            text = message(rule, finding, by_urn.get(urn))
            waiver = next((each for each in self._waivers if each.covers(rule.id, urn)), None)
            if waiver and rule.waivable and not (waiver.has_expired(self._today) or waiver.is_endless(self._today)):
                self._used.add(waiver)
                violations.append(Violation(rule, Level.ADVISORY, urn, f"{text} In force: {waiver}.", waiver))
            else:
                violations.append(Violation(rule, self._levels[rule.id], urn, text))
        return violations

    def _waiver_violations(self, urns: set[str]) -> list[Violation]:
        violations = []
        for waiver in self._waivers:
            if waiver.has_expired(self._today):
                wrong = "has expired. Mend what it was for, or have it extended"
            elif waiver.is_endless(self._today):
                wrong = f"is for more than {LONGEST.days} days. Give it a nearer last day"
            elif waiver not in self._used and not self._may_be_needed(waiver, urns):
                wrong = "is needed by nothing. Remove it"
            else:
                continue
            violations.append(Violation(self._rules[PACK], self._levels[PACK], "", f"The {waiver} {wrong}."))
        return violations

    def _may_be_needed(self, waiver: Waiver, urns: set[str]) -> bool:
        """Whether a resource that it covers was not judged: left out of this run, or with a value yet unknown."""
        rule = self._rules[waiver.rule]
        covered = [urn for urn in urns if rule.properties(_type(urn)) is not None and waiver.covers(waiver.rule, urn)]
        return any((waiver.rule, urn) not in self._judged for urn in covered)


def _type(urn: str) -> str:
    """A resource's own type, without those of its parents.

    >>> _type("urn:pulumi:prod::tasktracker::tasktracker:components:Nginx$docker:index/network:Network::edge")
    'docker:index/network:Network'
    """
    return urn.split(SEPARATOR)[2].rpartition("$")[2] if urn.count(SEPARATOR) > 1 else ""


def findings(rule: Rule, resources: Sequence[Resource], scope: Scope[Any]) -> list[Finding]:
    """What `rule` finds in those of `resources` that it reads, alone and together."""
    found: list[Finding] = []
    for resource in resources:
        if rule.check and rule.properties(resource.type) is not None:
            try:
                found += rule.check(resource, scope)
            except Exception as error:
                found.append(_unjudged(error, resource.urn))
    return found + stack_findings(rule, resources, scope)


def stack_findings(rule: Rule, resources: Sequence[Resource], scope: Scope[Any]) -> list[Finding]:
    """What `rule` finds in `resources` together, where it is a rule of that kind."""
    read = [resource for resource in resources if rule.properties(resource.type) is not None]
    if not rule.check_stack or not read:
        return []
    try:
        return list(rule.check_stack(read, scope))
    except Exception as error:
        return [_unjudged(error, None)]


def _unjudged(error: Exception, urn: str | None) -> Finding:
    """A rule that fails must not let anything pass. The error's text may hold a value; its type does not."""
    return Finding("", type(error).__name__, "an input that the rule can judge; this is a mistake in the rule", urn)


def message(rule: Rule, finding: Finding, resource: Resource | None) -> str:
    """What is wrong with which property, what is allowed and how to fix it."""
    secret = resource is not None and resource.is_secret(finding.path)
    value = REDACTED if secret else shown(finding.value, finding.path)
    return f"{finding.path or 'The resource'} is {value}. Allowed: {finding.allowed}. {rule.fix}"


def shown(value: object, path: str = "") -> str:
    """A value for people: short, on one line, and not if it looks like a secret; `path` says whether it is a name."""
    if value is None:
        return "not set"
    text = json.dumps(whole(value), default=_special)
    is_name = isinstance(value, str) and names_a_thing(path.rpartition(".")[2], value)
    look = known_secret_in if is_name else secret_in
    if look(text) or (isinstance(value, str) and look(value)):
        return REDACTED
    return text if len(text) <= SHOWN_LENGTH else f"{text[:SHOWN_LENGTH]}..."


def _special(value: object) -> str:
    return "known only at `up`" if value is UNKNOWN else type(value).__name__
