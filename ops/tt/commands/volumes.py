"""`tt volumes`."""

from __future__ import annotations

from typing import Annotated

import typer

from ops.tt.errors import Exit
from ops.tt.output import size, table
from ops.tt.session import SafetyOption, Session, StackCommand, YesOption

app = typer.Typer(help="PostgreSQL's data volumes.", no_args_is_help=True)


@app.command("list", cls=StackCommand)
def volumes_list(ctx: typer.Context) -> None:
    """The volumes, and which is in use."""
    from ops.tt.host.docker_host import Host
    from ops.tt.restore import volumes

    session: Session = ctx.obj
    found, problems = volumes.listed(session.project, Host(session.project))
    for problem in problems:
        session.output.warn(problem)
    rows = [(str(v.number), v.name, v.state, "" if v.size is None else size(v.size)) for v in found]
    document = {"volumes": [each.asdict() for each in found], "problems": problems}
    session.output.result(document, table([("NUMBER", "VOLUME", "STATE", "SIZE"), *rows]))


NumberArgument = Annotated[
    int, typer.Argument(metavar="NUMBER", help="The volume's number, as `./tt volumes list` has it.")
]


@app.command("use", cls=StackCommand)
def volumes_use(
    ctx: typer.Context, number: NumberArgument, yes: YesOption = False, without_safety_backup: SafetyOption = False
) -> None:
    """Go back to a volume that was kept.

    The one that is in use is kept then.
    """
    from ops.tt.operator import Operator
    from ops.tt.restore import volumes

    session: Session = ctx.obj
    with session.project.lock():
        operator = Operator(session.project, session.output, yes)
        outcome = volumes.use(operator, number, safety=not without_safety_backup)
    session.output.result(outcome.asdict(), *outcome.lines(session.project))


@app.command("remove", cls=StackCommand)
def volumes_remove(ctx: typer.Context, number: NumberArgument, yes: YesOption = False) -> None:
    """Delete a volume that was kept, for good."""
    from ops.tt.operator import Operator
    from ops.tt.restore import volumes

    session: Session = ctx.obj
    with session.project.lock():
        volumes.remove(Operator(session.project, session.output, yes), number)
    name = session.project.config_file.name
    session.output.result({"removed": number}, f"Data volume {number} is deleted. {name} has changed: commit it.")


@app.command("check", cls=StackCommand)
def volumes_check(
    ctx: typer.Context,
    own: Annotated[bool, typer.Option("--own", help="Only whose they are: for what deletes them.")] = False,
) -> Exit:
    """Compare the data volumes in the state with the Docker host.

    It says which are gone, and which of PostgreSQL's have no database in them, with exit code 3. It refuses where a
    volume or a container there is another state's. It names PostgreSQL's data volumes that are on the host and neither
    in the state nor in the config: nothing else does, and nothing deletes them. `make down` and `make purge` ask it
    first.
    """
    from ops.tt.host.docker_host import Host
    from ops.tt.host.ownership import compare
    from ops.tt.host.volume_check import problems
    from ops.tt.state.engine import Engine

    session: Session = ctx.obj
    host = Host(session.project)
    compared = compare(session.project, host, Engine(session.project).resources())
    compared.check()
    found = [] if own else problems(session.project, host, compared)
    document = {
        "missing": [] if own else list(compared.missing), "problems": found, "forgotten": list(compared.forgotten)
    }  # fmt: skip
    session.output.result(document, *(found or ["The data volumes are this state's."]), *compared.forgotten_notes)
    return Exit.RED if found else Exit.DONE
