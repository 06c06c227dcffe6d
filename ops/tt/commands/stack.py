"""`tt stack`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ops.tt.errors import UsageError
from ops.tt.project import Project
from ops.tt.session import Session, StackCommand

app = typer.Typer(help="Stacks of your own.", no_args_is_help=True)


@app.command("new", cls=StackCommand)
def stack_new(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its name, such as demo.")],
    like: Annotated[str, typer.Option("--like", metavar="STACK", help="The stack whose config it gets.")] = "dev",
    passphrase_file: Annotated[
        Path | None,
        typer.Option(
            "--passphrase-file",
            metavar="FILE",
            help="The file with its passphrase, which is made if there is none. Without it: that of "
            "TASKTRACKER_PASSPHRASE_FILE, or ~/.config/tasktracker/NAME-passphrase.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Make the config of a new stack from that of another one.

    It gets subnets and ports that are free on the Docker host and in the other stacks' files, and a passphrase. What
    belongs to the other stack alone is not copied: its secrets, domain, volumes and backups. Nothing is brought up:
    `make up STACK=NAME` does that. Exit code 4 if there is such a stack, or something of one.
    """
    from ops.tt.stack import new_stack

    session: Session = ctx.obj
    if session.stack != "dev":
        raise UsageError("tt stack new takes the new stack's name as NAME, and the one to copy as --like")
    project = Project.find(like, session.folder)
    with project.lock():
        made = new_stack.make(project.folder, name, project, passphrase_file)
    session.output.result(made.asdict(), *made.lines())
