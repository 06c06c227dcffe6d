"""`tt pulumi`: Pulumi's own commands with the variables of the stack that they are for, in any shell."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from ops import pulumi_cli
from ops.tt.errors import UnreachableError, UsageError
from ops.tt.project import Project
from ops.tt.state.location import state_location
from ops.tt.state.locks import LockedError
from toolchain.process.steps import ROOT, StepError
from toolchain.pulumi_engine.engine import environment
from toolchain.pulumi_engine.environment import BACKEND

#: Commands of Pulumi's that take the lock of the state.
LOCKING = ("up", "update", "destroy", "down", "dn", "refresh", "import", "watch", "state")


#: Commands of `pulumi stack` that take the name of a stack.
NAMING = ("init", "rm", "remove", "select")


def stack_of(arguments: Sequence[str]) -> str | None:
    """The stack that a command of Pulumi's names.

    >>> stack_of(["config", "set", "-s", "prod", "a", "b"]), stack_of(["up", "--stack=dev"]), stack_of(["version"])
    ('prod', 'dev', None)
    >>> stack_of(["stack", "init", "prod"]), stack_of(["stack", "rm", "--yes", "dev"]), stack_of(["stack", "ls"])
    ('prod', 'dev', None)
    """
    return _option(arguments) or _argument(arguments)


def _argument(arguments: Sequence[str]) -> str | None:
    """The stack that a command names without an option."""
    words = [each for each in arguments if not each.startswith("-")]
    return words[2] if len(words) == 3 and words[0] == "stack" and words[1] in NAMING else None


def _option(arguments: Sequence[str]) -> str | None:
    """The stack that the option of a command names."""
    rest = iter(arguments)
    for argument in rest:
        if argument == "--":
            break
        if argument in ("-s", "--stack"):
            return next(rest, None)
        if argument.startswith("--stack="):
            return argument.partition("=")[2]
        if argument.startswith("-s"):
            return argument.removeprefix("-s").removeprefix("=")
    return None


def takes_lock(arguments: Sequence[str]) -> bool:
    """Whether a command of Pulumi's changes the state, so that a lock is in its way.

    >>> takes_lock(["-s", "prod", "up"]), takes_lock(["state", "unprotect"]), takes_lock(["config", "get", "up"])
    (True, True, False)
    """
    words = [
        each
        for each, last in zip(arguments, ["", *arguments], strict=False)
        if not each.startswith("-") and last not in ("-s", "--stack", "-C", "--cwd")
    ]
    return bool(words) and (words[0] in LOCKING or words[:2] == ["stack", "import"])


def _refuse_locked(project: Project) -> None:
    """Says whose the lock is and what to do, in place of Pulumi's advice to delete it.

    Raises:
        LockedError: somebody has it.
    """
    # A backend that can't be asked here: Pulumi itself has the words.
    with contextlib.suppress(UsageError, UnreachableError):
        if found := state_location(project, os.environ[BACKEND]).locks():
            raise LockedError(project.stack, found)


def run(arguments: Sequence[str]) -> NoReturn:
    """Has Pulumi take the place of this process, in the project's folder.

    Without a stack among the arguments it is that of the variable STACK, or the one that is selected.

    Raises:
        UnreachableError: this machine is not set up, or the stack's file can't be read.
        LockedError: the command would change the state, and somebody has its lock.
    """
    stack = stack_of(arguments) or os.environ.get("STACK")
    if not any((folder / "Pulumi.yaml").exists() for folder in (Path.cwd(), *Path.cwd().parents)):
        os.chdir(ROOT)
    config = None
    if stack:
        # The file of a stack may be lost: this command is what removes such a stack.
        project = Project(ROOT, stack)
        config = project.config_file
        if config.exists():
            Project.find(stack, ROOT)
        if stack_of(arguments) is None:
            os.environ["PULUMI_STACK"] = stack
    try:
        os.environ.update(environment(config))
    except StepError as error:
        raise UnreachableError(str(error)) from None
    if stack and takes_lock(arguments):
        _refuse_locked(Project(ROOT, stack))
    pulumi_cli.replace(arguments)
