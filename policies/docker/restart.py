"""Which containers are services that run for ever, and that those restart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from policies.containers import CONTAINER, SERVICE, Container
from policies.resource import Resource
from policies.rule import Finding, Level, Options, Rule, Scope, Severity
from policies.values import flag

#: What tells carriers of files and jobs from services.
CARRIER_PROPERTIES: Final = ("start", "mustRun", "networkMode", "restart")


def runs_on(container: Container) -> bool:
    """Whether it surely is a service that is to run for ever: no job, and no carrier of files.

    A job publishes no port: what listens for others is no job, whatever its restart policy says.
    """
    if container.never_runs:
        return False
    restart = container.field("restart")
    if container.is_service:
        ends = restart.unknown or container.is_job
    else:
        must_run = container.field("mustRun")
        ends = (restart.unknown or restart.value in (None, "", "no")) and (
            must_run.unknown or flag(must_run.value) is False
        )
    return not ends or bool(container.ports)


def _restart(resource: Resource, scope: Scope[Options]) -> Iterator[Finding]:
    container = resource.container
    field = container.field("restart")
    # Swarm restarts what says nothing.
    known = ("any", "on-failure", None, "") if container.is_service else ("always", "on-failure")
    if not field.unknown and field.value not in known and runs_on(container):
        yield Finding(field.path or "", field.value, " or ".join(word for word in known if word))


RULES = (
    Rule(
        id="DKR-RESTART",
        title="Services restart",
        level=Level.ADVISORY,
        severity=Severity.LOW,
        sources=("CIS Docker 1.6, 5.15",),
        reads={
            CONTAINER: ("ports", *CARRIER_PROPERTIES),
            SERVICE: ("taskSpec.restartPolicy.condition", "endpointSpec.ports"),
        },
        why="A service that crashed, or whose host was restarted, stays down until a person comes.",
        fix="Set `restart` to `always`: with `unless-stopped` a container stays down that ran as the Docker daemon was "
        "killed, such as for lack of memory. A job that ends says so with `restart: no` and `mustRun: false`.",
        check=_restart,
    ),
)
