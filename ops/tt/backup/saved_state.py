"""Saving the folder of Pulumi's state in the repository of files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ops.tt.backup import files
from ops.tt.errors import InterruptedWorkError, TtError
from ops.tt.host.docker_host import Host
from ops.tt.output import Output
from ops.tt.project import Project
from ops.tt.state.engine import Engine
from ops.tt.state.location import state_location
from ops.tt.state.trim import trim
from toolchain.pulumi_engine.backends import is_folder


def save(project: Project, output: Output, *, if_possible: bool) -> Mapping[str, Any] | None:
    """Trims the state's history and saves the folder; returns the set.

    With `if_possible` it returns None where the state is in no folder or the stack has no backups.

    Raises:
        InterruptedWorkError: the user stopped it; says what was done.
    """
    host, backend = Host(project), Engine(project).backend
    try:
        if is_folder(backend) and (count := trim(state_location(project, backend))):
            output.note(f"Removed {count} files of the oldest updates from {backend}.")
    except KeyboardInterrupt:
        raise InterruptedWorkError(
            "interrupted; the state is not saved. The oldest files of its history may be removed"
        ) from None
    except TtError as error:
        output.warn(f"the oldest files of the state's history were not removed: {error}")
    if if_possible and (not is_folder(backend) or host.find(files.SERVICE) is None):
        return None
    return files.save_state(host, files.state_folder(backend, project), output)
