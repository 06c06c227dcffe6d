"""`tt files`."""

from __future__ import annotations

from typing import Annotated

import typer

from ops.tt.errors import Exit, UsageError
from ops.tt.output import size, table
from ops.tt.session import Session, StackCommand, YesOption

app = typer.Typer(help="Backups of the uploads and of NATS' streams.", no_args_is_help=True)


@app.command("now", cls=StackCommand)
def files_now(ctx: typer.Context) -> None:
    """Take a backup of the uploads and of NATS' streams now.

    Ctrl-C stops the watching: the backup goes on.
    """
    from ops.tt.backup import files
    from ops.tt.host.docker_host import Host

    session: Session = ctx.obj
    saved = files.take(Host(session.project), session.output)
    rows = [(each["id"], each["what"], str(each["files"]), size(each["size"]), size(each["added"])) for each in saved]
    session.output.result({"saved": saved}, table([("ID", "WHAT", "FILES", "SIZE", "ADDED"), *rows]))


@app.command("list", cls=StackCommand)
def files_list(ctx: typer.Context) -> None:
    """The sets of files that can be restored."""
    from ops.tt.backup import files
    from ops.tt.host.docker_host import Host

    session: Session = ctx.obj
    found = [each for each in files.listed(Host(session.project)) if each.what != files.STATE]
    session.output.result({"sets": [each.asdict() for each in found]}, files.set_table(found))


@app.command("verify", cls=StackCommand)
def files_verify(ctx: typer.Context) -> Exit:
    """Read everything in the repository of files and check it. Exit code 3 if something is damaged or missing."""
    from ops.tt.backup import files
    from ops.tt.host.docker_host import Host

    session: Session = ctx.obj
    told = files.verify(Host(session.project), session.output)
    if told["ok"]:
        session.output.result(told, "Everything in the repository of files is as it was written.")
        return Exit.DONE
    rows = [(str(each["file"] or ""), str(each["what"])) for each in told["problems"]]
    session.output.result(told, table([("FILE", "WHAT IS WRONG"), *rows]))
    return Exit.RED


@app.command("restore", cls=StackCommand)
def files_restore(
    ctx: typer.Context,
    uploads: Annotated[str | None, typer.Option("--uploads", metavar="ID", help="Set of uploads, or latest.")] = None,
    nats: Annotated[str | None, typer.Option("--nats", metavar="ID", help="Set of streams, or latest.")] = None,
    yes: YesOption = False,
) -> None:
    """Bring back the uploads, or NATS' streams, as they were in a set.

    What is there now is saved first. Files and streams that came since stay.
    """
    session: Session = ctx.obj
    wanted = {what: label for what, label in (("uploads", uploads), ("nats", nats)) if label is not None}
    if not wanted:
        raise UsageError(
            f"give one of --uploads ID and --nats ID, or both; `./tt files list --stack {session.stack}` has them"
        )
    from ops.tt.operator import Operator
    from ops.tt.restore import files

    with session.project.lock():
        files.restore(Operator(session.project, session.output, yes), wanted)
    session.output.result({"restored": wanted}, f"Restored: {', '.join(wanted)}.")
