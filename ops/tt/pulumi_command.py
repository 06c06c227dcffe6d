"""`tt pulumi`: Pulumi's own commands with the variables of the stack that they are for, in any shell."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from ops.tt.errors import UnreachableError
from ops.tt.project import Project
from toolchain.engine import environment
from toolchain.steps import ROOT, StepError


def stack_of(arguments: Sequence[str]) -> str | None:
    """The stack that a command of Pulumi's names.

    >>> stack_of(["config", "set", "-s", "prod", "a", "b"]), stack_of(["up", "--stack=dev"]), stack_of(["version"])
    ('prod', 'dev', None)
    """
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


def run(arguments: Sequence[str]) -> NoReturn:
    """Has Pulumi take the place of this process, in the project's folder.

    Without a stack among the arguments it is that of the variable STACK, or the one that is selected.

    Raises:
        UnreachableError: this machine is not set up, or the stack's file can't be read.
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
    os.execvp("pulumi", ["pulumi", *arguments])  # noqa: S606 - no shell
