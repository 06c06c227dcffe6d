"""`tt restore --abort`: how a restore that was cut off goes back, or what it takes to go on where it can't."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ops.tt.errors import BrokenError, InterruptedWorkError, RefusedError, TtError, sentence
from ops.tt.host.differences import Kind, differences
from ops.tt.host.docker_host import answering
from ops.tt.host.ownership import compare, refuse_strangers
from ops.tt.operator import Operator
from ops.tt.project import FIRST_VOLUME, volume_name
from ops.tt.restore.half_made import half_made, remove
from ops.tt.restore.plan import CONFIG
from ops.tt.restore.unfinished import (
    JOB,
    POSTGRES,
    RESTORED,
    abort_command,
    finish_commands,
    is_put_back,
    mounted_volume,
    restored_volume,
    volume_exists,
)
from ops.tt.state.location import clear, clearable, state_location
from ops.tt.state.update_events import UpdateError
from stackfile.editing import Value

NOTHING = "There is no restore to take back."


def abort(operator: Operator) -> str:
    """Takes back a restore that was cut off; returns what was done, in words.

    Until PostgreSQL's container has the restored volume, it has lost nothing and goes back. After that, what was
    written since is in that volume alone.

    Raises:
        RefusedError: an update is under way, or PostgreSQL is on the restored volume already. Nothing was changed.
        BrokenError: it failed; says what to do.
        InterruptedWorkError: the user stopped it; says what to do.
    """
    locks = clearable(state_location(operator.project), None)
    volumes = operator.project.volumes()
    expected = volume_name(operator.project.stack, volumes.used)
    running = mounted_volume(operator.host)
    restored = restored_volume(operator, operator.engine.resources())
    if volumes.restore is not None:
        if int(volumes.restore["volume"]) == volumes.used:
            return _at_first_start(operator, bool(running))
        return _take_back(operator, {}, removed=[f"{CONFIG}.restore"])
    if running is not None and running != expected:
        number = _number(operator, running)
        if is_put_back(operator.project.stack, volumes, running) and volume_exists(operator.host, volumes.used):
            return _back_from(operator, number)
        return _stay_on(operator, number, to_restored=restored == expected)
    if restored == expected and running is not None:
        raise RefusedError(_too_late(operator))
    if restored == expected and volumes.kept:
        return _stay_on(operator, volumes.kept[-1], to_restored=True)
    cut_off = operator.engine.cut_off()
    if restored not in (None, expected) or (cut_off and all(RESTORED.search(urn) for urn in cut_off)):
        # It was taken back, and that was cut off.
        return _take_back(operator, {}, removed=[])
    if locks or cut_off:
        return f"{NOTHING} An update was cut off: {finish_commands(operator.project)} finish it."
    kept = f"; {_volumes(operator, 'use', volumes.kept[-1])} goes back to the one before" if volumes.kept else ""
    return f"{NOTHING} PostgreSQL is on data volume {volumes.used}{kept}." if running else NOTHING


def _number(operator: Operator, volume: str) -> int:
    text = volume.removeprefix(volume_name(operator.project.stack, FIRST_VOLUME)).removeprefix("-")
    return int(text) if text else FIRST_VOLUME


def _volumes(operator: Operator, command: str, number: int) -> str:
    """The command that changes to a data volume, or deletes it."""
    return f"`./tt volumes {command} {number} --stack {operator.project.stack}`"


def _too_late(operator: Operator) -> str:
    project, volumes = operator.project, operator.project.volumes()
    back = f", and after that {_volumes(operator, 'use', volumes.kept[-1])} goes back" if volumes.kept else ""
    return (
        f"PostgreSQL is on data volume {volumes.used} already, with what was restored, and what is written since is in "
        f"it alone: that is not taken back here. {finish_commands(project)} finish the change{back}"
    )


def _stay_on(operator: Operator, number: int, *, to_restored: bool) -> str:
    """Has the config name the data volume that PostgreSQL is or was on; the one that the config names is kept.

    Where that was not restored just now, it may be the one that was in use before: as a change back was cut off.
    """
    volumes = operator.project.volumes()
    kept = [*(each for each in volumes.kept if each != number), volumes.used]
    if not to_restored:
        done = _use(operator, number, kept, "The change of volumes is stopped")
        return f"{done} Data volume {volumes.used} is kept: {_volumes(operator, 'use', volumes.used)} changes to it."
    done = _use(operator, number, kept, "The restore is taken back")
    return (
        f"{done} Data volume {volumes.used}, which it was to change to, is kept: "
        f"{_volumes(operator, 'remove', volumes.used)} deletes it."
    )


def _back_from(operator: Operator, number: int) -> str:
    """Has PostgreSQL go back to the data volume that the config names; what was written on the other one is kept.

    Not at the end where there are others, so that a second `--abort` goes on with it.
    """
    volumes = operator.project.volumes()
    kept = [number, *(each for each in volumes.kept if each != number)]
    done = _use(operator, volumes.used, kept, "The restore is taken back")
    return (
        f"{done} Data volume {number}, with what was restored and what was written since, is kept: "
        f"{_volumes(operator, 'remove', number)} deletes it."
    )


def _use(operator: Operator, number: int, kept: Sequence[int], done: str) -> str:
    return _take_back(
        operator,
        {f"{CONFIG}.volume": number, f"{CONFIG}.kept_volumes": kept},
        removed=[],
        done=done,
    )


def _at_first_start(operator: Operator, has_server: bool) -> str:
    """Takes a restore out of the config that PostgreSQL's first start waits for, or waited for."""
    asked = [f"{CONFIG}.restore"]
    if has_server:
        return _take_back(operator, {}, removed=asked, done="The restore was finished, and its job is taken away")
    _stop_job(operator)
    operator.project.write(operator.project.edited({}, removals=asked))
    return (
        "The restore is out of the config. There is no database here: the next `up` would begin with an empty "
        f"one, and `./tt restore --latest --stack {operator.project.stack}` with the backups."
    )


def _take_back(
    operator: Operator, changes: dict[str, Value], *, removed: list[str], done: str = "The restore is taken back"
) -> str:
    """Changes the config, and updates the stack to it; says what came of it."""
    before = operator.host.find(POSTGRES)
    made = half_made(operator)
    if made:
        refuse_strangers(operator.project, operator.host, operator.engine.resources())
    content = operator.project.edited(changes, removed) if changes or removed else None
    with _going_on(operator), operator.output.work("Taking the restore back"):
        _stop_job(operator)
        if content is not None:
            operator.project.write(content)
        location = state_location(operator.project)
        clear(location, clearable(location, None))
        # Their names would be in the way.
        remove(made, [])
        _take_from_state(operator)
        operator.engine.up("tt: restore taken back")
        # Of what was just being made or removed the state knows nothing more.
        if operator.engine.cut_off():
            operator.engine.clear_cut_off()
        _remove_unknown(operator)
    after = operator.host.find(POSTGRES)
    used = operator.project.volumes().used
    if after is None:
        return f"{done}. PostgreSQL has no container: `make up STACK={operator.project.stack}`."
    touched = "was not touched" if before is not None and before.id == after.id else "has a new container"
    return f"{done}: PostgreSQL is on data volume {used}, and {touched}."


def _take_from_state(operator: Operator) -> None:
    """Takes from the state what the update had deleted as it was cut off: what is in the state is not made again.

    Data volumes that are gone stay in it: the program refuses to go on without them, and has the words for it.
    """
    resources = operator.engine.resources()
    if any(each.kind is Kind.MISSING for each in differences(operator.host, resources)):
        operator.engine.refresh(compare(operator.project, operator.host, resources).missing)


@contextmanager
def _going_on(operator: Operator) -> Iterator[None]:
    """Says of what fails, or is stopped, in the block how it goes on."""
    rest = f"the restore is not taken back yet: {abort_command(operator.project)} goes on"
    try:
        yield
    except (UpdateError, TtError) as error:
        raise BrokenError(f"{error}\n{sentence(rest)}") from None
    except KeyboardInterrupt:
        raise InterruptedWorkError(f"interrupted; {rest}") from None


def _stop_job(operator: Operator) -> None:
    job = operator.host.find(JOB)
    if job is not None and job.status == "running":
        with answering():
            job.kill()


def _remove_unknown(operator: Operator) -> None:
    """Removes the job's containers that no state knows, whose names would be in the way of the next restore."""
    with answering():
        for container in operator.host.containers(service=JOB):
            container.remove(force=True)
