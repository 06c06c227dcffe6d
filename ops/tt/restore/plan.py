"""What is checked before a restore, and what it will do, in words."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from ops.tt import times
from ops.tt.backup.backups import Backup, Target
from ops.tt.backup.database import Database
from ops.tt.errors import RefusedError, TtError
from ops.tt.host.docker_host import Host
from ops.tt.host.ownership import begin_empty, compare
from ops.tt.operator import Operator
from ops.tt.output import size
from ops.tt.project import NAMESPACE, DataVolumes, Project, volume_name
from ops.tt.restore.unfinished import JOB, has_no_database, refuse_unfinished, volume_exists
from ops.tt.state.update_events import UpdateError

#: What the job needs beside the backup and a tenth of it, for WAL.
ROOM = 256 << 20

#: Where the stack's config has PostgreSQL.
CONFIG = f"{NAMESPACE}:postgres"


@dataclass(frozen=True)
class Plan:
    """A restore that nothing speaks against. `used` is the volume that PostgreSQL is on; None on a new host.

    `empty` are other data volumes that are gone there, and that the restore begins without.
    """

    target: Target
    volume: int
    used: int | None
    backup: Backup | None
    needed: int | None
    free: int | None
    safety: bool
    unsafe_because: str
    also: Sequence[str]
    content: bytes
    now: float
    empty: Sequence[str] = ()


def prepare(operator: Operator, target: Target, *, safety: bool) -> Plan:
    """Looks at everything that could stand in the way of a restore; changes nothing.

    Raises:
        RefusedError: something does; says what, and what to do.
        UnreachableError: Docker, the state or the repository can't be asked.
    """
    project, host = operator.project, operator.host
    volumes = project.volumes()
    refuse_unfinished(operator, volumes)
    operator.engine.check_settled()
    if has_no_database(host, volumes):
        return _prepare_new_host(operator, target, volumes)
    now = time.time()
    live, unsafe_because = None, ""
    try:
        live = operator.database.timeline()
    except TtError as error:
        unsafe_because = str(error)
        if safety:
            # Where it can't be read either, nothing can be restored, with a safety backup or without.
            operator.database.repository()
            raise RefusedError(
                f"no safety backup can be taken of what is there now: {error}. If that is lost anyway, "
                "--without-safety-backup goes on without one; the volume with it is kept all the same"
            ) from None
    backup = operator.database.choose(target, now, live)
    needed, free = check_fits(backup, operator.database)
    number = _next_volume(host, volumes)
    content = _with_restore(operator.project, target, number)
    also = _other_changes(operator, content)
    return Plan(target, number, volumes.used, backup, needed, free, safety, unsafe_because, also, content, now)


def check_fits(backup: Backup, database: Database) -> tuple[int, int]:
    """The bytes that a second copy of the database takes, and those that are free.

    Raises:
        RefusedError: it does not fit.
    """
    needed, free = backup.size + backup.size // 10 + ROOM, database.free()
    if free < needed:
        raise RefusedError(
            f"a second copy of the database takes {size(needed)}, and {size(free)} are free on the Docker host's disk: "
            f"make room first: `./tt volumes list --stack {database.host.stack}` shows whether there is a volume that "
            "is no longer wanted"
        )
    return needed, free


def _prepare_new_host(operator: Operator, target: Target, volumes: DataVolumes) -> Plan:
    gone = compare(operator.project, operator.host, operator.engine.resources()).missing
    begin_empty(operator.project, gone)
    content = _with_restore(operator.project, target, volumes.used)
    _other_changes(operator, content)
    reason = "there is no database here yet"
    empty = [each for each in gone if each != volume_name(operator.project.stack, volumes.used)]
    return Plan(target, volumes.used, None, None, None, None, False, reason, (), content, time.time(), empty)


def _next_volume(host: Host, volumes: DataVolumes) -> int:
    number = volumes.next
    # What was taken out of the config by hand may still be there, with its data.
    while volume_exists(host, number):
        number += 1
    return number


def _with_restore(project: Project, target: Target, number: int) -> bytes:
    settings = {f"{CONFIG}.restore.{key}": value for key, value in target.config.items()}
    return project.edited({f"{CONFIG}.restore.volume": number, **settings})


def _other_changes(operator: Operator, content: bytes) -> list[str]:
    """What the update would change beside the restore: what was edited and is not up yet."""
    with operator.output.work("Checking the change against program and policies"):
        try:
            changes = operator.engine.preview(content)
        except UpdateError as error:
            raise RefusedError(f"the stack's program or its policies refuse it:\n{error}") from None
    own = ("pulumi:pulumi:Stack", f"{NAMESPACE}:components:")
    return [
        f"{operation} {name}"
        for operation, kind, name in changes
        if not kind.startswith(own)
        and not name.startswith((JOB, "postgres-data"))
        and not kind.startswith("pulumi:providers")
    ]


def describe(plan: Plan, project: Project) -> str:
    """What the restore will do and what will be lost by it."""
    lines = [("restore", f"stack {project.stack} ({project.environment}) to {plan.target}")]
    if plan.target.time is not None:
        lines[0] = (lines[0][0], f"{lines[0][1]}, {times.age(plan.target.time.timestamp(), plan.now)}")
    backup = plan.backup
    if backup is not None:
        wal = "" if plan.target.label else ", and the WAL after it"
        taken = times.both(times.at(backup.stop))
        lines.append(("from", f"backup {backup.label} ({backup.type}, {size(backup.size)}, of {taken}){wal}"))
    into = f"data volume {plan.volume} ({volume_name(project.stack, plan.volume)})"
    if plan.used is None:
        lines += [
            ("into", f"{into}, which has no database yet"),
            ("lost", _begun_empty(plan, project.stack) or "nothing: there is no database here"),
            ("safety", "no backup is taken first: there is nothing to back up"),
        ]
    else:
        lines += [
            (
                "into",
                f"{into}, a new one; it takes up to {size(plan.needed or 0)}, and {size(plan.free or 0)} are free",
            ),
            ("lost", _lost(plan)),
            (
                "kept",
                f"data volume {plan.used}, as it is then: `./tt volumes use {plan.used} --stack {project.stack}` goes "
                "back to it",
            ),
            (
                "safety",
                "a backup is taken first"
                if plan.safety
                else f"NO backup is taken first: {plan.unsafe_because or 'as you say'}",
            ),
            ("downtime", "none while the new volume is made; some seconds at the end, when PostgreSQL changes to it"),
        ]
    if plan.also:
        lines.append(("also", "the update brings what is not up yet: " + ", ".join(plan.also)))
    return "\n".join(f"  {title:<9} {text}" for title, text in lines)


def _begun_empty(plan: Plan, stack: str) -> str:
    """What a restore does not bring back."""
    if not plan.empty:
        return ""
    gone = f"what was in {', '.join(plan.empty)}, gone too"
    return f"{gone}: empty ones are made, which `./tt files restore --stack {stack}` fills"


def _lost(plan: Plan) -> str:
    until = "until PostgreSQL changes to the new volume"
    if plan.unsafe_because and plan.target.latest:
        return "what PostgreSQL had not archived when it stopped answering; it stays in the volume that is kept"
    if plan.target.latest:
        return f"what is written from now {until}"
    point = plan.target.time.timestamp() if plan.target.time else plan.backup.stop if plan.backup else plan.now
    return f"everything written after that: the last {times.duration(plan.now - point)}, and what comes {until}"
