"""The commands, their options and how they end."""

from __future__ import annotations

import errno
import functools
import inspect
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.exceptions import TyperException

from ops.tt import times
from ops.tt.backup.backups import Repository, Target, ranges_text
from ops.tt.errors import Exit, RefusedError, TtError, UsageError
from ops.tt.output import Output, size, table
from ops.tt.project import Project
from remote import redacted
from toolchain.steps import interrupt_on_signals
from toolchain.streams import open_closed

EXIT_CODES = "\n".join(f"* {code.value}: {code.meaning}" for code in Exit)

EPILOG = f"**Exit codes**:\n\n{EXIT_CODES}"

app = typer.Typer(
    name="tt",
    help="The operator's command of a Task Tracker stack: its state, its backups, restores and drills.\n\n"
    "Every command takes --stack NAME (-s), --json and --project FOLDER, before or behind its name.",
    epilog=EPILOG,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["--help", "-h"]},
)
backup_app = typer.Typer(help="Backups of PostgreSQL.", no_args_is_help=True)
volumes_app = typer.Typer(help="PostgreSQL's data volumes.", no_args_is_help=True)
files_app = typer.Typer(help="Backups of the uploads and of NATS' streams.", no_args_is_help=True)
state_app = typer.Typer(help="Pulumi's state: where it is, its lock, its backups.", no_args_is_help=True)
app.add_typer(backup_app, name="backup")
app.add_typer(files_app, name="files")
app.add_typer(state_app, name="state")
app.add_typer(volumes_app, name="volumes")
stack_app = typer.Typer(help="Stacks of your own.", no_args_is_help=True)
app.add_typer(stack_app, name="stack")
scratch_app = typer.Typer(help="Servers made by `./tt restore --into`.", no_args_is_help=True)
app.add_typer(scratch_app, name="scratch")


@dataclass(frozen=True)
class Session:
    """What the options say that every command has."""

    stack: str
    folder: Path | None
    output: Output

    @functools.cached_property
    def project(self) -> Project:
        """The stack's project."""
        return Project.find(self.stack, self.folder)


StackOption = Annotated[str, typer.Option("--stack", "-s", help="The stack.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as one JSON document.")]
ProjectOption = Annotated[
    Path | None,
    typer.Option(
        "--project",
        help="Folder of the project. Without it: the current folder if it is one, or else the one that tt is in.",
        show_default=False,
    ),
]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")]
SafetyOption = Annotated[
    bool, typer.Option("--without-safety-backup", help="Go on though no backup of what is there now can be taken.")
]

ConfirmOption = Annotated[
    str | None,
    typer.Option(
        "--confirm",
        metavar="STACK",
        help="The stack's name: clear a lock though its holder lives or is on another machine.",
        show_default=False,
    ),
]

Command = Callable[..., Exit | None]


def command(group: typer.Typer, name: str) -> Callable[[Command], Command]:
    """Makes a command of a function. It gets a `Session`, and the options for it beside its own."""

    def make(function: Command) -> Command:
        @functools.wraps(function)
        def call(*, stack: str, json: bool, project: Path | None, **own: Any) -> None:  # noqa: ANN401 - typer checked them
            session = Session(stack, project, Output(json=json))
            raise typer.Exit(_end(session, lambda: function(session, **own)))

        common = {"stack": (StackOption, "dev"), "json": (JsonOption, False), "project": (ProjectOption, None)}
        parameters = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
        parameters += [
            inspect.Parameter(each, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
            for each, (annotation, default) in common.items()
        ]
        # Where typer looks.
        vars(call)["__signature__"] = inspect.Signature(parameters)
        call.__annotations__ = {each.name: each.annotation for each in parameters}
        group.command(name)(call)
        return function

    return make


def _end(session: Session, work: Callable[[], Exit | None]) -> Exit:
    """Does the work; says why where it ends early."""
    try:
        code = work() or Exit.DONE
        sys.stdout.flush()
        return code
    except TtError as error:
        session.output.error(str(error), error.code, error.details)
        return error.code
    except KeyboardInterrupt:
        session.output.error("interrupted; nothing was changed", Exit.INTERRUPTED, {})
        return Exit.INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has gone, such as `head`; what is still buffered has nowhere to go.
        _write_nowhere()
        return Exit.DONE


def _write_nowhere() -> None:
    """What is still buffered of the output, Python would write as it ends, and fail again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def leading_last(arguments: Sequence[str]) -> list[str]:
    """The arguments with what every command takes behind the command, where it was before it.

    >>> leading_last(["-s", "prod", "--json", "backup", "list"])
    ['backup', 'list', '-s', 'prod', '--json']
    >>> leading_last(["dump", "x", "--json"])
    ['dump', 'x', '--json']
    """
    rest = deque(arguments)
    leading = []
    while rest and rest[0].partition("=")[0] in ("--stack", "-s", "--project", "--json"):
        leading.append(rest.popleft())
        if leading[-1] in ("--stack", "-s", "--project") and rest:
            leading.append(rest.popleft())
    return [*rest, *leading]


def main() -> int:
    """Does what the command line says; returns the exit code."""
    if "stdout" in open_closed():
        Output(json=False).note("error: the output can't be written: it is closed")
        return Exit.FAILED
    interrupt_on_signals()
    try:
        return int(app(leading_last(sys.argv[1:]), prog_name="tt", standalone_mode=False) or 0)
    except TyperException as error:
        output = Output(json="--json" in sys.argv)
        # Typer has shown the help, and says no more, where no command is named.
        output.error(error.format_message() or "a command is missing", error.exit_code, {})
        if not output.json:
            output.note("`./tt --help` lists the commands, `./tt COMMAND --help` their options")
        return error.exit_code
    except typer.Abort:
        return Exit.INTERRUPTED
    except OSError as error:
        if error.errno != errno.ENOSPC or error.filename:
            raise
        _write_nowhere()
        Output(json=False).note(f"error: the output can't be written: {error.strerror}")
        return Exit.FAILED


# tt pulumi


@app.command(
    "pulumi",
    # All that comes behind the name is for Pulumi.
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False, "help_option_names": []},
)
def pulumi(
    arguments: Annotated[
        list[str], typer.Argument(metavar="COMMAND...", help="As `pulumi` takes it.", show_default=False)
    ],
) -> None:
    """Run a command of Pulumi's on a stack.

    It has the state and the passphrase of the stack that --stack names, in any shell, without `. .tools/env`. Options
    and exit codes are Pulumi's.
    """
    from ops.tt.stack import pulumi_command  # noqa: PLC0415

    raise typer.Exit(_end(Session("", None, Output(json=False)), lambda: pulumi_command.run(arguments)))


# tt status


@command(app, "status")
def status(session: Session) -> Exit:
    """The stack at a glance.

    Services, whether the URL answers and tasks are processed, backups, the last drill, data volumes, the lock of the
    state, and what is wrong in words: exit code 3 if anything is.
    """
    from ops.tt.status import text as status_text  # noqa: PLC0415 - the Docker client takes longer to load than --help
    from ops.tt.status.status import read  # noqa: PLC0415

    found = read(session.project)
    session.output.result(found.asdict(), *status_text.show(found))
    return found.code


# tt recover


@command(app, "recover")
def recover(session: Session, confirm: ConfirmOption = None, yes: YesOption = False) -> None:
    """Go on after an update that was killed.

    Its lock is cleared, if nobody holds it any more. What it was just making is removed, but for volumes, and the state
    is brought in line with what is there. `make up` does the rest.
    """
    from ops.tt.stack import recover as recover_  # noqa: PLC0415

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


# tt backup


@command(backup_app, "now")
def backup_now(
    session: Session,
    full: Annotated[
        bool, typer.Option("--full", help="All files, not just what changed since the last full one.")
    ] = False,
) -> None:
    """Take a backup now. The first one there is always is a full one.

    Ctrl-C stops the watching: the backup goes on.
    """
    from ops.tt.backup.database import Database  # noqa: PLC0415
    from ops.tt.errors import InterruptedWorkError  # noqa: PLC0415
    from ops.tt.host.docker_host import Host  # noqa: PLC0415

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


@command(backup_app, "list")
def backup_list(session: Session) -> None:
    """The backups, and what can be restored."""
    from ops.tt.backup.database import Database  # noqa: PLC0415
    from ops.tt.host.docker_host import Host  # noqa: PLC0415

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


@command(backup_app, "verify")
def backup_verify(session: Session) -> Exit:
    """Check everything in the repository.

    It is read and held against its checksums. Exit code 3 if something is damaged or missing.
    """
    import json  # noqa: PLC0415

    from ops.tt.backup import object_store  # noqa: PLC0415
    from ops.tt.backup.database import BACKUPS, UNREADABLE  # noqa: PLC0415
    from ops.tt.errors import FailedError, UnreachableError  # noqa: PLC0415
    from ops.tt.host.docker_host import Host  # noqa: PLC0415

    host = Host(session.project)
    object_store.check(host)
    with session.output.work("Reading the repository"):
        result = host.run(BACKUPS, ["backup-verify"])
    if result.code == UNREADABLE:
        raise UnreachableError(f"the repository can't be read: {result.reason.removeprefix('backup-verify: ')}")
    try:
        told = json.loads(result.output)
        problems = [(str(each["file"]), str(each["what"])) for each in told["problems"]]
    except (ValueError, KeyError, TypeError):
        raise FailedError(f"the verification failed: {result.reason}") from None
    if told["ok"]:
        session.output.result(told, "Everything in the repository is as it was written.")
        return Exit.DONE
    session.output.result(told, table([("FILE", "WHAT IS WRONG"), *problems]))
    return Exit.RED


# tt restore


@command(app, "restore")
def restore(
    session: Session,
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
    if sum((to is not None, latest, label is not None, abort)) != 1:
        raise UsageError("give one of --to TIME, --latest, --set LABEL and --abort")
    if abort and into is not None:
        raise UsageError("--into goes with --to TIME, --latest or --set LABEL")
    target = Target(_time(to, session.output) if to is not None else None, label, latest)
    if into is not None:
        _restore_into(session, into, target)
        return
    from ops.tt.operator import Operator  # noqa: PLC0415
    from ops.tt.restore import abort as abort_  # noqa: PLC0415
    from ops.tt.restore import plan as plan_  # noqa: PLC0415
    from ops.tt.restore import restore as restore_  # noqa: PLC0415

    with session.project.lock():
        operator = Operator(session.project, session.output, yes)
        if abort:
            done = abort_.abort(operator)
            session.output.result({"aborted": True, "message": done}, done)
            return
        plan = plan_.prepare(operator, target, safety=not without_safety_backup)
        session.output.note(plan_.describe(plan, session.project))
        operator.confirm()
        outcome = restore_.execute(operator, plan)
    session.output.result(outcome.asdict(), *_outcome_lines(outcome, session))


def _restore_into(session: Session, name: str, target: Target) -> None:
    from ops.tt.host.docker_host import Host  # noqa: PLC0415
    from ops.tt.restore import scratch  # noqa: PLC0415

    made = scratch.make(Host(session.project), session.output, name, target)
    document = {"name": name, "container": made.container, "connect": made.connect, **made.job}
    document.pop("event", None)
    session.output.result(
        document,
        f"The scratch '{name}' has {target}.",
        f"  look      {made.connect}",
        f"  remove    tt scratch remove {name}",
    )


def _time(text: str, output: Output) -> datetime:
    try:
        time_ = times.parse(text)
    except times.TimeError as error:
        raise UsageError(f"--to: {error}") from None
    output.note(f"Time understood as {times.both(time_)}")
    return time_


def _outcome_lines(outcome: Any, session: Session) -> list[str]:  # noqa: ANN401 - loaded only when it is used
    lines = [f"PostgreSQL of {session.stack} is on data volume {outcome.volume}."]
    if outcome.recovered_to is not None:
        lines.append(f"  last transaction  {times.both(outcome.recovered_to)}")
    lines.append(f"  RTO               {times.duration(outcome.rto)} from go-ahead to serving")
    if outcome.downtime is not None:
        lines.append(f"  downtime          {times.duration(outcome.downtime)} without a database")
    if outcome.safety_backup:
        lines.append(f"  safety backup     {outcome.safety_backup}")
    if outcome.kept is not None:
        lines.append(
            f"  kept              data volume {outcome.kept}: "
            f"`./tt volumes use {outcome.kept} --stack {session.stack}` goes back to it, "
            f"`./tt volumes remove {outcome.kept} --stack {session.stack}` deletes it"
        )
        lines.append(f"{session.project.config_file.name} has changed: commit it.")
    return lines


# tt volumes


@command(volumes_app, "list")
def volumes_list(session: Session) -> None:
    """The volumes, and which is in use."""
    from ops.tt.host.docker_host import Host  # noqa: PLC0415
    from ops.tt.restore import volumes  # noqa: PLC0415

    found, problems = volumes.listed(session.project, Host(session.project))
    for problem in problems:
        session.output.warn(problem)
    rows = [(str(v.number), v.name, v.state, "" if v.size is None else size(v.size)) for v in found]
    document = {"volumes": [each.asdict() for each in found], "problems": problems}
    session.output.result(document, table([("NUMBER", "VOLUME", "STATE", "SIZE"), *rows]))


NumberArgument = Annotated[
    int, typer.Argument(metavar="NUMBER", help="The volume's number, as `./tt volumes list` has it.")
]


@command(volumes_app, "use")
def volumes_use(
    session: Session, number: NumberArgument, yes: YesOption = False, without_safety_backup: SafetyOption = False
) -> None:
    """Go back to a volume that was kept.

    The one that is in use is kept then.
    """
    from ops.tt.operator import Operator  # noqa: PLC0415
    from ops.tt.restore import volumes  # noqa: PLC0415

    with session.project.lock():
        operator = Operator(session.project, session.output, yes)
        outcome = volumes.use(operator, number, safety=not without_safety_backup)
    session.output.result(outcome.asdict(), *_outcome_lines(outcome, session))


@command(volumes_app, "remove")
def volumes_remove(session: Session, number: NumberArgument, yes: YesOption = False) -> None:
    """Delete a volume that was kept, for good."""
    from ops.tt.operator import Operator  # noqa: PLC0415
    from ops.tt.restore import volumes  # noqa: PLC0415

    with session.project.lock():
        volumes.remove(Operator(session.project, session.output, yes), number)
    name = session.project.config_file.name
    session.output.result({"removed": number}, f"Data volume {number} is deleted. {name} has changed: commit it.")


@command(volumes_app, "check")
def volumes_check(
    session: Session,
    own: Annotated[bool, typer.Option("--own", help="Only whose they are: for what deletes them.")] = False,
) -> Exit:
    """Compare the data volumes in the state with the Docker host.

    It says which are gone, and which of PostgreSQL's have no database in them, with exit code 3. It refuses where a
    volume or a container there is another state's. It names PostgreSQL's data volumes that are on the host and neither
    in the state nor in the config: nothing else does, and nothing deletes them. `make down` and `make purge` ask it
    first.
    """
    from ops.tt.host.docker_host import Host  # noqa: PLC0415
    from ops.tt.host.ownership import compare  # noqa: PLC0415
    from ops.tt.host.volume_check import problems  # noqa: PLC0415
    from ops.tt.state.engine import Engine  # noqa: PLC0415

    host = Host(session.project)
    compared = compare(session.project, host, Engine(session.project).resources())
    if refusal := compared.refusal:
        raise RefusedError(refusal)
    found = [] if own else problems(session.project, host, compared)
    document = {
        "missing": [] if own else list(compared.missing), "problems": found, "forgotten": list(compared.forgotten)
    }  # fmt: skip
    notes = [
        f"left: {name} is on the Docker host, and neither in the state nor in the config. `docker volume rm {name}` "
        "there deletes it"
        for name in compared.forgotten
    ]
    session.output.result(document, *(found or ["The data volumes are this state's."]), *notes)
    return Exit.RED if found else Exit.DONE


# tt stack


@command(stack_app, "new")
def stack_new(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its name, such as demo.")],
    like: Annotated[str, typer.Option("--like", metavar="STACK", help="The stack whose config it gets.")] = "dev",
    passphrase_file: Annotated[
        Path | None,
        typer.Option(
            "--passphrase-file",
            metavar="FILE",
            help="The file with its passphrase, which is made if there is none. Without it: that of "
            "TASKTRACKER_PASSPHRASE_FILE, or ~/.config/tasktracker/NAME-passphrase.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Make the config of a new stack from that of another one.

    It gets subnets and ports that are free on the Docker host and in the other stacks' files, and a passphrase. What
    belongs to the other stack alone is not copied: its secrets, domain, volumes and backups. Nothing is brought up:
    `make up STACK=NAME` does that. Exit code 4 if there is such a stack, or something of one.
    """
    from ops.tt.stack import new_stack  # noqa: PLC0415

    if session.stack != "dev":
        raise UsageError("tt stack new takes the new stack's name as NAME, and the one to copy as --like")
    project = Project.find(like, session.folder)
    with project.lock():
        made = new_stack.make(project.folder, name, project, passphrase_file)
    session.output.result(made.asdict(), *made.lines())


# tt scratch


@command(scratch_app, "list")
def scratch_list(session: Session) -> None:
    """The scratch servers."""
    from ops.tt.host.docker_host import Host  # noqa: PLC0415
    from ops.tt.restore import scratch  # noqa: PLC0415

    found = scratch.listed(Host(session.project))
    rows = [(each["name"], each["container"], each["state"]) for each in found]
    session.output.result({"scratch": found}, table([("NAME", "CONTAINER", "STATE"), *rows]))


@command(scratch_app, "remove")
def scratch_remove(
    session: Session,
    name: Annotated[str | None, typer.Argument(metavar="NAME", show_default=False)] = None,
    all_: Annotated[bool, typer.Option("--all", help="All of the stack, as `make purge` does.")] = False,
) -> None:
    """Remove one with its data, or all."""
    from ops.tt.host.docker_host import Host  # noqa: PLC0415
    from ops.tt.restore import scratch  # noqa: PLC0415

    if (name is None) is not all_:
        raise UsageError("give one of NAME and --all; `./tt scratch list` has the names")
    if name is None:
        names = scratch.remove_all(Host(session.project))
        lines = [f"The scratch '{each}' is gone." for each in names] or ["There is no scratch."]
        session.output.result({"removed": names}, *lines)
        return
    scratch.remove(Host(session.project), name)
    session.output.result({"removed": name}, f"The scratch '{name}' is gone.")


# tt files, tt state


@command(files_app, "now")
def files_now(session: Session) -> None:
    """Take a backup of the uploads and of NATS' streams now.

    Ctrl-C stops the watching: the backup goes on.
    """
    from ops.tt.backup import files  # noqa: PLC0415
    from ops.tt.host.docker_host import Host  # noqa: PLC0415

    saved = files.take(Host(session.project), session.output)
    rows = [(each["id"], each["what"], str(each["files"]), size(each["size"]), size(each["added"])) for each in saved]
    session.output.result({"saved": saved}, table([("ID", "WHAT", "FILES", "SIZE", "ADDED"), *rows]))


@command(files_app, "list")
def files_list(session: Session) -> None:
    """The sets of files that can be restored."""
    from ops.tt.backup import files  # noqa: PLC0415
    from ops.tt.host.docker_host import Host  # noqa: PLC0415

    found = [each for each in files.listed(Host(session.project)) if each.what != files.STATE]
    session.output.result({"sets": [each.asdict() for each in found]}, _set_table(found))


def _set_table(sets: Sequence[Any]) -> Any:  # noqa: ANN401 - loaded only when it is used
    return table([("ID", "WHAT", "TAKEN", "AGE", "FILES", "SIZE", "STATE"), *(each.row for each in reversed(sets))])


@command(files_app, "verify")
def files_verify(session: Session) -> Exit:
    """Read everything in the repository of files and check it. Exit code 3 if something is damaged or missing."""
    from ops.tt.backup import files  # noqa: PLC0415
    from ops.tt.host.docker_host import Host  # noqa: PLC0415

    told = files.verify(Host(session.project), session.output)
    if told["ok"]:
        session.output.result(told, "Everything in the repository of files is as it was written.")
        return Exit.DONE
    rows = [(str(each["file"] or ""), str(each["what"])) for each in told["problems"]]
    session.output.result(told, table([("FILE", "WHAT IS WRONG"), *rows]))
    return Exit.RED


@command(files_app, "restore")
def files_restore(
    session: Session,
    uploads: Annotated[str | None, typer.Option("--uploads", metavar="ID", help="Set of uploads, or latest.")] = None,
    nats: Annotated[str | None, typer.Option("--nats", metavar="ID", help="Set of streams, or latest.")] = None,
    yes: YesOption = False,
) -> None:
    """Bring back the uploads, or NATS' streams, as they were in a set.

    What is there now is saved first. Files and streams that came since stay.
    """
    wanted = {what: label for what, label in (("uploads", uploads), ("nats", nats)) if label is not None}
    if not wanted:
        raise UsageError("give one of --uploads ID and --nats ID, or both; `./tt files list` has them")
    from ops.tt.operator import Operator  # noqa: PLC0415
    from ops.tt.restore import files  # noqa: PLC0415

    with session.project.lock():
        files.restore(Operator(session.project, session.output, yes), wanted)
    session.output.result({"restored": wanted}, f"Restored: {', '.join(wanted)}.")


@command(state_app, "show")
def state_show(session: Session) -> None:
    """Where the state is, and who holds its lock."""
    from ops.tt.state.location import state_location  # noqa: PLC0415

    place = state_location(session.project)
    exists, locks = place.checkpoint is not None, place.locks()
    lines = [
        f"The state of '{session.stack}' is in {redacted(place.url)}."
        if exists
        else f"{redacted(place.url)} has no '{session.stack}' yet."
    ]
    lines += [f"  locked   by {lock}" + (", which is dead" if lock.lives is False else "") for lock in locks]
    document = {"backend": place.url, "exists": exists, "locks": [lock.asdict() for lock in locks]}
    session.output.result(document, *lines)


@command(state_app, "check")
def state_check(session: Session) -> Exit:
    """Say what keeps an update from the state, and what to do: a lock, a passphrase. Exit code 3 if anything does."""
    from ops.tt.state.obstacles import obstacles  # noqa: PLC0415

    problems = obstacles(session.project)
    session.output.result({"problems": problems}, *(f"==> {problem}" for problem in problems))
    return Exit.RED if problems else Exit.DONE


@command(state_app, "unlock")
def state_unlock(session: Session, confirm: ConfirmOption = None) -> None:
    """Clear the lock that a killed update has left.

    `tt recover` does it too, and what else there is to do then.
    """
    from ops.tt.state.location import state_location, unlock  # noqa: PLC0415

    cleared = unlock(state_location(session.project), confirm)
    lines = [f"The lock is cleared of {lock}." for lock in cleared] or ["Nobody holds the lock."]
    session.output.result({"locks": [lock.asdict() for lock in cleared]}, *lines)


@command(state_app, "move")
def state_move(
    session: Session,
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
    from ops.tt.state.move import Mover  # noqa: PLC0415

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


@command(state_app, "save")
def state_save(
    session: Session,
    if_possible: Annotated[
        bool,
        typer.Option("--if-possible", help="Do nothing where the state is in no folder or the stack has no backups."),
    ] = False,
) -> None:
    """Save the folder of Pulumi's state in the repository of files. Its secrets are encrypted, by a passphrase that
    is not in it: keep that elsewhere.

    The oldest copies of earlier states are removed from the folder first: Pulumi keeps two for each update, for ever.
    """
    from ops.tt.backup.saved_state import save  # noqa: PLC0415

    saved = save(session.project, session.output, if_possible=if_possible)
    if saved is None:
        session.output.result({"saved": False}, "The state is in no folder, or the stack has no backups: not saved.")
        return
    session.output.result(dict(saved), f"The state is saved as set {saved['id']}, {size(saved['size'])}.")


@command(state_app, "list")
def state_list(session: Session) -> None:
    """The sets of the state."""
    from ops.tt.backup import files  # noqa: PLC0415
    from ops.tt.host.docker_host import Host  # noqa: PLC0415

    found = [each for each in files.listed(Host(session.project)) if each.what == files.STATE]
    session.output.result({"sets": [each.asdict() for each in found]}, _set_table(found))


@command(state_app, "fetch")
def state_fetch(
    session: Session,
    file: Annotated[Path, typer.Argument(help="The file to write, a tar archive.", show_default=False)],
    label: Annotated[str, typer.Option("--set", metavar="ID", help="The set.")] = "latest",
) -> None:
    """Write the state as it was saved to a tar archive. The state in use stays as it is."""
    from ops.tt.backup import files  # noqa: PLC0415
    from ops.tt.host.docker_host import Host  # noqa: PLC0415

    count = files.fetch_state(Host(session.project), label, file)
    session.output.result({"file": str(file.resolve()), "bytes": count}, f"{file}: {size(count)}.")


# tt drill, tt dump


@command(app, "drill")
def drill(session: Session) -> Exit:
    """Prove that the backups can be restored.

    The latest state is restored beside PostgreSQL, checked and thrown away. Exit code 3 if it can't be. Ctrl-C
    stops the watching: the drill goes on.
    """
    from ops.tt.backup import drill as drill_  # noqa: PLC0415
    from ops.tt.host.docker_host import Host  # noqa: PLC0415

    done = drill_.take(Host(session.project), session.output)
    session.output.result(dict(done), table(drill_.rows(done)))
    return Exit.DONE if done.get("ok") else Exit.RED


@command(app, "dump")
def dump(
    session: Session,
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="The file to write; <stack>-<time>.dump without it.", show_default=False),
    ] = None,
) -> None:
    """Write the database to a portable file.

    In pg_dump's custom format, for pg_restore. The file is there when it is whole, or not there.
    """
    from ops.tt.backup import dump as dump_  # noqa: PLC0415
    from ops.tt.host.docker_host import Host  # noqa: PLC0415

    path = file or Path(f"{session.stack}-{times.at(time.time()):%Y%m%dT%H%M%SZ}.dump")
    done = dump_.take(Host(session.project), path, session.output)
    document = {"file": str(done.path.resolve()), "bytes": done.bytes, "sha256": done.sha256}
    session.output.result(document, f"{done.path}: {size(done.bytes)}; read back to its end.")
