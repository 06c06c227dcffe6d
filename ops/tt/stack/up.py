"""`make up`: Pulumi's update, and around it what makes the words at its end true.

Where no one is asked, a preview under the policies comes first, and it is the end where it finds nothing to change.
Where a person is asked, Pulumi's own `up` shows its preview and asks.
"""

from __future__ import annotations

if __name__ == "__main__":
    import toolchain.starting  # noqa: F401 - first of all

import argparse
import json
import os
import signal
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from ops.tt.backup.saved_state import save
from ops.tt.errors import Exit, TtError
from ops.tt.host.docker_host import Host
from ops.tt.output import Output, size
from ops.tt.project import Project
from ops.tt.stack.update import Ready, before, connect_again, say_where
from ops.tt.state.engine import Engine
from ops.tt.state.obstacles import obstacles
from remote.private_folder import PrivateFolder
from toolchain import foreground
from toolchain.steps import interrupt_on_signals
from toolchain.streams import open_closed

#: What Pulumi gets where something of the state is not on the host.
REFRESH = "--refresh"

STACK = "pulumi:pulumi:Stack"

#: How the message begins where the stack does not answer.
NOTHING = "there is nothing to change, and the stack does not work"
DONE = "the update is done, and the stack does not work"


def up(project: Project, output: Output, options: Sequence[str], *, yes: bool) -> int:
    """Brings the stack up; returns Pulumi's exit code.

    `options` are for Pulumi's preview and update alike, `yes` is whether no one is asked.

    Raises:
        TtError: what is done around the update fails; says what to do.
    """
    ready = before(project, output, yes=yes)
    both = ("--diff=false", *options, *([REFRESH] if ready.refresh else []))
    if not yes:
        code = _pulumi(project, "up", *both)
    else:
        code, changes = _preview(project, ready, both)
        if code == 0 and not changes:
            say_where(Host(project), ready.resources, output, NOTHING)
            return 0
        if code == 0:
            code = _pulumi(project, "up", "--yes", "--skip-preview", *both)
    if code:
        if code - foreground.SIGNALLED in list(signal.Signals):
            output.note(interrupted(project.stack))
        for problem in obstacles(project):
            output.note(f"==> {problem}")
        return code
    host, resources = Host(project), Engine(project).resources()
    connect_again(host, resources, output)
    # A state in a folder is lost with it: what can be had back is in the repository of the backups.
    if saved := save(project, output, if_possible=True):
        output.note(f"==> The state is saved as set {saved['id']}, {size(saved['size'])}")
    say_where(host, resources, output, DONE)
    return 0


def _preview(project: Project, ready: Ready, options: Sequence[str]) -> tuple[int, bool]:
    """Pulumi's exit code, and whether there is anything to change."""
    with PrivateFolder("tasktracker-preview-") as folder:
        log = Path(folder) / "events"
        # With the variable Pulumi has the option; its own Automation API reads the events in this way.
        code = _pulumi(project, "preview", *options, "--event-log", str(log), PULUMI_DEBUG_COMMANDS="true")
        if code:
            return code, False
        with log.open(encoding="utf-8") as events:
            return code, not ready.is_settled or changes_anything(events)


def changes_anything(events: Iterable[str]) -> bool:
    """Whether a preview found resources or outputs to change, by its events, each a line of JSON."""
    resources, outputs = True, False
    for line in events:
        event = json.loads(line)
        if summary := event.get("summaryEvent"):
            resources = not {*(summary.get("resourceChanges") or {})} <= {"same"}
        of = (event.get("resOutputsEvent") or {}).get("metadata") or {}
        if of.get("type") == STACK:
            old, new = ((of.get(key) or {}).get("outputs") or {} for key in ("old", "new"))
            outputs = old != new
    return resources or outputs


def interrupted(stack: str) -> str:
    """What to do after an update that a signal has ended."""
    return f"==> Interrupted. `./tt status --stack {stack}` reports how things are"


def _pulumi(project: Project, *arguments: str, **environment: str) -> int:
    return foreground.run(["pulumi", f"--stack={project.stack}", *arguments], {**os.environ, **environment})


def main(arguments: Sequence[str] | None = None) -> int:
    """Does what the command line says; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m ops.tt.stack.up", description=__doc__)
    parser.add_argument("--stack", required=True)
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("options", nargs="*", metavar="OPTION", help="for Pulumi, behind `--`")
    found = parser.parse_args(arguments)
    open_closed()
    interrupt_on_signals()
    output = Output(json=False)
    try:
        return up(Project.find(found.stack), output, found.options, yes=found.yes)
    except TtError as error:
        output.error(str(error), error.code, error.details)
        return int(error.code)
    except KeyboardInterrupt:
        output.note(interrupted(found.stack))
        return int(Exit.INTERRUPTED)


if __name__ == "__main__":
    sys.exit(main())
