"""The command line: its commands, and how it ends where none was run."""

from __future__ import annotations

import errno
import sys

import typer
from typer.exceptions import TyperException

from ops.tt.commands import (
    backup,
    database,
    deploy,
    files,
    images,
    release,
    restore,
    scratch,
    stack,
    state,
    status,
    volumes,
)
from ops.tt.errors import Exit
from ops.tt.output import Output
from ops.tt.session import begin, discard_output
from toolchain.process.steps import interrupt_on_signals
from toolchain.process.streams import open_closed

EXIT_CODES = "\n".join(f"* {code.value}: {code.meaning}" for code in Exit)

EPILOG = f"**Exit codes**:\n\n{EXIT_CODES}"

#: Characters of a name that is too long for a file system.
SHOWN = 60

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
app.callback()(begin)
for _commands in (deploy, release, status, restore, database, images):
    app.add_typer(_commands.app)
app.add_typer(release.maintenance, name="maintenance")
app.add_typer(backup.app, name="backup")
app.add_typer(files.app, name="files")
app.add_typer(state.app, name="state")
app.add_typer(volumes.app, name="volumes")
app.add_typer(stack.app, name="stack")
app.add_typer(scratch.app, name="scratch")


def main() -> int:
    """Does what the command line says; returns the exit code."""
    if "stdout" in open_closed():
        Output(json=False).note("error: the output can't be written: it is closed")
        return Exit.FAILED
    interrupt_on_signals()
    try:
        return int(app(sys.argv[1:], prog_name="tt", standalone_mode=False) or 0)
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
        if error.errno == errno.ENAMETOOLONG:
            Output(json="--json" in sys.argv).error(
                f"the name is too long: {str(error.filename)[:SHOWN]}…", Exit.USAGE, {}
            )
            return Exit.USAGE
        if error.errno != errno.ENOSPC or error.filename:
            raise
        discard_output()
        Output(json=False).note(f"error: the output can't be written: {error.strerror}")
        return Exit.FAILED
