"""`tt status`."""

from __future__ import annotations

import typer

from ops.tt.errors import Exit
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
