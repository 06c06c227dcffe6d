"""`tt restore`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from ops.tt import times
from ops.tt.backup.backups import Target
from ops.tt.errors import UsageError
from ops.tt.output import Output
from ops.tt.session import SafetyOption, Session, StackCommand, YesOption

app = typer.Typer()


@app.command("restore", cls=StackCommand)
def restore(
    ctx: typer.Context,
    to: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help=f"The time to go back to: {times.FORMS}.")
    ] = None,
    latest: Annotated[bool, typer.Option("--latest", help="All that is in the repository.")] = False,
    label: Annotated[str | None, typer.Option("--set", metavar="LABEL", help="The end of one backup.")] = None,
    into: Annotated[
        str | None,
        typer.Option("--into", metavar="NAME", help="A server beside, to look at; the stack stays as it is."),
    ] = None,
    abort: Annotated[bool, typer.Option("--abort", help="Take back a restore that was cut off.")] = False,
    yes: YesOption = False,
    without_safety_backup: SafetyOption = False,
) -> None:
    """Take the database back to a time.

    Or to the latest state, or to the end of a backup. It is restored into a new data volume while PostgreSQL runs
    on, checked, and then swapped in. The old volume is kept until `tt volumes remove`. Whatever fails leaves the
    running system as it was.
    """
    session: Session = ctx.obj
    if sum((to is not None, latest, label is not None, abort)) != 1:
        raise UsageError("give one of --to TIME, --latest, --set LABEL and --abort")
    if abort and into is not None:
        raise UsageError("--into goes with --to TIME, --latest or --set LABEL")
    if abort:
        _abort(session, yes=yes)
        return
    target = Target(_time(to, session.output) if to is not None else None, label, latest)
    if into is not None:
        _restore_into(session, into, target)
    else:
        _restore(session, target, yes=yes, safety=not without_safety_backup)


def _restore(session: Session, target: Target, *, yes: bool, safety: bool) -> None:
    from ops.tt.operator import Operator
    from ops.tt.restore import plan as plan_
    from ops.tt.restore import restore as restore_

    with session.project.lock():
        operator = Operator(session.project, session.output, yes)
        plan = plan_.prepare(operator, target, safety=safety)
        session.output.note(plan_.describe(plan, session.project))
        operator.confirm()
        outcome = restore_.execute(operator, plan)
    session.output.result(outcome.asdict(), *outcome.lines(session.project))


def _abort(session: Session, *, yes: bool) -> None:
    from ops.tt.operator import Operator
    from ops.tt.restore import abort

    with session.project.lock():
        done = abort.abort(Operator(session.project, session.output, yes))
    session.output.result({"aborted": True, "message": done}, done)


def _restore_into(session: Session, name: str, target: Target) -> None:
    from ops.tt.host.docker_host import Host
    from ops.tt.restore import scratch

    made = scratch.make(Host(session.project), session.output, name, target)
    document = {"name": name, "container": made.container, "connect": made.connect, **made.job}
    document.pop("event", None)
    session.output.result(
        document,
        f"The scratch '{name}' has {target}.",
        f"  look      {made.connect}",
        f"  remove    ./tt scratch remove {name} --stack {session.stack}",
    )


def _time(text: str, output: Output) -> datetime:
    try:
        time_ = times.parse(text)
    except times.TimeError as error:
        raise UsageError(f"--to: {error}") from None
    output.note(f"Time understood as {times.both(time_)}")
    return time_
