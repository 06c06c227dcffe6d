"""The data volumes of PostgreSQL: the one in use, and those that were and are kept."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ops.tt.errors import BrokenError, FailedError, InterruptedWorkError, RefusedError, TtError, UsageError
from ops.tt.host.docker_host import Host
from ops.tt.host.ownership import compare
from ops.tt.host.volume_check import has_cluster, problem_of
from ops.tt.operator import Operator
from ops.tt.project import DataVolumes, Project, volume_name
from ops.tt.restore.outcome import Outcome
from ops.tt.restore.plan import CONFIG
from ops.tt.restore.restore import Change, swap
from ops.tt.restore.unfinished import mounted_volume, refuse_unfinished, unfinished_operations, volume_exists
from ops.tt.state.update_events import UpdateError


@dataclass(frozen=True)
class Volume:
    """A data volume. `size` is in bytes, None where Docker doesn't know it, as of one that is not there."""

    number: int
    name: str
    state: str
    size: int | None

    def asdict(self) -> dict[str, Any]:
        """For `--json`."""
        return asdict(self)


def find(
    project: Project, volumes: DataVolumes, sizes: Mapping[str, int | None], empty: Collection[str] = ()
) -> list[Volume]:
    """The volumes that the config names, by number; those of `empty` have no database in them."""
    states = {**dict.fromkeys(volumes.kept, "kept"), volumes.used: "in use"}
    if volumes.restore is not None:
        states.setdefault(int(volumes.restore["volume"]), "being restored")
    found = []
    for number, state in sorted(states.items()):
        name = volume_name(project.stack, number)
        shown = f"{state}, no database in it" if name in empty else state
        found.append(Volume(number, name, shown if name in sizes else "missing", sizes.get(name)))
    return found


def listed(project: Project, host: Host) -> tuple[list[Volume], Sequence[str]]:
    """The volumes with their sizes, and what is wrong with them, in words."""
    volumes = project.volumes()
    names = [volume_name(project.stack, number) for number in (volumes.used, *volumes.kept)]
    empty = [name for name in names if has_cluster(host, name) is False]
    return find(project, volumes, host.volumes(), empty), list(unfinished_operations(project, host, volumes))


def _kept(operator: Operator, number: int) -> DataVolumes:
    """The volumes, after a check that `number` is one that is kept.

    Raises:
        UsageError: it is not; names those that are.
    """
    volumes = operator.project.volumes()
    if number not in volumes.kept:
        kept = ", ".join(map(str, volumes.kept)) or "none"
        used = " is in use" if number == volumes.used else " is not kept"
        raise UsageError(f"data volume {number}{used}; those kept are: {kept}")
    return volumes


def use(operator: Operator, number: int, *, safety: bool) -> Outcome:
    """Has PostgreSQL go back to a volume that was kept."""
    refuse_unfinished(operator, operator.project.volumes())
    volumes = _kept(operator, number)
    operator.engine.check_settled()
    refuse_empty(operator, number)
    name, stack = volume_name(operator.project.stack, number), operator.project.stack
    operator.output.note(
        f"  change   PostgreSQL of stack {stack} ({operator.project.environment}) goes to volume {number}, {name}\n"
        f"  lost     nothing is deleted, but what was written since {number} was left is not in it\n"
        f"  kept     data volume {volumes.used}, as it is then\n"
        f"  safety   {'a backup is taken first' if safety else 'NO backup is taken first, as you say'}\n"
        "  downtime some seconds"
    )
    operator.confirm()
    confirmed = time.monotonic()
    label = None
    if safety:
        try:
            label = operator.database.take_backup("diff", operator.output, "Safety backup", wait=True)
        except TtError as error:
            raise RefusedError(f"{error}. --without-safety-backup goes on without one") from None
        except KeyboardInterrupt:
            raise InterruptedWorkError("interrupted before anything was changed; the backup goes on") from None
    outcome = swap(operator, number, confirmed)
    outcome.safety_backup = label
    return outcome


def refuse_empty(operator: Operator, number: int) -> None:
    """Refuses a volume that PostgreSQL would not find its data in.

    Raises:
        RefusedError: it is gone, or not the state's, or has no database in it.
    """
    project, host = operator.project, operator.host
    compared = compare(project, host, operator.engine.resources())
    compared.check()
    if problem := problem_of(project, host, compared, number):
        raise RefusedError(problem)
    if not volume_exists(host, number):
        raise RefusedError(f"data volume {number} ({volume_name(project.stack, number)}) is not on the Docker host")


def remove(operator: Operator, number: int) -> None:
    """Deletes a volume that was kept, for good.

    Raises:
        FailedError: it was not deleted, and the config is as it was.
        BrokenError: it failed, and not all is as it was; says how.
        InterruptedWorkError: the user stopped it; says how things are.
    """
    volumes = _kept(operator, number)
    refuse_unfinished(operator, volumes)
    operator.engine.check_settled()
    name = volume_name(operator.project.stack, number)
    if mounted_volume(operator.host) == name:
        raise RefusedError(f"{name} is in use by PostgreSQL")
    operator.output.note(f"This deletes data volume {number} ({name}) for good. Backups are not touched.")
    operator.confirm()
    change = Change(operator)
    left = [each for each in volumes.kept if each != number]
    kept = f"{CONFIG}.kept_volumes"
    content = operator.project.edited({kept: left} if left else {}, removals=[] if left else [kept])
    with operator.output.work(f"Deleting data volume {number}"):
        try:
            change.write(content)
            operator.engine.unprotect(name)
            operator.engine.up(f"tt: data volume {number} is deleted")
            if volume_exists(operator.host, number):
                raise FailedError(f"the update went through, and {name} is still on the Docker host")
        except (UpdateError, TtError) as error:
            raise _not_removed(operator, change, number, FailedError, str(error)) from None
        except KeyboardInterrupt:
            raise _not_removed(operator, change, number, InterruptedWorkError, "interrupted") from None


def _not_removed(operator: Operator, change: Change, number: int, kind: type[TtError], reason: str) -> TtError:
    """What became of a volume whose removal failed, or was stopped. One that is still there is kept again."""
    stack = operator.project.stack
    finishes = f"`make up STACK={stack}` finishes what was begun"
    try:
        if not volume_exists(operator.host, number):
            kind = BrokenError if kind is FailedError else kind
            return kind(f"{reason}\nData volume {number} is deleted and out of the config; {finishes}")
    except (TtError, KeyboardInterrupt):
        return BrokenError(f"{reason}\nData volume {number} is out of the config, and may be deleted; {finishes}")
    operator.output.note("It did not work: putting things back ...")
    try:
        change.undo()
        operator.engine.up("tt: the data volume is kept", heed=False)
    except (UpdateError, TtError, KeyboardInterrupt) as error:
        return BrokenError(
            f"{reason}\nData volume {number} was not deleted. "
            f"Putting things back failed too: {str(error) or 'interrupted'}\n"
            f"`make up STACK={stack}` goes back to what {operator.project.config_file.name} says; until then nothing "
            "protects the volume from being deleted"
        )
    return kind(f"{reason}\nData volume {number} was not deleted, and the config is as it was before")
