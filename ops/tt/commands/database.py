"""`tt database`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from ops.tt import times
from ops.tt.errors import Exit
from ops.tt.output import size, table
from ops.tt.session import Session, StackCommand

app = typer.Typer()


@app.command("drill", cls=StackCommand)
def drill(ctx: typer.Context) -> Exit:
    """Prove that the backups can be restored.

    The latest state is restored beside PostgreSQL, checked and thrown away. Exit code 3 if it can't be. Ctrl-C
    stops the watching: the drill goes on.
    """
    from ops.tt.backup import drill as drill_
    from ops.tt.host.docker_host import Host

    session: Session = ctx.obj
    done = drill_.take(Host(session.project), session.output)
    session.output.result(dict(done), table(drill_.rows(done)))
    return Exit.DONE if done.get("ok") else Exit.RED


@app.command("dump", cls=StackCommand)
def dump(
    ctx: typer.Context,
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="The file to write; <stack>-<time>.dump without it.", show_default=False),
    ] = None,
) -> None:
    """Write the database to a portable file.

    In pg_dump's custom format, for pg_restore. The file is there when it is whole, or not there.
    """
    from ops.tt.backup import dump as dump_
    from ops.tt.host.docker_host import Host

    session: Session = ctx.obj
    path = file or Path(f"{session.stack}-{times.at(time.time()):%Y%m%dT%H%M%SZ}.dump")
    done = dump_.take(Host(session.project), path, session.output)
    document = {"file": str(done.path.resolve()), "bytes": done.bytes, "sha256": done.sha256}
    session.output.result(document, f"{done.path}: {size(done.bytes)}; read back to its end.")
