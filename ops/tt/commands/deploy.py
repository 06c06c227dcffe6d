"""`tt up`, `tt preview`, `tt down`, `tt purge`, `tt recover`, `tt unlock` and `tt pulumi`."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from ops.tt.commands.state import state_unlock
from ops.tt.errors import RefusedError
from ops.tt.session import ConfirmOption, Session, StackCommand, YesOption, is_given

app = typer.Typer()

OptionsArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="OPTION", help="Options for Pulumi, behind `--`.", show_default=False),
]

#: Pulumi's own variable that answers its questions.
ANSWERED = "PULUMI_SKIP_CONFIRMATIONS"


def check_can_ask(session: Session, *, yes: bool) -> None:
    """Refuses a question where no one can answer it: Pulumi does so late, and names an option of its own."""
    answered = yes or os.environ.get(ANSWERED, "").lower() in ("1", "true", "t")
    if not answered and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise RefusedError(session.output.unanswerable)


@app.command("up", cls=StackCommand)
def up(ctx: typer.Context, options: OptionsArgument = None, yes: YesOption = False) -> int:
    """Bring the stack up, or in line with its config.

    The policies are checked before anything changes. What was stopped or disconnected by hand is started or connected
    again, and what is missing is recreated. It ends with the stack's URL, once that has answered. A machine takes
    `make tools` before, for the engine, and `make images` for a stack that runs the images built here; `make up` does
    all of it. Where Pulumi fails, the exit code is Pulumi's.
    """
    from ops.tt.stack import up as up_

    session: Session = ctx.obj
    check_can_ask(session, yes=yes)
    return up_.up(session.project, session.output, options or (), yes=yes)


@app.command("preview", cls=StackCommand)
def preview(ctx: typer.Context, options: OptionsArgument = None) -> int:
    """Show what `tt up` would change, and what the policies refuse. It needs no Docker.

    Where Pulumi fails, the exit code is Pulumi's.
    """
    from ops.tt.stack import up as up_

    session: Session = ctx.obj
    return up_.preview(session.project, session.output, options or ())


@app.command("down", cls=StackCommand)
def down(ctx: typer.Context, yes: YesOption = False) -> int:
    """Remove the stack's containers and networks.

    Data volumes and their key stay. It is refused where the stack on the host is another state's. Where Pulumi fails,
    the exit code is Pulumi's.
    """
    from ops.tt.stack import removal

    session: Session = ctx.obj
    check_can_ask(session, yes=yes)
    return removal.down(session.project, session.output, yes=yes)


@app.command("purge", cls=StackCommand)
def purge(
    ctx: typer.Context,
    confirm: Annotated[
        str | None,
        typer.Option("--confirm", metavar="STACK", help="The stack's name: don't ask for it.", show_default=False),
    ] = None,
) -> int:
    """Remove the stack with all its data, once its name was typed.

    It is refused where the stack on the host is another state's. Where Pulumi fails, the exit code is Pulumi's.
    """
    from ops.tt.stack import removal

    session: Session = ctx.obj
    return removal.purge(session.project, session.output, confirm)


# The same as `tt state unlock`.
app.command("unlock", cls=StackCommand)(state_unlock)


@app.command("recover", cls=StackCommand)
def recover(ctx: typer.Context, confirm: ConfirmOption = None, yes: YesOption = False) -> None:
    """Go on after an update that was killed.

    Its lock is cleared, if nobody holds it any more. What it was just making is removed, but for volumes, and the state
    is brought in line with what is there. `make up` does the rest.
    """
    from ops.tt.stack import recover as recover_

    session: Session = ctx.obj
    with session.project.lock():
        done = recover_.recover(session.project, session.output, yes=yes, confirm=confirm)
    lines = [f"The lock is cleared of {lock}." for lock in done.locks]
    lines += [f"Removed {name}." for name in done.removed]
    if done.cut_off:
        names = ", ".join(urn.rpartition("::")[2] for urn in done.cut_off)
        lines.append(f"The state is in line again with what is there of: {names}.")
    if lines:
        lines.append(f"`make up STACK={session.stack}` goes on from here.")
    session.output.result(done.asdict(), *(lines or ["There is nothing to recover from."]))


@app.command(
    "pulumi",
    # All that comes behind the name is for Pulumi.
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False, "help_option_names": []},
)
def pulumi(
    ctx: typer.Context,
    arguments: Annotated[
        list[str], typer.Argument(metavar="COMMAND...", help="As `pulumi` takes it.", show_default=False)
    ],
) -> None:
    """Run a command of Pulumi's on a stack.

    It has the state and the passphrase of the stack that --stack names, in any shell, without `. .tools/env`. Options
    and exit codes are Pulumi's.
    """
    from ops.tt.stack import pulumi_command

    session: Session = ctx.obj
    if is_given(ctx.find_root(), "stack"):
        arguments += ["-s", session.stack]
    if session.output.json:
        arguments += ["--json"]
    raise typer.Exit(session.end(lambda: pulumi_command.run(arguments)))
