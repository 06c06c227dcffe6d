"""Files that a program brings to a host can be read by the pack, so that every other rule judges them."""

from __future__ import annotations

from collections.abc import Iterator

from policies.containers import CONTAINER
from policies.resource import Resource
from policies.rule import Finding, Level, Options, Rule, Scope, Severity
from policies.workloads.uploads import READABLE, contents


def _unreadable(resource: Resource, scope: Scope[Options]) -> Iterator[Finding]:
    for file in contents(resource):
        if file.problem:
            yield Finding(file.path, file.problem, READABLE)


RULES = (
    Rule(
        id="DKR-FILE",
        title="Uploaded files can be read and judged",
        level=Level.MANDATORY,
        severity=Severity.HIGH,
        sources=("Docker provider, Container: uploads",),
        reads={CONTAINER: ("uploads",)},
        why="A file that the pack can't read may hold anything: a secret, or a proxy's config that leads to a port "
        "that must stay inside.",
        fix="Give the file's text in `content`, or in `source` the path of a file that is there when the program runs.",
        check=_unreadable,
    ),
)
