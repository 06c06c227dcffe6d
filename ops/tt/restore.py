"""Restores and swaps of the data volume: how they are done, and how everything that fails goes back."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ops.tt import times
from ops.tt.engine import UpdateError
from ops.tt.errors import BrokenError, FailedError, InterruptedWorkError, RefusedError, TtError, UnreachableError
from ops.tt.host import answering
from ops.tt.leftovers import JOB, mounted_volume, volume_exists
from ops.tt.locks import LockedError
from ops.tt.operator import Operator
from ops.tt.plan import CONFIG, Plan
from ops.tt.project import volume_name
from ops.tt.watch import Downtime, JobLog, wait_for_backup, wait_for_health

#: What belongs to a restore that is under way, in a URN.
RESTORED = re.compile(r"components:Restore\b|::postgres-data-\d+$")


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
            wait_for_health(operator, work)
    rto = time.monotonic() - confirmed
    outcome = Outcome(volume, old, rto, downtime.seconds)
    outcome.backup_after = wait_for_backup(operator)
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
                operator.engine.unprotect(volume_name(operator.project.stack, volume))
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
            if refresh:
                # Else the state takes volumes to be there that are not, and Docker makes empty ones.
                operator.engine.refresh()
            operator.engine.up("tt: restore into a new data volume", on_interrupt=log.kill)
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
