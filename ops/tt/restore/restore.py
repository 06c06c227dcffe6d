"""Restores and swaps of the data volume: how they are done, and how everything that fails goes back."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ops.tt.errors import (
    BrokenError,
    FailedError,
    InterruptedWorkError,
    RefusedError,
    TtError,
    UnreachableError,
    sentence,
)
from ops.tt.operator import Operator
from ops.tt.project import volume_name
from ops.tt.restore.outcome import Outcome
from ops.tt.restore.plan import CONFIG, Plan
from ops.tt.restore.unfinished import abort_command, has_no_database
from ops.tt.restore.watch import Downtime, JobLog, wait_for_backup, wait_for_health
from ops.tt.state.update_events import UpdateError


def execute(operator: Operator, plan: Plan) -> Outcome:
    """Does what `plan` says.

    Raises:
        FailedError: it did not work, and everything is as it was.
        BrokenError: it did not work, and could not be undone.
        InterruptedWorkError: the user stopped it; says how things are.
    """
    confirmed = time.monotonic()
    safety_backup = _secure(operator, plan) if plan.used is not None else None
    change = Change(operator)
    downtime = None
    with change.or_back():
        change.write(plan.content)
        job = _run_job(operator, change, refresh=plan.used is None)
        if plan.used is not None:
            downtime = _swap_in(operator, change, plan.volume)
    rto = time.monotonic() - confirmed
    outcome = Outcome(plan.volume, plan.used, rto, downtime, safety_backup, job)
    if plan.used is None:
        _tidy_new_host(operator, plan.volume)
    else:
        outcome.backup_after = _first_backup(operator, outcome)
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


def swap(operator: Operator, volume: int, confirmed: float) -> Outcome:
    """Has PostgreSQL run on another data volume; the one it was on is kept.

    Raises:
        FailedError: it did not work, and everything is as it was.
        BrokenError: it did not work, and could not be undone.
        InterruptedWorkError: the user stopped it; says how things are.
    """
    change = Change(operator)
    with change.or_back():
        downtime = _swap_in(operator, change, volume)
    outcome = Outcome(volume, change.volumes.used, time.monotonic() - confirmed, downtime)
    outcome.backup_after = _first_backup(operator, outcome)
    return outcome


def _swap_in(operator: Operator, change: Change, volume: int) -> float | None:
    """Changes PostgreSQL to a data volume; the seconds without a database."""
    old = change.volumes.used
    kept = [*(number for number in change.volumes.kept if number != volume), old]
    content = operator.project.edited(
        {f"{CONFIG}.volume": volume, f"{CONFIG}.kept_volumes": kept}, removals=[f"{CONFIG}.restore"]
    )
    with operator.output.work(f"Changing PostgreSQL to volume {volume}") as work:
        downtime = Downtime(operator.host)
        change.write(content)
        change.swapped_in = volume
        with downtime:
            operator.engine.up(
                f"tt: PostgreSQL on data volume {volume}", on_change=lambda op, name: work.say(f"{op} {name}")
            )
            wait_for_health(operator, work)
    return downtime.seconds


def _first_backup(operator: Operator, outcome: Outcome) -> str | None:
    """Waits for the first backup of the new history; its label."""
    try:
        return wait_for_backup(operator)
    except KeyboardInterrupt:
        raise InterruptedWorkError(
            f"interrupted after the change: PostgreSQL is on data volume {outcome.volume}, volume {outcome.kept} is "
            f"kept, and {operator.project.config_file.name} has changed: commit it. The first backup of the new "
            f"history is taken by itself, and `./tt status --stack {operator.project.stack}` shows it"
        ) from None


class Change:
    """A change of the stack's config file, with the way back."""

    def __init__(self, operator: Operator) -> None:
        self._operator = operator
        self._before = operator.project.config_file.read_bytes()
        self.volumes = operator.project.volumes()
        self._new_host = has_no_database(operator.host, self.volumes)
        self.swapped_in: int | None = None
        """The data volume that is in use when all goes well; else it is given up."""

    def write(self, content: bytes) -> None:
        """Writes the config file."""
        self._operator.project.write(content)

    def undo(self) -> None:
        """Puts the config file back, byte for byte."""
        # On a disk that is full it can be read and not written.
        if self._operator.project.config_file.read_bytes() != self._before:
            self.write(self._before)

    @contextlib.contextmanager
    def or_back(self, then: str = "") -> Iterator[None]:
        """What fails in the block, or is stopped, is undone: the config file byte for byte, and the stack with it.

        `then` says how things are after that, where they are not as they were.

        Raises:
            FailedError: it failed.
            InterruptedWorkError: the user stopped it.
            BrokenError: it could not be undone.
        """
        then = then or (NO_DATABASE_YET if self._new_host else AS_IT_WAS)
        try:
            yield
        except KeyboardInterrupt:
            self._back("interrupted")
            raise InterruptedWorkError(f"interrupted; {then}") from None
        except (UpdateError, TtError) as error:
            self._back(str(error))
            raise FailedError(f"{error}\n{sentence(then)}") from None
        except BaseException:
            self._back("an error in tt itself")
            raise

    def _back(self, reason: str) -> None:
        operator, volume = self._operator, self.swapped_in
        operator.output.note("It did not work: putting things back ...")
        try:
            self.undo()
            if self._new_host:
                # There is nothing to go back to, and an update would begin with an empty database.
                return
            if volume is not None and volume not in self.volumes.kept:
                operator.engine.unprotect(volume_name(operator.project.stack, volume))
            operator.engine.up("tt: back to what was before", heed=False)
        except (UpdateError, TtError, KeyboardInterrupt) as error:
            rest = (
                f"`make up STACK={operator.project.stack}` goes back to what {operator.project.config_file.name} says; "
                "`git diff` shows whether that is as it was"
                if volume is None or volume in self.volumes.kept
                else f"{abort_command(operator.project)} goes on with that, and keeps data volume {volume}"
            )
            # Without the advice of the program, which does not know what was going on.
            what = str(error).partition(". Nothing was changed.\n")[0] or "interrupted"
            raise BrokenError(
                f"{reason}\nPutting things back failed too: {what}\nOnce the cause is gone, {rest}"
            ) from None


AS_IT_WAS = "the running system and its config are as they were before"
NO_DATABASE_YET = (
    "the config is as it was before, and there is no database here yet. What the update has made stays, and the same "
    "command goes on with it"
)


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


def _tidy_new_host(operator: Operator, volume: int) -> None:
    """Takes the finished job out of the config of a stack that was made from backups."""
    left = (
        f"PostgreSQL is on data volume {volume}, with what was restored, and only the finished job is still there: "
        f"{abort_command(operator.project)} takes it away"
    )

    def write() -> None:
        operator.project.write(operator.project.edited({}, removals=[f"{CONFIG}.restore"]))

    take_job_away(operator, write, "tt: the restore is done", left)


def take_job_away(operator: Operator, write: Callable[[], None], message: str, left: str) -> None:
    """Takes a finished job out of the config, by `write`, and out of the stack; `left` says how things are before.

    Raises:
        InterruptedWorkError: the user stopped it.
    """
    try:
        write()
        with operator.output.work("Taking the finished job away"):
            operator.engine.up(message)
    except KeyboardInterrupt:
        raise InterruptedWorkError(f"interrupted: {left}") from None
    except (UpdateError, TtError) as error:
        operator.output.warn(f"{error}\n{sentence(left)}")
