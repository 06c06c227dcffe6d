"""`tt backup`."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from ops.tt import times
from ops.tt.backup.backups import Repository, ranges_text
from ops.tt.errors import Exit
from ops.tt.output import size, table
from ops.tt.session import Session, StackCommand

app = typer.Typer(help="Backups of PostgreSQL.", no_args_is_help=True)


@app.command("now", cls=StackCommand)
def backup_now(
    ctx: typer.Context,
    full: Annotated[
        bool, typer.Option("--full", help="All files, not just what changed since the last full one.")
    ] = False,
) -> None:
    """Take a backup now. The first one there is always is a full one.

    Ctrl-C stops the watching: the backup goes on.
    """
    from ops.tt.backup.database import Database
    from ops.tt.errors import InterruptedWorkError
    from ops.tt.host.docker_host import Host

    session: Session = ctx.obj
    database = Database(Host(session.project))
    start = time.monotonic()
    try:
        label = database.take_backup("full" if full else "diff", session.output, "Backup", wait=False)
    except KeyboardInterrupt:
        raise InterruptedWorkError(
            f"the backup goes on in its container, and `./tt status --stack {session.stack}` shows how it ends"
        ) from None
    try:
        taken = next((each for each in database.repository().backups if each.label == label), None)
    except KeyboardInterrupt:
        raise InterruptedWorkError(f"interrupted after the backup: {label} is taken") from None
    seconds = round(time.monotonic() - start, 1)
    text = f"Backup {label} is taken, in {times.duration(seconds)}"
    if taken is not None:
        text += f": {size(taken.size)} of database, {size(taken.repository_size)} stored"
    document = {"label": label, "seconds": seconds, "type": taken.type if taken else None}
    sizes = {"size": taken.size, "repository_size": taken.repository_size} if taken else {}
    session.output.result({**document, **sizes}, text)


@app.command("list", cls=StackCommand)
def backup_list(ctx: typer.Context) -> None:
    """The backups, and what can be restored."""
    from ops.tt.backup.database import Database
    from ops.tt.host.docker_host import Host

    session: Session = ctx.obj
    found = Database(Host(session.project)).repository()
    session.output.result(found.asdict(), *_backup_table(found, time.time()))


def _backup_table(found: Repository, now: float) -> list[Any]:
    rows = [
        (
            each.label,
            each.type,
            times.both(times.at(each.stop)),
            times.age(each.stop, now),
            size(each.size),
            size(each.repository_size),
            str(each.timeline or ""),
            "BAD CHECKSUMS" if each.error else "good",
        )
        for each in sorted(found.backups, key=lambda each: -each.stop)
    ]
    header = ("LABEL", "TYPE", "TAKEN", "AGE", "DATABASE", "STORED", "TIMELINE", "STATE")
    return [table([header, *rows]), "", "What can be restored:", ranges_text(found)]


@app.command("verify", cls=StackCommand)
def backup_verify(ctx: typer.Context) -> Exit:
    """Check everything in the repository.

    It is read and checked against its checksums. Exit code 3 if something is damaged or missing.
    """
    from ops.tt.backup.database import Database
    from ops.tt.host.docker_host import Host

    session: Session = ctx.obj
    told = Database(Host(session.project)).verify(session.output)
    if told["ok"]:
        session.output.result(told, "Everything in the repository is as it was written.")
        return Exit.DONE
    rows = [(str(each["file"]), str(each["what"])) for each in told["problems"]]
    session.output.result(told, table([("FILE", "WHAT IS WRONG"), *rows]))
    return Exit.RED
