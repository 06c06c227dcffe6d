"""`tt down` and `tt purge`: what of a stack goes, and the checks before anything does."""

from __future__ import annotations

import sys

from ops.tt.errors import RefusedError
from ops.tt.host.docker_host import Host
from ops.tt.host.ownership import Compared, compare
from ops.tt.output import Output
from ops.tt.project import Project
from ops.tt.restore import scratch
from ops.tt.stack.attached import pulumi
from ops.tt.stack.steps import Steps
from ops.tt.state.engine import Engine
from ops.tt.state.obstacles import obstacles
from toolchain.targets.purge import left

CHECKS = ("checking whose the volumes are", "checking the lock of the state")
DOWN = (*CHECKS, "removing containers and networks")
PURGE = (*CHECKS, "removing scratch servers", "allowing the data to be deleted", "deleting the stack with its data")

#: Has Pulumi ask nothing.
ANSWERED = ("--yes", "--skip-preview")


def down(project: Project, output: Output, *, yes: bool) -> int:
    """Removes the stack's containers and networks; data volumes and their key stay. Returns Pulumi's exit code.

    Raises:
        RefusedError: what is on the host is another state's, or an update is under way. Nothing was changed.
        InterruptedWorkError: it was interrupted; says what was done.
    """
    steps = Steps(project.stack, DOWN, first_change=len(CHECKS))
    with steps.reported():
        for each in _check(project, steps).forgotten_notes:
            output.note(each)
        answered = ANSWERED if yes else ()
        code = pulumi(project, output, "destroy", "--exclude-protected", *answered, steps=steps).code
    if not code:
        output.result({"stack": project.stack, "down": True})
    return code


def purge(project: Project, output: Output, confirm: str | None) -> int:
    """Removes the stack with all its data, once the user has typed its name; returns Pulumi's exit code.

    Raises:
        RefusedError: another name was given; what is on the host is another state's; or an update is under way.
            Nothing was changed.
        InterruptedWorkError: it was interrupted; says what was done.
    """
    stack = project.stack
    steps = Steps(stack, PURGE, first_change=len(CHECKS))
    _confirm(stack, output, confirm)
    with steps.reported():
        compared = _check(project, steps)
        # No state has these, and they are copies of the database.
        for name in scratch.remove_all(Host(project)):
            output.note(f"The scratch '{name}' is gone.")
        steps.next()
        if code := pulumi(project, output, "state", "unprotect", "--all", "--yes", steps=steps).code:
            return code
        steps.next()
        if code := pulumi(project, output, "destroy", *ANSWERED, steps=steps).code:
            return code
    rest = [*(note.removeprefix("left: ") for note in compared.forgotten_notes), *left(stack)]
    lines = [f"==> The data of '{stack}' is deleted", *(f"    left: {each}" for each in rest)]
    output.result({"stack": stack, "purged": True, "left": rest}, *lines)
    return 0


def _confirm(stack: str, output: Output, confirm: str | None) -> None:
    if confirm is None and sys.stdin.isatty():
        output.confirm(f"This deletes all data of the stack '{stack}'. Type its name to go on:", stack, yes=False)
    elif confirm != stack:
        raise RefusedError(f"nothing was deleted: `./tt purge --stack {stack} --confirm {stack}` would")


def _check(project: Project, steps: Steps) -> Compared:
    """Refuses where an older state, or another clone's, would take down half of what runs, or an update is under way.

    Pulumi itself would advise to delete the lock's file.
    """
    compared = compare(project, Host(project), Engine(project).resources())
    compared.check()
    steps.next()
    if problems := obstacles(project):
        raise RefusedError("\n".join(problems))
    steps.next()
    return compared
