"""What keeps an update from the state: a lock, or a passphrase that does not fit."""

from __future__ import annotations

from collections.abc import Sequence

from ops.tt.errors import UsageError
from ops.tt.project import Project
from ops.tt.state import passphrase
from ops.tt.state.location import engine_environment, state_location
from ops.tt.state.locks import Lock, LockedError


def locks(project: Project) -> list[Lock]:
    """The locks of the stack's state; none in a backend of which only Pulumi knows how it keeps them."""
    try:
        return state_location(project).locks()
    except UsageError:
        return []


def obstacles(project: Project) -> list[str]:
    """What keeps an update from the state, with what to do: a lock, a passphrase."""
    env = engine_environment(project)
    held = locks(project)
    problems = [str(LockedError(project.stack, held))] if held else []
    if found := passphrase.problem(project, env):
        problems.append(found)
    return problems


def lock_problem(stack: str, found: Sequence[Lock]) -> str | None:
    """What to do about a lock that was left; one of an update that is under way is no problem."""
    error = LockedError(stack, found)
    return str(error) if error.dead else None
