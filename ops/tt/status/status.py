"""A stack at a glance."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from docker.models.containers import Container

from ops.tt.backup import drill
from ops.tt.backup.backups import Repository
from ops.tt.backup.database import BACKUPS, Database
from ops.tt.errors import Exit, TtError, UnreachableError
from ops.tt.host import url_check
from ops.tt.host.docker_host import Host
from ops.tt.host.ownership import memory_in
from ops.tt.host.served import served
from ops.tt.host.service import Service, service
from ops.tt.project import Project
from ops.tt.restore.unfinished import POSTGRES, unfinished_operations
from ops.tt.state.locks import Lock
from ops.tt.state.obstacles import lock_problem, locks
from ops.tt.status.checks import NATS, kept_problems, nats_problem, queue_problem, state_problems
from settings.releases import SLOTS, Canary, Records

STATUS = "/tmp/status.json"  # noqa: S108 - in the container

#: How the sidecar begins where PostgreSQL is out of reach for it.
SILENT = "PostgreSQL does not answer"

#: What the other services need.
STORES = (POSTGRES, NATS)

#: Seconds for the sidecar's own checks, some of which ask PostgreSQL.
HEALTH_LIMIT = 25


@dataclass
class Status:
    """All that `tt status` knows. What could not be asked is among the problems."""

    stack: str
    environment: str
    url: str | None = None
    services: Sequence[Service] = ()
    backups: Mapping[str, Any] | None = None
    repository: Repository | None = None
    drill: Mapping[str, Any] | None = None
    volumes: Mapping[str, Any] = field(default_factory=dict)
    program: Mapping[str, str | None] | None = None
    """Version and commit of the program that made the last update."""
    unverified: str | None = None
    """Why this machine can't tell whether the URL answers."""
    queue: Mapping[str, Any] | None = None
    """What the api says of queued tasks: `waiting`, `oldest_seconds` and `not_in_nats`."""
    releases: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By slot: `id` and `name` of the release that is whole in it, whether it is `serving`, and as `canary` the
    percentage of clients that it gets on trial."""
    maintenance: int | None = None
    """Seconds in the header Retry-After, where the site is closed on purpose."""
    locks: Sequence[Lock] = ()
    """Who holds the lock of the state: an update that is under way, or one that was killed."""
    problems: list[str] = field(default_factory=list)

    @property
    def code(self) -> Exit:
        """How the command ends."""
        return Exit.RED if self.problems else Exit.DONE

    def asdict(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "stack": self.stack,
            "environment": self.environment,
            "healthy": not self.problems,
            "url": self.url,
            "url_unverified": self.unverified,
            "queue": self.queue,
            "releases": self.releases,
            "maintenance": self.maintenance,
            "locks": [lock.asdict() for lock in self.locks],
            "services": [each.asdict() for each in self.services],
            "backups": self.backups,
            "ranges": self.repository.asdict()["ranges"] if self.repository else None,
            "drill": self.drill,
            "volumes": self.volumes,
            "program": self.program,
            "problems": self.problems,
        }


def read(project: Project) -> Status:
    """Asks Docker, the containers, the state and the stack's URL, all at once.

    Raises:
        UnreachableError: Docker does not answer, or there is nothing of the stack.
    """
    host = Host(project)
    containers = [each for each in host.containers() if "release" in each.labels]
    if not containers:
        raise UnreachableError(
            f"the stack '{project.stack}' has no containers here; `make up STACK={project.stack}` makes them"
        )
    status = Status(project.stack, project.environment)
    volumes = project.volumes()
    status.volumes = {"in_use": volumes.used, "kept": list(volumes.kept)}
    cut_off = [*unfinished_operations(project, host, volumes)]
    # First, and first in the list: nothing else helps before it is cleared.
    _or_problem(status, lambda: _of_locks(project, status))
    locked, status.problems = status.problems, []
    _ask_all(project, host, status, containers, compared=not cut_off)
    ill = [each.name for each in status.services if each.name in STORES and each.problem]
    found = [problem for each in status.services if (problem := each.problem_behind(ill))]
    found += cut_off
    status.problems = url_check.with_cures(list(dict.fromkeys([*locked, *found, *status.problems])), project.stack)
    return status


def _ask_all(project: Project, host: Host, status: Status, containers: Sequence[Container], *, compared: bool) -> None:
    """Asks for all that takes time, at once. `compared` is whether the state can be compared with the host."""
    # Of those that do not run, the services tell.
    names = {str(each.labels.get("service")) for each in containers if each.status == "running"}
    # One that starts is not to be restarted.
    settled = {
        str(each.labels.get("service"))
        for each in containers
        if each.status == "running" and (each.attrs["State"].get("Health") or {}).get("Status") != "starting"
    }
    with ThreadPoolExecutor() as pool:
        asked = [
            pool.submit(_or_problem, status, question)
            for question in (
                lambda: _of_state(project, host, status, compared=compared),
                lambda: status.problems.extend(kept_problems(host, project.volumes())),
                *([lambda: _backups(host, status, restart=POSTGRES in settled)] if BACKUPS in names else []),
                *([lambda: _drill(host, status)] if drill.DRILLS in names else []),
                *([lambda: _nats(host, status)] if NATS in names else []),
            )
        ]
        services = pool.map(lambda each: service(each, host.stack), containers)
        status.services = sorted(services, key=lambda each: each.name)
        for each in asked:
            each.result()


def _or_problem(status: Status, ask: Callable[[], Any]) -> Any:  # noqa: ANN401 - what `ask` returns
    """The answer, or None and one problem more."""
    try:
        return ask()
    except TtError as error:
        status.problems.append(str(error))
        return None


def _of_state(project: Project, host: Host, status: Status, *, compared: bool) -> None:
    """What the state says that there is: its outputs, whether the host has the rest, and whether the URL answers.

    A change of volumes that was cut off is put right first: before, the state can't be what the host has.
    """
    # It takes a while, and the rest is told without it too.
    from ops.tt.state.engine import Engine  # noqa: PLC0415
    from ops.tt.state.resources import outputs_of  # noqa: PLC0415

    resources = Engine(project).resources()
    outputs = outputs_of(resources)
    status.url, status.program = outputs.get("url"), outputs.get("program")
    records = memory_in(project, resources).records
    status.releases = releases(records)
    if records.serving:
        _of_nginx(host, status, records)
    if status.url:
        answer = url_check.ask(host, status.url)
        status.unverified = answer.unverified
        status.queue = (answer.health or {}).get("queue")
        status.problems += filter(None, [answer.problem, queue_problem(status.queue, project.stack)])
    # An update that is under way has not come to all of it.
    if compared and (not status.locks or lock_problem(project.stack, status.locks)):
        status.problems += state_problems(project, host, resources)


def _of_nginx(host: Host, status: Status, records: Records) -> None:
    """Whether nginx sends the requests to the slots that the state has, or has closed the site."""
    try:
        document = served(host)
    except TtError:
        # What is wrong with nginx is a problem of its own.
        return
    status.maintenance = document.get("maintenance")
    serving, canary = document["serving"], Canary.of(document.get("canary"))
    if serving != records.serving or canary != records.canary:
        share = f" and for {canary.percent:g} % of the clients to {canary.slot}" if canary else ""
        status.problems.append(
            f"nginx sends requests to {serving}{share}, and the state has {records.serving}"
            f"{'' if records.canary is None else f' with {records.canary.slot} on trial'}: a switch between releases "
            f"was cut off. `make up STACK={status.stack}` completes it, or undoes it"
        )


def releases(records: Records) -> dict[str, dict[str, Any]]:
    """What is in each slot.

    >>> from settings.releases import Ready
    >>> ready = {"blue": Ready("3f9ac0417d22", "1.4.0", {"api-blue": 64})}
    >>> releases(Records("blue", ready, {"blue": {"api-blue": "3f9ac0417d22"}}))
    {'blue': {'id': '3f9ac0417d22', 'name': '1.4.0', 'serving': True, 'canary': None}}
    """
    whole = {slot: ready for slot in SLOTS if (ready := records.whole(slot))}
    return {
        slot: {
            "id": ready.release,
            "name": ready.name,
            "serving": slot == records.serving,
            "canary": records.canary.percent if records.canary and records.canary.slot == slot else None,
        }
        for slot, ready in whole.items()
    }


def _of_locks(project: Project, status: Status) -> None:
    status.locks = locks(project)
    if status.locks and (problem := lock_problem(project.stack, status.locks)):
        status.problems.append(problem)


def _nats(host: Host, status: Status) -> None:
    if problem := nats_problem(host):
        status.problems.append(problem)


def _drill(host: Host, status: Status) -> None:
    status.drill = drill.last(host)
    if status.drill is not None and not status.drill.get("ok"):
        status.problems.append(f"the last drill was red: {status.drill.get('reason') or 'no reason is known'}")


def _backups(host: Host, status: Status, *, restart: bool) -> None:
    """What the sidecar knows, and what it calls wrong; `restart` says whether PostgreSQL may be restarted."""
    health = host.run_within(HEALTH_LIMIT, BACKUPS, ["backup-health"])
    if health.code:
        # What psql says goes on in further lines.
        lines = re.sub(r"\n\s+", " ", health.output).splitlines()
        hint = f": `docker restart {host.name(POSTGRES)}` helps where it hangs" if restart else ""
        status.problems += [f"{each}{hint if each.startswith(SILENT) else ''}" for each in lines if each.strip()]
    result = host.run(BACKUPS, ["cat", STATUS])
    with contextlib.suppress(ValueError):
        told = json.loads(result.output) if result.code == 0 else None
        status.backups = told if isinstance(told, dict) else None
    status.repository = Database(host).repository()
