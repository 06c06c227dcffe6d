"""`tt pulumi`."""

from __future__ import annotations

from typing import Annotated

import typer

from ops.tt.session import Session, is_given

app = typer.Typer()


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
