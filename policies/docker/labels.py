"""The labels that everything on a Docker host carries."""

from __future__ import annotations

from collections.abc import Iterator

from policies.containers import CONTAINER, SERVICE
from policies.resource import NETWORK, VOLUME, Resource
from policies.rule import Finding, Level, Options, Rule, Scope, Severity
from policies.values import UNKNOWN

LABELS = "labels"

#: Where labels are: a service has its own, and others for the containers that it starts.
CONTAINER_LABELS = "taskSpec.containerSpec.labels"


def _label(resource: Resource, scope: Scope[Options]) -> Iterator[Finding]:
    conventions = scope.conventions
    entries = resource.container.labels
    for place in (LABELS, CONTAINER_LABELS) if resource.type == SERVICE else (LABELS,):
        if resource.get(place) is UNKNOWN:
            continue
        here = [entry for entry in entries if entry.path.startswith(f"{place}[")]
        names = [entry.name for entry in here]
        for name, wanted in ((conventions.stack_label, scope.stack), (conventions.service_label, None)):
            if name not in names and UNKNOWN not in names:
                yield Finding(place, names or None, f"a list with the label `{name}`")
            # Of a label that is there twice the provider takes either, in the order of its hashes.
            for entry in here:
                if entry.name != name or not isinstance(entry.value, str):
                    continue
                if wanted is None and not entry.value.strip():
                    yield Finding(f"{entry.path}.value", entry.value, "the name of the service that it is part of")
                if wanted is not None and entry.value != wanted:
                    yield Finding(f"{entry.path}.value", entry.value, "the name of the stack")


RULES = (
    Rule(
        id="STACK-LABEL",
        title="Everything on a Docker host says which stack and service it belongs to",
        level=Level.MANDATORY,
        severity=Severity.LOW,
        sources=("Docker object labels",),
        reads={
            CONTAINER: (LABELS,),
            SERVICE: (LABELS, CONTAINER_LABELS),
            NETWORK: (LABELS,),
            VOLUME: (LABELS,),
        },
        why="Several stacks share a host: without labels nobody, and no clean-up, can tell whose a thing is.",
        fix="Give it both labels: the stack's with the stack's name, and the service's with the service's.",
        check=_label,
    ),
)
