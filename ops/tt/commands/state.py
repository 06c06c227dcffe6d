"""`tt state`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ops.tt.errors import Exit, UsageError
from ops.tt.output import size
from ops.tt.session import ConfirmOption, Session, StackCommand
from remote import redacted

app = typer.Typer(help="Pulumi's state: where it is, its lock, its backups.", no_args_is_help=True)


@app.command("show", cls=StackCommand)
def state_show(ctx: typer.Context) -> None:
    """Where the state is, and who holds its lock."""
    from ops.tt.state.location import state_location

    session: Session = ctx.obj
    location = state_location(session.project)
    exists, locks = location.checkpoint is not None, location.locks()
    lines = [
        f"The state of '{session.stack}' is in {redacted(location.url)}."
        if exists
        else f"{redacted(location.url)} has no '{session.stack}' yet."
    ]
    lines += [f"  locked   by {lock}" + (", which is dead" if lock.lives is False else "") for lock in locks]
    document = {"backend": location.url, "exists": exists, "locks": [lock.asdict() for lock in locks]}
    session.output.result(document, *lines)


@app.command("check", cls=StackCommand)
def state_check(ctx: typer.Context) -> Exit:
    """Say what keeps an update from the state, and what to do: a lock, a passphrase. Exit code 3 if anything does."""
    from ops.tt.state.obstacles import obstacles

    session: Session = ctx.obj
    problems = obstacles(session.project)
    session.output.result({"problems": problems}, *(f"==> {problem}" for problem in problems))
    return Exit.RED if problems else Exit.DONE


@app.command("unlock", cls=StackCommand)
def state_unlock(ctx: typer.Context, confirm: ConfirmOption = None) -> None:
    """Clear the lock that a killed update has left.

    `tt recover` does it too, and what else there is to do then.
    """
    from ops.tt.state.location import state_location, unlock

    session: Session = ctx.obj
    cleared = unlock(state_location(session.project), confirm)
    lines = [f"The lock is cleared of {lock}." for lock in cleared] or ["Nobody holds the lock."]
    session.output.result({"locks": [lock.asdict() for lock in cleared]}, *lines)


@app.command("move", cls=StackCommand)
def state_move(
    ctx: typer.Context,
    backend: Annotated[
        str,
        typer.Argument(metavar="BACKEND", help="s3://BUCKET[/FOLDER]?region=REGION, file:///FOLDER, or file."),
    ],
    without_versions: Annotated[
        bool, typer.Option("--without-versions", help="Go on though the bucket keeps no earlier versions.")
    ] = False,
) -> None:
    """Move the state to another backend, losing nothing.

    The bucket is checked, the state copied, compared, and kept in a file as well before the old one is removed. No
    update passes meanwhile. Cut off, the same command carries on. `file` is the folder of the project.
    """
    from ops.tt.state.move import Mover

    session: Session = ctx.obj
    if not backend:
        raise UsageError("BACKEND: it is empty, as a variable may be that is not set")
    with session.project.lock():
        done = Mover(session.project, session.output).move(backend, without_versions=without_versions)
    if done.moved:
        lines = [
            f"The state of '{session.stack}' is in {done.backend}: {done.resources} resources, {done.updates} updates."
        ]
    elif done.backend == done.previous:
        lines = [f"The state of '{session.stack}' is in {done.backend} already."]
    else:
        command = f"`make up STACK={session.stack}`"
        lines = [f"There is no state of '{session.stack}' yet: {command} will make it in {done.backend}."]
    if done.kept:
        lines.append(f"  kept     {done.kept}: the state as it was")
    if done.config_changed:
        lines.append(f"{session.project.config_file.name} has changed: commit it.")
    session.output.result(done.asdict(), *lines)


@app.command("save", cls=StackCommand)
def state_save(
    ctx: typer.Context,
    if_possible: Annotated[
        bool,
        typer.Option("--if-possible", help="Do nothing where the state is in no folder or the stack has no backups."),
    ] = False,
) -> None:
    """Save the folder of Pulumi's state in the repository of files. Its secrets are encrypted, by a passphrase that
    is not in it: keep that elsewhere.

    The oldest copies of earlier states are removed from the folder first: Pulumi keeps two for each update, for ever.
    """
    from ops.tt.backup.saved_state import save

    session: Session = ctx.obj
    saved = save(session.project, session.output, if_possible=if_possible)
    if saved is None:
        session.output.result({"saved": False}, "The state is in no folder, or the stack has no backups: not saved.")
        return
    session.output.result(dict(saved), f"The state is saved as set {saved['id']}, {size(saved['size'])}.")


@app.command("list", cls=StackCommand)
def state_list(ctx: typer.Context) -> None:
    """The sets of the state."""
    from ops.tt.backup import files
    from ops.tt.host.docker_host import Host

    session: Session = ctx.obj
    found = [each for each in files.listed(Host(session.project)) if each.what == files.STATE]
    session.output.result({"sets": [each.asdict() for each in found]}, files.set_table(found))


@app.command("fetch", cls=StackCommand)
def state_fetch(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="The file to write, a tar archive.", show_default=False)],
    label: Annotated[str, typer.Option("--set", metavar="ID", help="The set.")] = "latest",
) -> None:
    """Write the state as it was saved to a tar archive. The state in use stays as it is."""
    from ops.tt.backup import files
    from ops.tt.host.docker_host import Host

    session: Session = ctx.obj
    count = files.fetch_state(Host(session.project), label, file)
    session.output.result({"file": str(file.resolve()), "bytes": count}, f"{file}: {size(count)}.")
