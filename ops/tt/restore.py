"""Restores: what is checked before one, what it does, and how everything that fails goes back."""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import docker

from ops.tt import times
from ops.tt.backups import Backup, Repository, Target, choose
from ops.tt.database import POLL, Database, events
from ops.tt.engine import Engine, LockedError, UpdateError, data_volume_urns
from ops.tt.errors import BrokenError, FailedError, InterruptedWorkError, RefusedError, TtError, UnreachableError
from ops.tt.host import Host, answering
from ops.tt.output import Output, Work, size
from ops.tt.project import NAMESPACE, DataVolumes, Project, volume_name

#: The job's service, and the server's.
JOB = "restore"
POSTGRES = "postgres"

#: What the job needs beside the backup and a tenth of it, for WAL.
ROOM = 256 << 20

#: Seconds that all services get to be healthy after a swap, and the sidecar for the first backup after it.
HEALTH_LIMIT = 120
BACKUP_LIMIT = 180

HEALTHY = "healthy"

CONFIG = f"{NAMESPACE}:postgres"

#: What belongs to a restore that is under way, in a URN.
RESTORED = re.compile(r"components:Restore\b|::postgres-data-\d+$")


@dataclass
class Operator:
    """Who wants something of a stack, and all that it takes to do it."""

    project: Project
    output: Output
    yes: bool
    host: Host = field(init=False)
    engine: Engine = field(init=False)
    database: Database = field(init=False)

    def __post_init__(self) -> None:
        self.engine, self.host = Engine(self.project), Host(self.project)
        self.database = Database(self.host)

    def confirm(self) -> None:
        """Asks whether to go on: in dev for a letter, elsewhere for the stack's name."""
        if self.project.environment == "dev":
            self.output.confirm("Go on? [y/N]", None, yes=self.yes)
        else:
            stack = self.project.stack
            self.output.confirm(f"To go on, type the stack's name ({stack}):", stack, yes=self.yes)


@dataclass(frozen=True)
class Plan:
    """A restore that nothing speaks against. `used` is the volume that PostgreSQL is on; None on a new host."""

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


# Before


def prepare(operator: Operator, target: Target, *, safety: bool) -> Plan:
    """Looks at everything that could stand in the way of a restore; changes nothing.

    Raises:
        RefusedError: something does; says what, and what to do.
        UnreachableError: Docker, the state or the repository can't be asked.
    """
    project, host = operator.project, operator.host
    volumes = project.volumes()
    refuse_leftovers(operator, volumes)
    operator.engine.check_settled()
    if not volume_exists(host, volumes.used):
        return _prepare_new_host(operator, target, volumes)
    now = time.time()
    repository = operator.database.repository()
    unsafe_because = ""
    try:
        repository = repository.until(now, operator.database.timeline())
    except TtError as error:
        unsafe_because = str(error)
        if safety:
            raise RefusedError(
                f"no safety backup can be taken of what is there now: {error}. If that is lost anyway, "
                "--without-safety-backup goes on without one; the volume with it is kept all the same"
            ) from None
    backup = choose(target, repository, now)
    needed, free = check_fits(backup, operator.database)
    number = _next_volume(host, volumes)
    content = _with_restore(operator.engine, target, number)
    also = _other_changes(operator, content)
    return Plan(target, number, volumes.used, backup, needed, free, safety, unsafe_because, also, content, now)


def check_fits(backup: Backup, database: Database) -> tuple[int, int]:
    """The bytes that a second copy of the database takes, and those that are free.

    Raises:
        RefusedError: it does not fit, or the image can't have it.
    """
    major = database.major()
    if backup.database_version is not None and backup.database_version != major:
        raise RefusedError(
            f"backup {backup.label} is of PostgreSQL {backup.database_version}, and the stack runs {major}. Restore it "
            f"with an image of PostgreSQL {backup.database_version}, `tt dump` there, and load that with pg_restore"
        )
    needed, free = backup.size + backup.size // 10 + ROOM, database.free()
    if free < needed:
        raise RefusedError(
            f"a second copy of the database takes {size(needed)}, and {size(free)} are free on the Docker host's disk: "
            "make room first, such as with `tt volumes remove` of a volume that is no longer wanted"
        )
    return needed, free


def _prepare_new_host(operator: Operator, target: Target, volumes: DataVolumes) -> Plan:
    content = _with_restore(operator.engine, target, volumes.used)
    _other_changes(operator, content)
    reason = "there is no database here yet"
    return Plan(target, volumes.used, None, None, None, None, False, reason, (), content, time.time())


def refuse_leftovers(operator: Operator, volumes: DataVolumes) -> None:
    """Refuses to begin anew where something is under way, or was cut off.

    Raises:
        RefusedError: says how to go on.
    """
    for problem in leftovers(operator.project, operator.host, volumes):
        raise RefusedError(problem)


def leftovers(project: Project, host: Host, volumes: DataVolumes) -> Iterator[str]:
    """What restores and swaps that were cut off have left, in words, with what to do."""
    stack = f" --stack {project.stack}" if project.stack != "dev" else ""
    job = host.find(JOB)
    if job is not None and job.status == "running":
        yield "a restore is running: wait for its end, or stop it where it was begun (Ctrl-C)"
    elif volumes.restore is not None:
        yield (
            f"a restore into volume {volumes.restore['volume']} was begun and not finished: it stands in "
            f"{project.config_file.name}. `tt restore --abort{stack}` takes it back"
        )
    running = mounted_volume(host)
    expected = volume_name(project.stack, volumes.used)
    if running is not None and running != expected:
        yield (
            f"PostgreSQL runs on {running}, and {project.config_file.name} says {expected}: a swap was cut off. "
            f"`make up STACK={project.stack}` finishes it"
        )


def mounted_volume(host: Host) -> str | None:
    """The Docker volume that PostgreSQL's container has; None where there is no container."""
    container = host.find(POSTGRES)
    if container is None:
        return None
    prefix = volume_name(host.stack, 1)
    return next((m["Name"] for m in container.attrs["Mounts"] if m.get("Name", "").startswith(prefix)), None)


def volume_exists(host: Host, number: int) -> bool:
    """Whether the Docker host has that data volume."""
    with answering():
        try:
            host.client.volumes.get(volume_name(host.stack, number))
        except docker.errors.NotFound:
            return False
    return True


def _next_volume(host: Host, volumes: DataVolumes) -> int:
    number = volumes.next
    # What was taken out of the config by hand may still be there, with its data.
    while volume_exists(host, number):
        number += 1
    return number


def _with_restore(engine: Engine, target: Target, number: int) -> bytes:
    settings = {f"{CONFIG}.restore.{key}": value for key, value in target.config.items()}
    return engine.edited({f"{CONFIG}.restore.volume": str(number), **settings})


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
            ("into", f"{into}, which does not exist here yet"),
            ("lost", "nothing: there is no database here"),
            ("safety", "no backup is taken first: there is nothing to back up"),
        ]
    else:
        lines += [
            (
                "into",
                f"{into}, a new one; it takes up to {size(plan.needed or 0)}, and {size(plan.free or 0)} are free",
            ),
            ("lost", _lost(plan)),
            ("kept", f"data volume {plan.used}, as it is then: `tt volumes use {plan.used}` goes back to it"),
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


def _lost(plan: Plan) -> str:
    until = "until PostgreSQL changes to the new volume"
    if plan.target.latest:
        return f"what is written from now {until}"
    point = plan.target.time.timestamp() if plan.target.time else plan.backup.stop if plan.backup else plan.now
    return f"everything written after that: the last {times.duration(plan.now - point)}, and what comes {until}"


# The work


@dataclass
class Outcome:
    """How a restore or a swap has ended; seconds and instants."""

    volume: int
    kept: int | None
    rto: float
    downtime: float | None
    safety_backup: str | None = None
    job: Mapping[str, Any] = field(default_factory=dict)
    backup_after: str | None = None

    @property
    def recovered_to(self) -> datetime | None:
        """The time of the last transaction that was recovered."""
        told = self.job.get("recovered_to")
        return datetime.fromisoformat(str(told).replace("Z", "+00:00")) if told else None

    def asdict(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "volume": self.volume,
            "kept_volume": self.kept,
            "rto_seconds": round(self.rto, 1),
            "downtime_seconds": None if self.downtime is None else round(self.downtime, 1),
            "safety_backup": self.safety_backup,
            "backup": self.job.get("backup"),
            "recovered_to": times.iso(self.recovered_to) if self.recovered_to else None,
            "backup_after": self.backup_after,
        }


def execute(operator: Operator, plan: Plan) -> Outcome:
    """Does what `plan` says.

    Raises:
        FailedError: it did not work, and everything is as it was.
        BrokenError: it did not work, and could not be undone.
        InterruptedWorkError: the user stopped it, and everything is as it was.
    """
    confirmed = time.monotonic()
    safety_backup = _secure(operator, plan) if plan.used is not None else None
    change = Change(operator)
    with change.or_back():
        change.write(plan.content)
        job = _run_job(operator, change, refresh=plan.used is None)
    if plan.used is None:
        _tidy_new_host(operator)
        return Outcome(plan.volume, None, time.monotonic() - confirmed, None, None, job)
    outcome = swap(operator, change, plan.volume, confirmed)
    outcome.safety_backup, outcome.job = safety_backup, job
    return outcome


def _secure(operator: Operator, plan: Plan) -> str | None:
    """Has in the repository what is in the database now: a backup, and the WAL until this moment."""
    label = None
    try:
        if plan.safety:
            label = operator.database.take_backup("diff", operator.output, "Safety backup", wait=True)
        if plan.safety or not plan.unsafe_because:
            operator.database.archive_all(operator.output)
    except KeyboardInterrupt:
        raise InterruptedWorkError("interrupted before anything was changed; a backup that had begun goes on") from None
    except (FailedError, UnreachableError) as error:
        if plan.safety:
            raise RefusedError(f"{error}. --without-safety-backup goes on without one") from None
        operator.output.warn(str(error))
    return label


def swap(operator: Operator, change: Change, volume: int, confirmed: float) -> Outcome:
    """Has PostgreSQL run on another data volume; the one it was on is kept."""
    project = operator.project
    old = change.volumes.used
    kept = [*(number for number in change.volumes.kept if number != volume), old]
    content = operator.engine.edited(
        {f"{CONFIG}.volume": str(volume), **{f"{CONFIG}.kept_volumes[{i}]": str(n) for i, n in enumerate(kept)}},
        # Set anew, entry by entry.
        removed=[
            *([f"{CONFIG}.restore"] if project.volumes().restore else []),
            *([f"{CONFIG}.kept_volumes"] if change.volumes.kept else []),
        ],
    )
    with change.or_back(volume), operator.output.work(f"Changing PostgreSQL to volume {volume}") as work:
        downtime = Downtime(operator.host)
        change.write(content)
        with downtime:
            operator.engine.up(
                f"tt: PostgreSQL on data volume {volume}", on_change=lambda op, name: work.say(f"{op} {name}")
            )
            _wait_for_health(operator, work)
    rto = time.monotonic() - confirmed
    outcome = Outcome(volume, old, rto, downtime.seconds)
    outcome.backup_after = _wait_for_backup(operator)
    return outcome


class Change:
    """A change of the stack's config file, with the way back."""

    def __init__(self, operator: Operator) -> None:
        self._operator = operator
        self._before = operator.project.config_file.read_bytes()
        self.volumes = operator.project.volumes()
        self._new_host = not volume_exists(operator.host, self.volumes.used)

    def write(self, content: bytes) -> None:
        """Writes the config file."""
        self._operator.project.write(content)

    def undo(self) -> None:
        """Puts the config file back, byte for byte."""
        # On a disk that is full it can be read and not written.
        if self._operator.project.config_file.read_bytes() != self._before:
            self.write(self._before)

    @contextlib.contextmanager
    def or_back(self, volume: int | None = None) -> Iterator[None]:
        """What fails in the block, or is stopped, is undone: the config file byte for byte, and the stack with it.

        `volume` is the one that would have been in use: it is given up.
        """
        try:
            yield
        except KeyboardInterrupt:
            self._back(volume, "interrupted")
            raise InterruptedWorkError(f"interrupted; {AS_IT_WAS}") from None
        except (UpdateError, TtError) as error:
            self._back(volume, str(error))
            raise FailedError(f"{error}\n{AS_IT_WAS.capitalize()}") from None
        except BaseException:
            self._back(volume, "an error in tt itself")
            raise

    def _back(self, volume: int | None, reason: str) -> None:
        operator = self._operator
        operator.output.note("It did not work: putting things back ...")
        try:
            self.undo()
            if self._new_host:
                # There is nothing to go back to, and an update would begin with an empty database.
                return
            if volume is not None and volume not in self.volumes.kept:
                urn = data_volume_urns(operator.engine.resources()).get(volume_name(operator.project.stack, volume))
                if urn is not None:
                    operator.engine.unprotect(urn)
            operator.engine.up("tt: back to what was before", heed=False)
        except (UpdateError, TtError) as error:
            raise BrokenError(
                f"{reason}\nPutting things back failed too: {error}\n"
                f"Once the cause is gone, `make up STACK={operator.project.stack}` goes back to what "
                f"{operator.project.config_file.name} says; `git diff` shows whether that is as it was"
            ) from None


AS_IT_WAS = "the running system and its config are as they were before"


def _run_job(operator: Operator, change: Change, *, refresh: bool) -> Mapping[str, Any]:
    """Updates the stack with the job in it; returns what the job has said at its end."""
    with operator.output.work("Restoring into a new volume") as work, JobLog(operator.host, work) as log:
        try:
            operator.engine.up("tt: restore into a new data volume", refresh=refresh, on_interrupt=log.kill)
        except UpdateError as error:
            log.finish()
            # Without the advice to run `pulumi up` again: the way back comes first.
            reason = log.failure or str(error).partition("\nNothing that depends on it")[0]
            raise FailedError(f"the restore failed: {reason}") from None
        log.finish()
    return log.done


def _tidy_new_host(operator: Operator) -> None:
    """Takes the finished job out of the config of a stack that was made from backups."""
    operator.project.write(operator.engine.edited({}, removed=[f"{CONFIG}.restore"]))
    with operator.output.work("Taking the finished job away"):
        try:
            operator.engine.up("tt: the restore is done")
        except UpdateError as error:
            operator.output.warn(f"the finished job is still there: {error}")


def abort(operator: Operator) -> str:
    """Takes back a restore that was cut off; returns what was done, in words."""
    volumes = operator.project.volumes()
    job = operator.host.find(JOB)
    if volumes.restore is None and job is None and not operator.engine.cut_off():
        return "There is no restore to take back."
    if job is not None and job.status == "running":
        with answering():
            job.kill()
    change = Change(operator)
    if volumes.restore is not None:
        change.write(operator.engine.edited({}, removed=[f"{CONFIG}.restore"]))
        if int(volumes.restore["volume"]) == volumes.used and mounted_volume(operator.host) is None:
            return (
                "The restore is out of the config. There is no database here: the next `up` would begin with an empty "
                "one, and `tt restore --latest` with the backups."
            )
    with operator.output.work("Taking the restore back"):
        try:
            try:
                operator.engine.up("tt: restore taken back")
            except LockedError as locked:
                if not locked.dead:
                    change.undo()
                    raise
                operator.engine.cancel()
                operator.engine.up("tt: restore taken back")
            # Of a resource that was just being made the state knows nothing more; others are somebody else's to judge.
            if (urns := operator.engine.cut_off()) and all(RESTORED.search(urn) for urn in urns):
                operator.engine.clear_cut_off()
            _remove_unknown(operator)
        except UpdateError as error:
            raise BrokenError(
                f"the restore is out of the config, and the update failed: {error}\n"
                f"`make up STACK={operator.project.stack}` tries again"
            ) from None
    return "The restore is taken back; PostgreSQL was not touched."


def _remove_unknown(operator: Operator) -> None:
    """Removes the job's containers that no state knows, whose names would be in the way of the next restore."""
    with answering():
        for container in operator.host.containers(service=JOB):
            container.remove(force=True)


# What is watched meanwhile


class JobLog:
    """Follows the log of the restore job from its start, in a thread: shows progress, and keeps how it ended."""

    def __init__(self, host: Host, work: Work) -> None:
        self._host, self._work = host, work
        self._before = self._id()
        self._stop, self._kill = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self.done: Mapping[str, Any] = {}
        self.failure = ""

    def _id(self) -> str | None:
        container = self._host.find(JOB)
        return container.id if container else None

    def __enter__(self) -> JobLog:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()

    def kill(self) -> None:
        """Ends the job, as soon as it runs."""
        self._work.say("stopping")
        self._kill.set()

    def finish(self) -> None:
        """Reads what is left of the log, after the update."""
        self._stop.set()
        container = self._host.find(JOB)
        if container is not None and container.id != self._before:
            with answering():
                self._read(container.logs(stdout=True, stderr=False))

    def _follow(self) -> None:
        """Looks at the job each second, and at the end of its log: what follows a log can't be told to end."""
        while not self._stop.wait(POLL):
            with contextlib.suppress(TtError, docker.errors.DockerException):
                container = self._host.find(JOB)
                if container is None or container.id == self._before or container.status != "running":
                    continue
                if self._kill.is_set():
                    container.kill()
                self._read(container.logs(stdout=True, stderr=False, tail=5))

    def _read(self, log: bytes) -> None:
        read = events(self._take)
        for line in log.decode(errors="replace").splitlines():
            read(line)

    def _take(self, event: Mapping[str, Any]) -> None:
        match event.get("event"):
            case "progress":
                self._work.percent(float(event.get("percent", 0)))
            case "recovering":
                self._work.say("replaying WAL")
            case "done":
                self.done = dict(event)
            case "failed":
                self.failure = str(event.get("reason", ""))


class Downtime:
    """Counts the seconds between the end of PostgreSQL's old container and the health of its new one."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._ended: float | None = None
        self._back: float | None = None

    def __enter__(self) -> Downtime:
        self._stream = self._host.client.events(
            decode=True,
            filters={"container": self._host.name(POSTGRES), "event": ["die", "health_status"]},
        )
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(Exception):
            self._stream.close()

    @property
    def seconds(self) -> float | None:
        """None where it did not end, or did not come back."""
        return None if self._ended is None or self._back is None else self._back - self._ended

    def _listen(self) -> None:
        # A closed stream ends in whatever error its socket has.
        with contextlib.suppress(Exception):
            for event in self._stream:
                moment, action = event["timeNano"] / 1e9, str(event["Action"])
                if action == "die" and self._ended is None:
                    self._ended = moment
                elif action == "health_status: healthy" and self._ended is not None and self._back is None:
                    self._back = moment


def _wait_for_health(operator: Operator, work: Work) -> None:
    """Waits until no service is unhealthy: those that lost the database for a moment find it again."""
    deadline = time.monotonic() + HEALTH_LIMIT
    while True:
        ill = [
            str(each.labels.get("service"))
            for each in operator.host.containers()
            # What somebody has stopped stays so.
            if each.status == "running" and each.attrs["State"].get("Health", {}).get("Status", HEALTHY) != HEALTHY
        ]
        if not ill:
            return
        if POSTGRES not in ill and time.monotonic() > deadline:
            operator.output.warn(f"not healthy yet: {', '.join(ill)}; `tt status` shows it")
            return
        if time.monotonic() > deadline:
            raise FailedError("PostgreSQL is not healthy on the new volume")
        work.say(f"waiting for {', '.join(ill)}")
        time.sleep(POLL)


def _wait_for_backup(operator: Operator) -> str | None:
    """Waits for the first backup of the new history; until it is there, a restore can't go to times after the swap."""
    with operator.output.work("First backup of the new history"):
        deadline = time.monotonic() + BACKUP_LIMIT
        while time.monotonic() < deadline:
            with contextlib.suppress(TtError):
                timeline = operator.database.timeline()
                found: Repository = operator.database.repository()
                newest = next((each for each in found.good if each.timeline == timeline), None)
                if newest is not None and newest == found.good[0]:
                    return newest.label
            time.sleep(POLL)
    operator.output.warn("there is no backup of the new history yet; it is taken by itself, and `tt status` shows it")
    return None
