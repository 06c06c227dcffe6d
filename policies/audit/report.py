"""What an audit found, in words and as JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any

from policies.audit.findings import Report
from policies.audit.snapshot import KINDS, DockerObject
from policies.evaluate import Target, Violation
from policies.rule import Level

_BY_HAND = "    It was changed by hand, see [changed] below: that may be why.\n"


def blocks(report: Report, stack: str) -> Iterator[str]:
    """What was found, in words: one block each, the worst first."""
    by_hand = {(change.type, change.name) for change in report.changed}
    for violation in _worst_first(report.violations):
        docker_object = report.objects.get(violation.urn)
        where = f"{KINDS[docker_object.type]} {docker_object.name}" if docker_object else "the stack"
        changed = docker_object is not None and (docker_object.type, docker_object.name) in by_hand
        yield (
            f"[{violation.level.name.lower()}] {violation.rule.id}: {where}\n"
            f"{_BY_HAND if changed else ''}"
            f"    {violation.rule.title}.\n"
            f"    {violation.message}\n"
            f"    {violation.urn}\n"
        )
    for docker_object in report.unmanaged:
        yield (
            f"[unmanaged] {KINDS[docker_object.type]} {docker_object.name}\n"
            f"    It is not in the stack's state: it was made by hand, or is left over.\n"
            f"    Put it into the program, or remove it.\n"
        )
    for urn in report.missing:
        lost = f"It is protected: `make preview STACK={stack}` says what to do"
        again = f"`make up STACK={stack}` makes it again"
        cure = lost if urn in report.protected else again
        where = "stack's state" if urn.startswith("urn:") else "last update, in the state no more,"
        yield f"[missing] {urn}\n    It is in the {where} and not on the host.\n    {cure}.\n"
    for change in report.changed:
        yield (
            f"[changed] {KINDS[change.type]} {change.name}: {change.property}\n"
            f"    {change.message}.\n"
            f"    {change.fix}.\n"
            f"    {change.urn}\n"
        )


def as_json(report: Report) -> list[dict[str, Any]]:
    """What was found, for programs: `finding` says which of the four kinds an entry is."""
    found: list[dict[str, Any]] = []
    for violation in _worst_first(report.violations):
        docker_object = report.objects.get(violation.urn)
        found.append(
            {
                "finding": "violation",
                "rule": violation.rule.id,
                "level": violation.level.name.lower(),
                "severity": violation.rule.severity.name.lower(),
                "waived": violation.waiver is not None,
                "title": violation.rule.title,
                "message": violation.message,
                "fix": violation.rule.fix,
                **_identity(docker_object),
                "urn": violation.urn,
            }
        )
    found += [{"finding": "unmanaged", **_identity(each), "urn": None} for each in report.unmanaged]
    found += [{"finding": "missing", **_identity(None), "urn": urn} for urn in report.missing]
    found += [{"finding": "changed", **dataclasses.asdict(change)} for change in report.changed]
    return found


def _identity(docker_object: DockerObject | None) -> dict[str, Any]:
    return {
        "type": docker_object.type if docker_object else None,
        "name": docker_object.name if docker_object else None,
        "id": docker_object.id if docker_object else None,
    }


def _worst_first(violations: Iterable[Violation]) -> list[Violation]:
    return sorted(violations, key=lambda each: (-each.level, -each.rule.severity, each.rule.id, each.urn))


def summary(report: Report, target: Target) -> str:
    """What was judged and found, in one line."""
    types = [each.type for each in report.objects.values()]
    counts = ", ".join(_count(types.count(type_), kind) for type_, kind in KINDS.items() if type_ in types)
    levels = [violation.level for violation in report.violations if not violation.waiver]
    waived = len(report.violations) - len(levels)
    return (
        f"stack {target.stack}, environment {target.environment or 'not named, so production'}: "
        f"{counts or 'nothing'} judged; {levels.count(Level.MANDATORY)} mandatory and "
        f"{levels.count(Level.ADVISORY)} advisory violations, {waived} waived; "
        f"{len(report.unmanaged)} unmanaged, {len(report.missing)} missing, {len(report.changed)} changed"
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
