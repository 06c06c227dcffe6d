"""Memory limits that a running container already exceeds.

The kernel refuses such a limit, or kills processes of the container, and the provider reports neither as it updates the
container in place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

import pulumi

from components.core.naming import Naming
from remote.memory import in_use
from settings import Settings
from settings.commands import command_for
from settings.errors import Path, Problem

if TYPE_CHECKING:
    from docker import DockerClient

MB: Final = 1024 * 1024

HEADROOM: Final = 1.2
"""What a service needs beyond what it uses at the time of the update, at least: it is measured at one moment."""


def refuse_too_low(stack: str, settings: Settings, current: Mapping[str, int], client: DockerClient) -> None:
    """Compares lower limits with what the containers use.

    `current` has the limits in the state, in MB, by container. Containers whose limit is not lowered are not asked.

    Raises:
        pulumi.RunError: a limit is below the use of the running container; names the setting and the least value.
        docker.errors.DockerException, requests.exceptions.RequestException: the host does not answer.
    """
    naming, lines = Naming(stack), []
    for path, container, limit in _limits(settings):
        name = naming.container(container)
        if limit >= current.get(name, 0):
            continue
        used = _used(client, name)
        least = round(used * HEADROOM)
        if limit < least:
            problem = Problem(path, f"{name} uses {used} MB now, so at least {least}MB", f"{limit}MB")
            lines += [f"  {problem}", f"      {command_for(stack, path, f'{least}MB')}"]
    if lines:
        raise pulumi.RunError("\n".join(["memory limits are below what is in use. Nothing was changed.", *lines]))


def _limits(settings: Settings) -> Iterator[tuple[Path, str, int]]:
    """The limits in MB, by the path of their setting, with the container's name."""
    for service, resources in settings.limits():
        for container in service.containers:
            yield (*service.block, "resources", "memory"), container, resources.memory


def _used(client: DockerClient, container: str) -> int:
    """MB that a container needs at this time, without what the kernel only caches of files; 0 for one that is gone."""
    import docker  # noqa: PLC0415 - see `components.core.host_client`

    try:
        return (in_use(client.api.stats(container, stream=False, one_shot=True)) or 0) // MB
    except docker.errors.NotFound:
        return 0
