"""A stack at a glance."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from docker.models.containers import Container

from ops.tt import drill, times
from ops.tt.backups import Repository, ranges_text
from ops.tt.database import BACKUPS, Database
from ops.tt.errors import Exit, TtError, UnreachableError
from ops.tt.host import Host
from ops.tt.leftovers import leftovers
from ops.tt.output import size, table
from ops.tt.project import NAMESPACE, Project, volume_name

STATUS = "/tmp/status.json"  # noqa: S108 - in the container

HEADER = ("SERVICE", "STATE", "HEALTH", "SINCE", "RESTARTS", "MEMORY", "PORTS", "RELEASE")

#: Docker's word for a time that has not come.
NEVER = "0001-01-01T00:00:00Z"


@dataclass(frozen=True)
class Service:
    """A container that does work, as Docker has it. `since` is when it started, or ended, in seconds since 1970."""

    name: str
    state: str
    health: str | None
    since: float | None
    restarts: int
    memory: int | None
    memory_limit: int
    ports: str
    release: str
    exit_code: int
    is_job: bool

    @property
    def problem(self) -> str | None:
        """What is wrong with it."""
        if self.is_job:
            return f"{self.name} has failed with exit code {self.exit_code}" if self.exit_code else None
        if self.state != "running":
            return f"{self.name} is {self.state} (exit code {self.exit_code})"
        return f"{self.name} is {self.health}" if self.health not in (None, "healthy") else None

    def asdict(self) -> dict[str, Any]:
        """For `--json`."""
        told = {key: value for key, value in self.__dict__.items() if key != "is_job"}
        return {**told, "since": None if self.since is None else times.iso(times.at(self.since))}


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
            "services": [each.asdict() for each in self.services],
            "backups": self.backups,
            "ranges": self.repository.asdict()["ranges"] if self.repository else None,
            "drill": self.drill,
            "volumes": self.volumes,
            "program": self.program,
            "problems": self.problems,
        }


def read(project: Project) -> Status:
    """Asks Docker, the containers and the state, all at once.

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
    names = {str(each.labels.get("service")) for each in containers}
    with ThreadPoolExecutor() as pool:
        outputs = pool.submit(_or_problem, status, lambda: _outputs(project))
        services = pool.map(lambda each: service(each, host.stack), containers)
        if BACKUPS in names:
            known = pool.submit(_or_problem, status, lambda: _backups(host, status))
            repository = pool.submit(_or_problem, status, Database(host).repository)
        green = pool.submit(drill.last, host) if drill.DRILLS in names else None
        status.services = sorted(services, key=lambda each: each.name)
        if BACKUPS in names:
            status.backups, status.repository = known.result(), repository.result()
        status.drill = green.result() if green else None
        told = outputs.result() or {}
    status.url, status.program = told.get("url"), told.get("program")
    volumes = project.volumes()
    status.volumes = {"in_use": volumes.used, "kept": list(volumes.kept)}
    found = [problem for each in status.services if (problem := each.problem)]
    found += [
        f"{name} has no container"
        for name in sorted(told.get("containers") or {})
        if name not in {each.name for each in status.services}
    ]
    found += leftovers(project, host, volumes)
    if status.drill is not None and not status.drill.get("ok"):
        found.append(f"the last drill was red: {status.drill.get('reason') or 'no reason is known'}")
    status.problems = list(dict.fromkeys([*found, *status.problems]))
    return status


def service(container: Container, stack: str) -> Service:
    """What Docker says of a container."""
    state, config = container.attrs["State"], container.attrs["HostConfig"]
    running = state["Status"] == "running"
    moment = state["StartedAt"] if running else state["FinishedAt"]
    told: Any = container.stats(stream=False, one_shot=True) if running else {}
    used = told.get("memory_stats", {})
    return Service(
        str(container.name).removeprefix(f"{NAMESPACE}-{stack}-"),
        str(state["Status"]),
        state.get("Health", {}).get("Status"),
        None if moment == NEVER else datetime.fromisoformat(_microseconds(moment)).timestamp(),
        int(container.attrs["RestartCount"]),
        # What the file cache holds is given back when it is asked for.
        used["usage"] - used.get("stats", {}).get("inactive_file", 0) if "usage" in used else None,
        int(config["Memory"]),
        published(config["PortBindings"] or {}),
        str(container.labels["release"]),
        int(state["ExitCode"]),
        config["RestartPolicy"]["Name"] in ("", "no"),
    )


def published(bindings: Mapping[str, Sequence[Mapping[str, str]] | None]) -> str:
    """The host's ports that lead to a container.

    >>> published({"8080/tcp": [{"HostIp": "127.0.0.1", "HostPort": "80"}], "4222/tcp": None})
    '127.0.0.1:80->8080'
    """
    return ", ".join(
        f"{each['HostIp']}:{each['HostPort']}->{port.removesuffix('/tcp')}"
        for port, hosts in sorted(bindings.items())
        for each in hosts or ()
    )


def _microseconds(moment: str) -> str:
    """Docker's time, which has nanoseconds, as Python reads it.

    >>> _microseconds("2026-11-20T12:05:30.123456789Z"), _microseconds("2026-11-20T12:05:30Z")
    ('2026-11-20T12:05:30.123456Z', '2026-11-20T12:05:30Z')
    """
    seconds, point, fraction = moment.removesuffix("Z").partition(".")
    return f"{seconds}{point}{fraction[:6]}Z"


def _or_problem(status: Status, ask: Callable[[], Any]) -> Any:  # noqa: ANN401 - what `ask` returns
    """The answer, or None and one problem more."""
    try:
        return ask()
    except TtError as error:
        status.problems.append(str(error))
        return None


def _outputs(project: Project) -> Mapping[str, Any]:
    # It takes a while, and the rest is told without it too.
    from ops.tt.engine import Engine  # noqa: PLC0415

    return Engine(project).outputs()


def _backups(host: Host, status: Status) -> Mapping[str, Any] | None:
    """What the sidecar knows, and what it calls wrong."""
    health = host.run(BACKUPS, ["backup-health"])
    if health.code:
        status.problems += [line for line in health.output.splitlines() if line.strip()]
    result = host.run(BACKUPS, ["cat", STATUS])
    try:
        told = json.loads(result.output) if result.code == 0 else None
    except ValueError:
        return None
    return told if isinstance(told, dict) else None


def show(status: Status) -> list[str]:
    """The status for people."""
    now = time.time()
    word = "healthy" if not status.problems else "NOT HEALTHY"
    lines: list[str] = [
        f"{status.stack} ({status.environment}): {word}" + (f", at {status.url}" if status.url else ""),
        "",
        table([HEADER, *(_row(each, now) for each in status.services)]),
        "",
    ]
    facts = [*_backup_facts(status, now), *_drill_facts(status, now)]
    facts.append(("data volume", _volumes(status)))
    if status.program:
        commit = status.program.get("commit")
        facts.append(("program", f"{status.program.get('version')}" + (f", commit {commit}" if commit else "")))
    lines += [f"{name:<14} {text}" for name, text in facts]
    if status.repository is not None:
        lines += ["can be restored", ranges_text(status.repository)]
    if status.problems:
        lines += ["", "What is wrong:", *(f"  - {problem}" for problem in status.problems)]
    return lines


def _row(each: Service, now: float) -> tuple[str, ...]:
    state = f"{each.state} ({each.exit_code})" if each.state == "exited" else each.state
    used = f"{size(each.memory)} of {size(each.memory_limit)}" if each.memory is not None else ""
    since = times.duration(now - each.since) if each.since is not None else ""
    restarts = str(each.restarts) if each.restarts else ""
    return each.name, state, each.health or "", since, restarts, used, each.ports, each.release


def _backup_facts(status: Status, now: float) -> list[tuple[str, str]]:
    told = status.backups
    if told is None:
        return []
    facts = []
    for name, key in (("last full", "last_good_full"), ("last backup", "last_good")):
        backup = told.get(key)
        text = f"{backup['label']}, {times.age(backup['stop'], now)}" if backup else "none that is good"
        facts.append((name, text))
    if told.get("running_since"):
        facts.append(("under way", f"a backup, since {times.duration(now - told['running_since'])}"))
    archive = told.get("archive") or {}
    waiting, oldest = archive.get("waiting") or 0, archive.get("waiting_since")
    last = archive.get("last_archived_time")
    facts.append(
        (
            "WAL",
            (f"{waiting} files wait" + (f", the first since {times.duration(now - oldest)}" if oldest else ""))
            if waiting
            else "all archived" + (f", the last {times.age(last, now)}" if last else ""),
        )
    )
    return facts


def _drill_facts(status: Status, now: float) -> list[tuple[str, str]]:
    done = status.drill
    if done is None:
        return [("last drill", "none yet")] if any(each.name == drill.DRILLS for each in status.services) else []
    parts = ["green" if done.get("ok") else "RED"]
    if done.get("time") is not None:
        parts.append(times.age(float(done["time"]), now))
    for name, key in (("RPO", "rpo_seconds"), ("RTO", "rto_seconds")):
        if done.get(key) is not None:
            parts.append(f"{name} {times.duration(float(done[key]))}")
    return [("last drill", ", ".join(parts))]


def _volumes(status: Status) -> str:
    used = int(status.volumes["in_use"])
    kept = ", ".join(str(number) for number in status.volumes["kept"])
    return f"{used} ({volume_name(status.stack, used)})" + (f"; kept: {kept}" if kept else "")
