"""What is wrong with a stack's data volumes: gone, replaced, or without a database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import docker

from ops.tt.host import Host, answering
from ops.tt.ownership import Compared, compare
from ops.tt.project import DataVolumes, Project, volume_name

#: Where a volume of PostgreSQL's has the file that every database cluster begins with, by the image's layout.
CLUSTER_FILE = "17/data/PG_VERSION"


def volume_problems(project: Project, host: Host, resources: Sequence[Mapping[str, Any]]) -> list[str]:
    """What is wrong with the data volumes, a line each with what to do; `resources` are those of the state.

    Raises:
        UnreachableError: the host does not answer.
    """
    return problems(project, host, compare(project, host, resources))


def problems(project: Project, host: Host, compared: Compared) -> list[str]:
    """The same, of a state and its host that are compared already."""
    volumes = project.volumes()
    replaced = [name for name in compared.strangers if name in compared.memory.origins]
    found = [_gone(project, volumes, name) for name in compared.missing]
    found += [
        f"the volume {name} is not the one that this state made: `make preview STACK={project.stack}` says what to do"
        for name in replaced
    ]
    absent = {*compared.missing, *replaced}
    for number in sorted({volumes.used, *volumes.kept}):
        name = volume_name(project.stack, number)
        if name not in absent and name in compared.memory.origins and has_cluster(host, name) is False:
            found.append(_empty(project, volumes, number))
    return found


def has_cluster(host: Host, volume: str) -> bool | None:
    """Whether a volume of PostgreSQL's holds a database cluster; None if that is not known.

    Docker reads files of a volume through a container that has it, running or not. Of a volume that no container has,
    the size is all there is to know: nothing in it is no cluster.

    Raises:
        UnreachableError: the host does not answer.
    """
    with answering():
        api, answers = host.client.api, []
        for each in api.containers(all=True, filters={"volume": volume}):
            paths = [mount["Destination"] for mount in each["Mounts"] if mount.get("Name") == volume]
            answers += [_has_file(api, each["Id"], f"{path}/{CLUSTER_FILE}") for path in paths]
        if known := [answer for answer in answers if answer is not None]:
            return any(known)
        sizes = [each for each in api.df()["Volumes"] or [] if each["Name"] == volume]
    return False if any((each.get("UsageData") or {}).get("Size") == 0 for each in sizes) else None


def _has_file(api: Any, container: str, path: str) -> bool | None:  # noqa: ANN401 - the client has no types
    try:
        content, _ = api.get_archive(container, path)
        # Or the connection stays open; the file has a few bytes.
        b"".join(content)
    except docker.errors.NotFound as error:
        return None if "No such container" in str(error.explanation) else False
    return True


def _gone(project: Project, volumes: DataVolumes, name: str) -> str:
    number = next((each for each in volumes.kept if volume_name(project.stack, each) == name), None)
    if number is None:
        return f"{name} is gone from the Docker host: `make preview STACK={project.stack}` says what to do"
    return f"{name}, kept after a restore, is gone from the Docker host: {_remove(project, number)}"


def _empty(project: Project, volumes: DataVolumes, number: int) -> str:
    name = volume_name(project.stack, number)
    if number == volumes.used:
        return (
            f"{name}, which PostgreSQL uses, has no database in it: `./tt restore --latest --stack {project.stack} "
            "--without-safety-backup` brings back what is in the backups"
        )
    return f"{name}, kept after a restore, has no database in it: {_remove(project, number)}"


def _remove(project: Project, number: int) -> str:
    return f"`./tt volumes remove {number} --stack {project.stack}` takes it out of the config"
