"""The way on after an update that was killed: its lock, and what it was just making."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ops.tt.errors import BrokenError, InterruptedWorkError, TtError, sentence
from ops.tt.host.ownership import compare, refuse_strangers
from ops.tt.operator import Operator
from ops.tt.output import Output
from ops.tt.project import Project
from ops.tt.restore.half_made import half_made, remove
from ops.tt.state.location import clear, clearable, state_location
from ops.tt.state.locks import Lock


@dataclass(frozen=True)
class Recovery:
    """What was done: locks that were cleared, resources that were asked after, things on the host that were removed."""

    locks: Sequence[Lock]
    cut_off: Sequence[str]
    removed: list[str]

    def asdict(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "locks": [lock.asdict() for lock in self.locks],
            "cut_off": list(self.cut_off),
            "removed": list(self.removed),
        }


def recover(project: Project, output: Output, *, yes: bool, confirm: str | None) -> Recovery:
    """Clears the lock of a killed update, and brings the state in line with what is there.

    A container or network that was just being made is removed, for the next update makes it: the state doesn't know it,
    and its name would be in the way. So is one that Docker made while the connection to it broke, of which the state
    has no trace at all. Volumes stay, since the next update takes over those that are there.

    Raises:
        RefusedError: another process holds the lock, the stack on the host is another state's, or the user said no.
            Nothing was changed.
        UnreachableError: the state, or the Docker host, does not answer. Nothing was changed.
        BrokenError: it failed in the middle; says what was done.
        InterruptedWorkError: the user stopped it in the middle; says what was done.
    """
    location = state_location(project)
    locks = clearable(location, confirm)
    operator = Operator(project, output, yes)
    urns = operator.engine.cut_off()
    made = half_made(operator)
    if made:
        refuse_strangers(project, operator.host, operator.engine.resources())
        for lock in locks:
            output.note(f"  unlock   the lock of {lock}")
        for each in made:
            output.note(f"  remove   {each.name}, which the state does not know")
        operator.confirm()
    done = Recovery([], [], [])
    try:
        clear(location, locks)
        done = Recovery(locks, urns, [])
        remove(made, done.removed)
        if urns:
            with output.work("Asking what became of it"):
                gone = compare(project, operator.host, operator.engine.resources()).missing
                operator.engine.clear_cut_off(gone)
    except KeyboardInterrupt:
        raise InterruptedWorkError(f"interrupted; {_so_far(project, done)}") from None
    except TtError as error:
        raise BrokenError(f"{error}\n{sentence(_so_far(project, done))}") from None
    return done


def _so_far(project: Project, done: Recovery) -> str:
    """What was done of a recovery that was not finished."""
    steps = ["the lock is cleared"] if done.locks else []
    steps += [f"removed: {', '.join(done.removed)}"] if done.removed else []
    return (
        f"the recovery is not finished ({'; '.join(steps) or 'nothing was removed'}): "
        f"`./tt recover --stack {project.stack}` goes on"
    )
