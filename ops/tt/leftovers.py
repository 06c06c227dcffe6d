"""What restores and swaps have left that were cut off, and what is where it should be."""

from __future__ import annotations

from collections.abc import Iterator

import docker

from ops.tt.errors import RefusedError
from ops.tt.host import Host, answering
from ops.tt.operator import Operator
from ops.tt.project import DataVolumes, Project, volume_name

#: The restore job's service, and the server's.
JOB = "restore"
POSTGRES = "postgres"


def refuse_leftovers(operator: Operator, volumes: DataVolumes) -> None:
    """Refuses to begin anew where something is under way, or was cut off.

    Raises:
        RefusedError: says how to go on.
    """
    for problem in leftovers(operator.project, operator.host, volumes):
        raise RefusedError(problem)


def leftovers(project: Project, host: Host, volumes: DataVolumes) -> Iterator[str]:
    """What restores and swaps that were cut off have left, in words, with what to do."""
    stack = f" --stack {project.stack}" if project.stack != "dev" else ""
    job = host.find(JOB)
    if job is not None and job.status == "running":
        yield "a restore is running: wait for its end, or stop it where it was begun (Ctrl-C)"
    elif volumes.restore is not None:
        yield (
            f"a restore into volume {volumes.restore['volume']} was begun and not finished: it stands in "
            f"{project.config_file.name}. `tt restore --abort{stack}` takes it back"
        )
    running = mounted_volume(host)
    expected = volume_name(project.stack, volumes.used)
    if running is not None and running != expected:
        yield (
            f"PostgreSQL runs on {running}, and {project.config_file.name} says {expected}: a swap was cut off. "
            f"`make up STACK={project.stack}` finishes it"
        )


def mounted_volume(host: Host) -> str | None:
    """The Docker volume that PostgreSQL's container has; None where there is no container."""
    container = host.find(POSTGRES)
    if container is None:
        return None
    prefix = volume_name(host.stack, 1)
    return next((m["Name"] for m in container.attrs["Mounts"] if m.get("Name", "").startswith(prefix)), None)


def volume_exists(host: Host, number: int) -> bool:
    """Whether the Docker host has that data volume."""
    with answering():
        try:
            host.client.volumes.get(volume_name(host.stack, number))
        except docker.errors.NotFound:
            return False
    return True
