"""`tt deploy`, `tt rollback`, `tt promote`, `tt abort`, `tt history` and `tt maintenance`."""

from __future__ import annotations

from typing import Annotated

import typer

from ops.tt import times
from ops.tt.commands.deploy import check_can_ask
from ops.tt.output import table
from ops.tt.session import Session, StackCommand, YesOption

app = typer.Typer()

maintenance = typer.Typer(help="Close the site for maintenance, and open it again.", no_args_is_help=True)


@app.command("deploy", cls=StackCommand)
def deploy(
    ctx: typer.Context,
    version: Annotated[
        str | None,
        typer.Argument(
            metavar="VERSION", help="A tag of the stack's images. Without it: those of the config.", show_default=False
        ),
    ] = None,
    backup: Annotated[
        bool, typer.Option("--backup/--no-backup", help="Take a backup of the database before the update.")
    ] = True,
    yes: YesOption = False,
) -> int:
    """Deploy a version: write it into the config, take a backup, and bring the stack up.

    The digests that the registry has for the version's images are written into the stack's config, and the `pin` of a
    rollback is removed from it. The new release starts beside the one that serves, is tried, gets the requests and is
    watched; where it fails the one before serves on. Where Pulumi fails, the exit code is Pulumi's.
    """
    from ops.tt.release import deploy as deploy_

    session: Session = ctx.obj
    check_can_ask(session, yes=yes)
    return deploy_.deploy(session.project, session.output, version, backup=backup, yes=yes)


@app.command("rollback", cls=StackCommand)
def rollback(
    ctx: typer.Context,
    release: Annotated[
        str | None,
        typer.Argument(
            metavar="RELEASE",
            help="The id or the name of a release, as `./tt status` lists them. Without it: the one before.",
            show_default=False,
        ),
    ] = None,
) -> int:
    """Go back to the release before, which is still there.

    Its containers get the requests at once. Then it is pinned in the stack's config, so that it serves whatever else
    the config says, and the update starts its worker and stops the other one. It asks nothing. The database stays as it
    is. Where Pulumi fails, the exit code is Pulumi's, and the release gets the requests nevertheless.
    """
    from ops.tt.release import rollback as rollback_

    session: Session = ctx.obj
    return rollback_.rollback(session.project, session.output, release)


@app.command("promote", cls=StackCommand)
def promote(ctx: typer.Context) -> int:
    """Give the release on trial all clients.

    `release.canary` is removed from the stack's config, and the stack is brought up. It asks nothing. Where Pulumi
    fails, the exit code is Pulumi's.
    """
    from ops.tt.release import trial

    session: Session = ctx.obj
    return trial.promote(session.project, session.output)


@app.command("abort", cls=StackCommand)
def abort(ctx: typer.Context) -> int:
    """End the trial of a release: the one that serves gets all clients, at once.

    Then it is pinned in the stack's config, `release.canary` is removed from that, and the stack is brought up. It asks
    nothing. Where Pulumi fails, the exit code is Pulumi's.
    """
    from ops.tt.release import trial

    session: Session = ctx.obj
    return trial.abort(session.project, session.output)


@app.command("history", cls=StackCommand)
def history(
    ctx: typer.Context,
    count: Annotated[int, typer.Option("--count", "-n", metavar="N", min=1, max=1000, help="How many.")] = 20,
) -> None:
    """The last updates of the stack: when, what, how long, by whom, and how they ended."""
    from ops.tt.release import history as history_

    session: Session = ctx.obj
    found = history_.history(session.project, count)
    rows = [
        (
            times.both(times.at(each.start)),
            each.kind,
            each.result,
            "" if each.seconds is None else times.duration(each.seconds),
            each.version,
            each.author,
            ", ".join(f"{number} {kind}" for kind, number in sorted(each.changes.items())) or "nothing changed",
        )
        for each in found
    ]
    header = ("When", "Kind", "Result", "Took", "Version", "Author", "Resources")
    lines = [table([header, *rows])] if rows else ["There was no update yet."]
    session.output.result([each.asdict() for each in found], *lines)


@maintenance.command("on", cls=StackCommand)
def on(
    ctx: typer.Context,
    retry_after: Annotated[
        str,
        typer.Option("--retry-after", metavar="TIME", help="The time in the header Retry-After, such as 30s or 5m."),
    ] = "2m",
) -> None:
    """Close the site.

    nginx answers all requests with 503 and the header Retry-After, from the next request on and after a restart too.
    The services behind it run on, and `make up` leaves it closed. WebSockets that are open stay.
    """
    from ops.tt.host.docker_host import Host
    from ops.tt.release import maintenance as maintenance_

    session: Session = ctx.obj
    seconds = maintenance_.seconds(retry_after)
    maintenance_.close(Host(session.project), seconds)
    session.output.result(
        {"maintenance": True, "retry_after": seconds},
        f"The site is closed: nginx answers 503 to all. `./tt maintenance off --stack {session.stack}` opens it.",
    )


@maintenance.command("off", cls=StackCommand)
def off(ctx: typer.Context) -> None:
    """Open the site again."""
    from ops.tt.host.docker_host import Host
    from ops.tt.release import maintenance as maintenance_

    session: Session = ctx.obj
    was_closed = maintenance_.reopen(Host(session.project))
    said = "The site is open again." if was_closed else "The site was not closed."
    session.output.result({"maintenance": False, "was_closed": was_closed}, said)
