"""What the options say that every command has, and how a command ends."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from ops.tt.errors import Exit, TtError
from ops.tt.output import Output
from ops.tt.project import Project

StackOption = Annotated[str, typer.Option("--stack", "-s", help="The stack.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as one JSON document.")]
ProjectOption = Annotated[
    Path | None,
    typer.Option(
        "--project",
        help="Folder of the project. Without it: the current folder if it is one, or else the one that tt is in.",
        show_default=False,
    ),
]

# Options that several commands have.
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")]
SafetyOption = Annotated[
    bool, typer.Option("--without-safety-backup", help="Go on though no backup of what is there now can be taken.")
]
ConfirmOption = Annotated[
    str | None,
    typer.Option(
        "--confirm",
        metavar="STACK",
        help="The stack's name: clear a lock though its holder lives or is on another machine.",
        show_default=False,
    ),
]


@dataclass(frozen=True)
class Session:
    """A command that runs: the stack that it is for, and where its words go."""

    stack: str
    folder: Path | None
    output: Output

    @functools.cached_property
    def project(self) -> Project:
        """The stack's project."""
        return Project.find(self.stack, self.folder)

    def end(self, work: Callable[[], int | None]) -> int:
        """Does the work, and reports why where it ends early; returns the exit code."""
        try:
            code = work() or Exit.DONE
            sys.stdout.flush()
            return code
        except TtError as error:
            self.output.error(str(error), error.code, error.details)
            return error.code
        except KeyboardInterrupt:
            self.output.error("interrupted; nothing was changed", Exit.INTERRUPTED, {})
            return Exit.INTERRUPTED
        except BrokenPipeError:
            # Whoever read the output has gone, such as `head`; what is still buffered has nowhere to go.
            discard_output()
            return Exit.DONE


def discard_output() -> None:
    """What is still buffered of the output, Python would write as it ends, and fail again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def begin(
    ctx: typer.Context, stack: StackOption = "dev", json: JsonOption = False, project: ProjectOption = None
) -> None:
    """The options of `tt` itself, which stand before a command's name."""
    ctx.obj = Session(stack, project, Output(json=json))


def is_given(ctx: Any, name: str) -> bool:  # noqa: ANN401 - the types of contexts and parameters are private to typer
    """Whether an option was on the command line, where a context's command takes it."""
    return bool(ctx.get_parameter_source(name).name == "COMMANDLINE")


class StackCommand(TyperCommand):
    """A command that takes the options of `tt` itself behind its name too, and has a `Session` as `ctx.obj`."""

    def get_params(self, ctx: Any) -> list[Any]:  # noqa: ANN401
        """Its own parameters, those of `tt`, and --help."""
        *own, help_option = super().get_params(ctx)
        return [*own, *ctx.find_root().command.params, help_option]

    def invoke(self, ctx: Any) -> int:  # noqa: ANN401
        """Runs it; returns the exit code."""
        root = ctx.find_root()
        given = {}
        for each in root.command.params:
            value = ctx.params.pop(each.name)
            # One behind the name counts more than one before it.
            given[each.name] = value if is_given(ctx, each.name) else root.params[each.name]
        session = ctx.obj = Session(given["stack"], given["project"], Output(json=given["json"]))
        invoke = super().invoke
        return session.end(lambda: invoke(ctx))
