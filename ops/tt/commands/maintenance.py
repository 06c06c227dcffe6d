"""`tt maintenance`."""

from __future__ import annotations

from typing import Annotated

import typer

from ops.tt.session import Session, StackCommand

app = typer.Typer(help="Close the site for maintenance, and open it again.", no_args_is_help=True)


@app.command("on", cls=StackCommand)
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
    from ops.tt.release import maintenance

    session: Session = ctx.obj
    seconds = maintenance.seconds(retry_after)
    maintenance.close(Host(session.project), seconds)
    session.output.result(
        {"maintenance": True, "retry_after": seconds},
        f"The site is closed: nginx answers 503 to all. `./tt maintenance off --stack {session.stack}` opens it.",
    )


@app.command("off", cls=StackCommand)
def off(ctx: typer.Context) -> None:
    """Open the site again."""
    from ops.tt.host.docker_host import Host
    from ops.tt.release import maintenance

    session: Session = ctx.obj
    was_closed = maintenance.reopen(Host(session.project))
    said = "The site is open again." if was_closed else "The site was not closed."
    session.output.result({"maintenance": False, "was_closed": was_closed}, said)
