"""`tt recover` and `tt unlock`."""

from __future__ import annotations

import typer

from ops.tt.commands.state import state_unlock
from ops.tt.session import ConfirmOption, Session, StackCommand, YesOption

app = typer.Typer()
# The same as `tt state unlock`.
app.command("unlock", cls=StackCommand)(state_unlock)


@app.command("recover", cls=StackCommand)
def recover(ctx: typer.Context, confirm: ConfirmOption = None, yes: YesOption = False) -> None:
    """Go on after an update that was killed.

    Its lock is cleared, if nobody holds it any more. What it was just making is removed, but for volumes, and the state
    is brought in line with what is there. `make up` does the rest.
    """
    from ops.tt.stack import recover as recover_

    session: Session = ctx.obj
    with session.project.lock():
        done = recover_.recover(session.project, session.output, yes=yes, confirm=confirm)
    lines = [f"The lock is cleared of {lock}." for lock in done.locks]
    lines += [f"Removed {name}." for name in done.removed]
    if done.cut_off:
        names = ", ".join(urn.rpartition("::")[2] for urn in done.cut_off)
        lines.append(f"The state is in line again with what is there of: {names}.")
    if lines:
        lines.append(f"`make up STACK={session.stack}` goes on from here.")
    session.output.result(done.asdict(), *(lines or ["There is nothing to recover from."]))
