"""What restores and swaps have left that were cut off, and what is where it should be."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import docker
from docker.models.containers import Container

from ops.tt.errors import RefusedError
from ops.tt.host.docker_host import Host, answering
from ops.tt.host.volume_check import has_cluster
from ops.tt.operator import Operator
from ops.tt.project import DataVolumes, Project, volume_name

#: The restore job's service, and the server's.
JOB = "restore"
POSTGRES = "postgres"

#: What belongs to a restore that is under way, in a URN.
RESTORED = re.compile(r"components:Restore\b|::postgres-data-\d+$")

#: The job's container, in a URN.
_JOB_URN = re.compile(r"components:Restore\$.*docker:index/container:Container::restore$")


def refuse_unfinished(operator: Operator, volumes: DataVolumes) -> None:
    """Refuses to begin anew where something is under way, or was cut off.

    Raises:
        RefusedError: says how to go on.
    """
    for problem in unfinished_operations(operator.project, operator.host, volumes):
        raise RefusedError(problem)


def unfinished_operations(project: Project, host: Host, volumes: DataVolumes) -> Iterator[str]:
    """What restores and swaps that were cut off have left, in words, with what to do."""
    abort, finish = abort_command(project), finish_commands(project)
    job = host.find(JOB)
    running = mounted_volume(host)
    expected = volume_name(project.stack, volumes.used)
    if job is not None and job.status == "running":
        yield (
            "a restore is running: wait for its end, or stop it where it was begun (Ctrl-C). If that was killed: "
            f"{abort} takes it back"
        )
    elif volumes.restore is not None:
        yield (
            f"a restore into volume {volumes.restore['volume']} was begun and not finished: it is in "
            f"{project.config_file.name}. {abort} takes it back"
        )
    elif job is not None and running in (None, expected):
        if job_volume(project.stack, job) != expected:
            yield f"a restore was cut off while it was taken back. {abort} finishes that"
        elif running:
            yield f"a change to volume {volumes.used} was cut off. {finish} finish it"
        elif volumes.kept:
            yield f"a change to volume {volumes.used} was cut off. {abort} goes back, {finish} finish it"
    if running is not None and running != expected:
        differ = f"PostgreSQL runs on {running}, and {project.config_file.name} says {expected}: "
        if is_put_back(project.stack, volumes, running):
            yield f"{differ}a restore was cut off while it was taken back. {abort} finishes that"
        else:
            yield f"{differ}a change of volumes was cut off. {abort} goes back, {finish} finish it"


def is_put_back(stack: str, volumes: DataVolumes, running: str) -> bool:
    """Whether PostgreSQL was being taken from a volume back to the one that the config names.

    A change to another volume puts the one before at the end of those that are kept.
    """
    return running not in [volume_name(stack, number) for number in volumes.kept[-1:]]


def abort_command(project: Project) -> str:
    """The command that takes a restore back."""
    return f"`./tt restore --abort --stack {project.stack}`"


def finish_commands(project: Project) -> str:
    """The commands that finish an update that was cut off."""
    return f"`./tt recover --stack {project.stack}` and `make up STACK={project.stack}`"


def mounted_volume(host: Host) -> str | None:
    """The Docker volume that PostgreSQL's container has; None where there is no container."""
    container = host.find(POSTGRES)
    return None if container is None else job_volume(host.stack, container)


def job_volume(stack: str, container: Container) -> str | None:
    """The data volume of PostgreSQL's that a container has."""
    prefix = volume_name(stack, 1)
    return next((m["Name"] for m in container.attrs["Mounts"] if m.get("Name", "").startswith(prefix)), None)


def restored_volume(operator: Operator, resources: Sequence[Mapping[str, Any]]) -> str | None:
    """The data volume that a restore was made into which was not finished; None where none was.

    Its job's container goes last, when the change to the volume is through; `resources` are those of the state.
    """
    stack = operator.project.stack
    job = operator.host.find(JOB)
    if job is not None:
        return job_volume(stack, job)
    for each in resources:
        if _JOB_URN.search(str(each["urn"])):
            sources = [str(mount.get("source")) for mount in (each.get("outputs") or {}).get("mounts") or ()]
            return next((name for name in sources if name.startswith(volume_name(stack, 1))), None)
    return None


def volume_exists(host: Host, number: int) -> bool:
    """Whether the Docker host has that data volume."""
    with answering():
        try:
            host.client.volumes.get(volume_name(host.stack, number))
        except docker.errors.NotFound:
            return False
    return True


def has_no_database(host: Host, volumes: DataVolumes) -> bool:
    """Whether there is no database yet: neither a server nor anything in the volume that it would use."""
    if not volume_exists(host, volumes.used):
        return True
    return host.find(POSTGRES) is None and has_cluster(host, volume_name(host.stack, volumes.used)) is False
