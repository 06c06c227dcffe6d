"""The data volumes of PostgreSQL: the one in use, and those that were and are kept."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ops.tt.engine import UpdateError
from ops.tt.errors import BrokenError, FailedError, InterruptedWorkError, RefusedError, TtError, UsageError
from ops.tt.host import Host
from ops.tt.leftovers import leftovers, mounted_volume, refuse_leftovers
from ops.tt.operator import Operator
from ops.tt.plan import CONFIG
from ops.tt.project import DataVolumes, Project, volume_name
from ops.tt.restore import Change, Outcome, swap


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


def find(project: Project, volumes: DataVolumes, sizes: Mapping[str, int | None]) -> list[Volume]:
    """The volumes that the config names, by number."""
    states = {**dict.fromkeys(volumes.kept, "kept"), volumes.used: "in use"}
    if volumes.restore is not None:
        states.setdefault(int(volumes.restore["volume"]), "being restored")
    found = []
    for number, state in sorted(states.items()):
        name = volume_name(project.stack, number)
        found.append(Volume(number, name, state if name in sizes else "missing", sizes.get(name)))
    return found


def listed(project: Project, host: Host) -> tuple[list[Volume], Sequence[str]]:
    """The volumes with their sizes, and what is wrong with them, in words."""
    volumes = project.volumes()
    return find(project, volumes, host.volumes()), list(leftovers(project, host, volumes))


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
    volumes = _kept(operator, number)
    refuse_leftovers(operator, volumes)
    operator.engine.check_settled()
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
    outcome = swap(operator, Change(operator), number, confirmed)
    outcome.safety_backup = label
    return outcome


def remove(operator: Operator, number: int) -> None:
    """Deletes a volume that was kept, for good."""
    volumes = _kept(operator, number)
    refuse_leftovers(operator, volumes)
    operator.engine.check_settled()
    name = volume_name(operator.project.stack, number)
    if mounted_volume(operator.host) == name:
        raise RefusedError(f"{name} is in use by PostgreSQL")
    operator.output.note(f"This deletes data volume {number} ({name}) for good. Backups are not touched.")
    operator.confirm()
    change = Change(operator)
    left = [each for each in volumes.kept if each != number]
    content = operator.engine.edited(
        {f"{CONFIG}.kept_volumes[{i}]": str(each) for i, each in enumerate(left)}, removed=[f"{CONFIG}.kept_volumes"]
    )
    with operator.output.work(f"Deleting data volume {number}"):
        change.write(content)
        try:
            operator.engine.unprotect(name)
            operator.engine.up(f"tt: data volume {number} is deleted")
        except UpdateError as error:
            change.undo()
            raise FailedError(f"the volume was not deleted: {error}") from None
        except KeyboardInterrupt:
            raise BrokenError(
                f"interrupted: data volume {number} is out of the config; "
                f"`make up STACK={operator.project.stack}` finishes what was begun"
            ) from None
