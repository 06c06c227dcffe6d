"""`tt scratch`."""

from __future__ import annotations

from typing import Annotated

import typer

from ops.tt.errors import UsageError
from ops.tt.output import table
from ops.tt.session import Session, StackCommand

app = typer.Typer(help="Servers made by `./tt restore --into`.", no_args_is_help=True)


@app.command("list", cls=StackCommand)
def scratch_list(ctx: typer.Context) -> None:
    """The scratch servers."""
    from ops.tt.host.docker_host import Host
    from ops.tt.restore import scratch

    session: Session = ctx.obj
    found = scratch.listed(Host(session.project))
    rows = [(each["name"], each["container"], each["state"]) for each in found]
    session.output.result({"scratch": found}, table([("NAME", "CONTAINER", "STATE"), *rows]))


@app.command("remove", cls=StackCommand)
def scratch_remove(
    ctx: typer.Context,
    name: Annotated[str | None, typer.Argument(metavar="NAME", show_default=False)] = None,
    all_: Annotated[bool, typer.Option("--all", help="All of the stack, as `make purge` does.")] = False,
) -> None:
    """Remove one with its data, or all."""
    from ops.tt.host.docker_host import Host
    from ops.tt.restore import scratch

    session: Session = ctx.obj
    if (name is None) is not all_:
        raise UsageError(f"give one of NAME and --all; `./tt scratch list --stack {session.stack}` has the names")
    if name is None:
        names = scratch.remove_all(Host(session.project))
        lines = [f"The scratch '{each}' is gone." for each in names] or ["There is no scratch."]
        session.output.result({"removed": names}, *lines)
        return
    scratch.remove(Host(session.project), name)
    session.output.result({"removed": name}, f"The scratch '{name}' is gone.")
