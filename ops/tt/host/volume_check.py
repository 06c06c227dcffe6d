"""What is wrong with a stack's data volumes: gone, replaced, or without a database."""

from __future__ import annotations

from typing import Any

import docker

from ops.tt.host.docker_host import Host, answering
from ops.tt.host.ownership import Compared
from ops.tt.project import Project, volume_name

#: Where a volume of PostgreSQL's has the file that every database cluster begins with, by the image's layout.
CLUSTER_FILE = "17/data/PG_VERSION"


def problems(project: Project, host: Host, compared: Compared) -> list[str]:
    """What is wrong with the data volumes of a state and its host, a line each with what to do.

    Raises:
        UnreachableError: the host does not answer.
    """
    volumes = project.volumes()
    numbers = {volume_name(project.stack, number): number for number in (volumes.used, *volumes.kept)}
    replaced = [name for name in compared.strangers if name in compared.memory.origins]
    found = [_gone(project, name) for name in compared.missing if name not in numbers]
    found += [_replaced(project, name) for name in replaced if name not in numbers]
    known = [number for name, number in numbers.items() if name in compared.memory.origins]
    return sorted([*found, *(each for number in known if (each := problem_of(project, host, compared, number)))])


def problem_of(project: Project, host: Host, compared: Compared, number: int) -> str | None:
    """What is wrong with a volume of PostgreSQL's, in use or kept, with what to do; None if nothing is.

    Raises:
        UnreachableError: the host does not answer.
    """
    name = volume_name(project.stack, number)
    is_used = number == project.volumes().used
    remove = f"`./tt volumes remove {number} --stack {project.stack}` takes it out of the config"
    if name in compared.missing:
        return (
            _gone(project, name) if is_used else f"{name}, kept after a restore, is gone from the Docker host: {remove}"
        )
    if name in compared.strangers:
        return _replaced(project, name)
    if has_cluster(host, name) is not False:
        return None
    if not is_used:
        return f"{name}, kept after a restore, has no database in it: {remove}"
    return (
        f"{name}, which PostgreSQL uses, has no database in it: `./tt restore --latest --stack {project.stack} "
        "--without-safety-backup` brings back what is in the backups"
    )


def _gone(project: Project, name: str) -> str:
    return f"{name} is gone from the Docker host: `make preview STACK={project.stack}` says what to do"


def _replaced(project: Project, name: str) -> str:
    return (
        f"the volume {name} is not the one that this state made: `make preview STACK={project.stack}` says what to do"
    )


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
