"""Where a stack's state is: what belongs to it in its backend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ops.tt.errors import InterruptedWorkError, RefusedError, UnreachableError
from ops.tt.project import Project
from ops.tt.state import locks
from ops.tt.state.locks import Lock, LockedError
from ops.tt.state.store import Store, open_store
from toolchain.process.steps import StepError
from toolchain.pulumi_engine.engine import environment
from toolchain.pulumi_engine.environment import BACKEND


@dataclass(frozen=True)
class StateLocation:
    """A stack in a backend."""

    url: str
    store: Store
    project: str
    stack: str

    @property
    def checkpoint(self) -> str | None:
        """The file with the state, if the backend has the stack; Pulumi may be told to compress it."""
        base = f".pulumi/stacks/{self.project}/{self.stack}.json"
        return next((key for key in self.store.keys(base) if key in (base, f"{base}.gz", f"{base}.zst")), None)

    @property
    def history(self) -> list[str]:
        """The files of its updates: two for each."""
        return self.store.keys(f".pulumi/history/{self.project}/{self.stack}/")

    @property
    def backups(self) -> list[str]:
        """Pulumi's copies of the state, one for each update."""
        return self.store.keys(f".pulumi/backups/{self.project}/{self.stack}/")

    @property
    def tags(self) -> list[str]:
        """The file with its tags, if it has any."""
        key = f".pulumi/stacks/{self.project}/{self.stack}.pulumi-tags"
        return [each for each in self.store.keys(key) if each == key]

    def locks(self) -> list[Lock]:
        """The locks of the stack."""
        return locks.read(self.store, self.project, self.stack)

    def forget(self) -> None:
        """Removes the stack, and first what makes it one."""
        for key in [*filter(None, [self.checkpoint]), *self.tags, *self.history]:
            self.store.delete(key)


def state_location(project: Project, url: str | None = None) -> StateLocation:
    """Where a stack's state is, or would be in the backend `url`.

    Raises:
        UsageError: the backend is neither a folder nor a bucket.
        UnreachableError: this machine is not set up.
    """
    url = url or engine_environment(project)[BACKEND]
    return StateLocation(url, open_store(url), project.name, project.stack)


def engine_environment(project: Project) -> Mapping[str, str]:
    """The variables for Pulumi commands on a stack.

    Raises:
        UnreachableError: this machine is not set up.
    """
    try:
        return environment(project.config_file)
    except StepError as error:
        raise UnreachableError(str(error)) from None


def clearable(location: StateLocation, confirm: str | None) -> list[Lock]:
    """The locks of updates that were killed; changes nothing.

    Raises:
        RefusedError: the holder of one lives, or is on another machine, and `confirm` is not the stack's name; or
            a move of the state has left it.
    """
    found = location.locks()
    for lock in found:
        if lock.target:
            raise RefusedError(
                f"a move of '{location.stack}' to {lock.target} was cut off or is under way ({lock}): "
                f"`make state STACK={location.stack} BACKEND='{lock.target}'` carries on"
            )
    if confirm != location.stack and not all(lock.lives is False for lock in found):
        raise LockedError(location.stack, found)
    return found


def clear(location: StateLocation, found: Sequence[Lock]) -> None:
    """Removes these locks, and no other: one that is new is an update's that runs."""
    for lock in found:
        location.store.delete(lock.key)


def unlock(location: StateLocation, confirm: str | None) -> list[Lock]:
    """Removes the locks of updates that were killed; returns them.

    Raises:
        RefusedError: as `clearable`.
        InterruptedWorkError: the user stopped it in the middle; says which are removed.
    """
    found = clearable(location, confirm)
    cleared: list[Lock] = []
    try:
        for lock in found:
            clear(location, [lock])
            cleared.append(lock)
    except KeyboardInterrupt:
        done = f"cleared of {'; '.join(map(str, cleared))}" if cleared else "not cleared, or just now"
        raise InterruptedWorkError(
            f"interrupted; the lock is {done}. `./tt state show --stack {location.stack}` lists who holds it"
        ) from None
    return found
