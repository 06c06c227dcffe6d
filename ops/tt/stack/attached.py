"""Pulumi's own commands on a stack, as a person sees them."""

from __future__ import annotations

import os
from collections.abc import Mapping

from ops import pulumi_cli
from ops.pulumi_cli import Ended, PulumiError
from ops.tt.errors import UnreachableError
from ops.tt.output import Output
from ops.tt.project import Project
from ops.tt.stack.steps import Steps
from ops.tt.state.location import engine_environment
from ops.tt.state.obstacles import obstacles

#: The file descriptor of standard error.
STDERR = 2


def variables(project: Project) -> dict[str, str]:
    """All variables of Pulumi commands on a stack.

    Raises:
        UnreachableError: this machine is not set up.
    """
    return {**os.environ, **engine_environment(project)}


def pulumi(
    project: Project, output: Output, *arguments: str, steps: Steps, environment: Mapping[str, str] | None = None
) -> Ended:
    """Runs a command; where it fails, reports what was done, and what keeps an update from the state.

    With `--json` standard output is for the result, so what Pulumi prints there goes to standard error.

    Raises:
        UnreachableError: this machine is not set up.
    """
    try:
        ended = pulumi_cli.attached(
            [f"--stack={project.stack}", *arguments],
            project.folder,
            variables(project) if environment is None else environment,
            stdout=STDERR if output.json else None,
        )
    except PulumiError as error:
        raise UnreachableError(str(error)) from None
    if not ended.code:
        return ended
    found = [steps.report] if ended.interrupted else []
    found += obstacles(project)
    if output.json:
        failed = f"`pulumi {arguments[0]}` failed, and has said why on standard error"
        output.error("\n".join([failed, *found]), ended.code, {})
    else:
        for each in found:
            output.note(f"==> {each}")
    return ended
