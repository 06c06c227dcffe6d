"""`tt up` and `tt preview`: Pulumi's update, and around it what makes the words at its end true.

Where no one is asked, a preview under the policies comes first, and it is the end where it finds nothing to change.
Where a person is asked, Pulumi's own `up` shows its preview and asks.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ops.tt.backup.saved_state import save
from ops.tt.host.docker_host import Host
from ops.tt.output import Output, size
from ops.tt.project import Project
from ops.tt.stack.attached import pulumi, variables
from ops.tt.stack.steps import Steps
from ops.tt.stack.update import Ready, before, connect_again, say_where
from ops.tt.state.engine import Engine
from remote.private_folder import PrivateFolder
from toolchain.pulumi_engine.engine import POLICY_OPTIONS
from toolchain.targets.preview import environment_for_preview

#: What Pulumi gets where something of the state is not on the host.
REFRESH = "--refresh"

STACK = "pulumi:pulumi:Stack"

#: How the message begins where the stack does not answer.
NOTHING = "there is nothing to change, and the stack does not work"
DONE = "the update is done, and the stack does not work"

STEPS = (
    "comparing the host with the state, and starting what was stopped by hand",
    "the preview",
    "the update",
    "connecting containers to new networks",
    "saving the state",
    "asking the stack's URL",
)


def up(
    project: Project,
    output: Output,
    options: Sequence[str] = (),
    *,
    yes: bool,
    facts: Mapping[str, Any] | None = None,
) -> int:
    """Brings the stack up; returns Pulumi's exit code.

    `options` are for Pulumi's preview and update alike, `yes` is whether no one is asked. `facts` are part of the
    result with `--json`.

    Raises:
        TtError: what is done around the update fails, or it was interrupted; says what to do.
    """
    steps = Steps(project.stack, STEPS)
    with steps.reported():
        ready = before(project, output, yes=yes)
        steps.next()
        both = ("--diff=false", *_policies(project), *options, *([REFRESH] if ready.refresh else []))
        if yes:
            code, changes = _preview(project, output, ready, both, steps)
            if code:
                return code
            steps.next()
            if not changes:
                say_where(Host(project), ready.resources, output, NOTHING)
                output.result({"changed": False, "saved": None, **(facts or {})})
                return 0
        ask = ("--yes", "--skip-preview") if yes else ()
        if code := pulumi(project, output, "up", *ask, *both, steps=steps).code:
            return code
        steps.done = STEPS.index("the update") + 1
        return _after(project, output, steps, facts or {})


def _policies(project: Project) -> list[str]:
    """Pulumi's options for the policies; in the project's own folder without that, as Pulumi shows them."""
    return [each.removeprefix(f"{project.folder}/") for each in POLICY_OPTIONS]


def _after(project: Project, output: Output, steps: Steps, facts: Mapping[str, Any]) -> int:
    """What comes after an update."""
    host, resources = Host(project), Engine(project).resources()
    connect_again(host, resources, output)
    steps.next()
    # A state in a folder is lost with it: what can be had back is in the repository of the backups.
    if saved := save(project, output, if_possible=True):
        output.note(f"==> The state is saved as set {saved['id']}, {size(saved['size'])}")
    steps.next()
    say_where(host, resources, output, DONE)
    output.result({"changed": True, "saved": saved["id"] if saved else None, **facts})
    return 0


def _preview(project: Project, output: Output, ready: Ready, options: Sequence[str], steps: Steps) -> tuple[int, bool]:
    """Pulumi's exit code, and whether there is anything to change."""
    with PrivateFolder("tasktracker-preview-") as folder:
        log = Path(folder) / "events"
        # With the variable Pulumi has the option; its own Automation API reads the events in this way.
        debugging = {**variables(project), "PULUMI_DEBUG_COMMANDS": "true"}
        log_options = ("--event-log", str(log))
        code = pulumi(project, output, "preview", *options, *log_options, steps=steps, environment=debugging).code
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


def preview(project: Project, output: Output, options: Sequence[str] = ()) -> int:
    """Shows what an update would change, also where no Docker engine answers; returns Pulumi's exit code.

    Raises:
        UnreachableError: this machine is not set up.
    """
    steps = Steps(project.stack, ("the preview",), first_change=1)
    with environment_for_preview(variables(project)) as environment:
        arguments = ("preview", *_policies(project), "--diff", *options)
        code = pulumi(project, output, *arguments, steps=steps, environment=environment).code
    if not code:
        output.result({"stack": project.stack, "previewed": True})
    return code
