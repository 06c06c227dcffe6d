"""`tt status`, `tt logs` and `tt audit`."""

from __future__ import annotations

from typing import Annotated

import typer

from ops.tt.errors import Exit, UsageError
from ops.tt.session import Session, StackCommand

app = typer.Typer()


@app.command("status", cls=StackCommand)
def status(ctx: typer.Context) -> Exit:
    """The stack at a glance.

    Services, whether the URL answers and tasks are processed, backups, the last drill, data volumes, the lock of the
    state, and what is wrong in words: exit code 3 if anything is.
    """
    from ops.tt.status import text as status_text
    from ops.tt.status.status import read

    session: Session = ctx.obj
    found = read(session.project)
    session.output.result(found.asdict(), *status_text.show(found))
    return found.code


@app.command("logs", cls=StackCommand)
def logs(
    ctx: typer.Context,
    service: Annotated[str, typer.Argument(metavar="SERVICE", help="The service, as `./tt status` lists it.")] = "api",
    tail: Annotated[int, typer.Option("--tail", metavar="LINES", min=0, help="Lines of the past to begin with.")] = 100,
    follow: Annotated[bool, typer.Option("--follow/--no-follow", help="Go on until Ctrl-C, or end.")] = True,
) -> int:
    """Show the log of a service, and follow it. It has the container's own lines, and no --json."""
    from ops.tt.host.logs import logs

    session: Session = ctx.obj
    if session.output.json:
        raise UsageError("--json: the lines of a log are the container's own")
    try:
        return logs(session.project, service, tail, follow=follow)
    except KeyboardInterrupt:
        return Exit.INTERRUPTED


@app.command("audit", cls=StackCommand)
def audit(ctx: typer.Context) -> int:
    """Check what really runs on the Docker host against the policies.

    Exit codes are those of `python -m policies.audit`.
    """
    from ops.tt.stack import programs

    session: Session = ctx.obj
    return programs.audit(session.project, session.output)
