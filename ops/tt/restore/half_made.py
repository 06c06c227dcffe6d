"""Containers and networks that an update was making when it was cut off, which no state knows."""

from __future__ import annotations

from collections.abc import Sequence

import docker
from docker.models.containers import Container
from docker.models.networks import Network

from ops.tt.host.differences import CONTAINER, NETWORK
from ops.tt.host.docker_host import Host, answering
from ops.tt.operator import Operator

Made = Container | Network


def remove(made: Sequence[Made], removed: list[str]) -> None:
    """Removes what an update was making; `removed` has the names of those that are gone.

    Raises:
        FailedError: Docker refuses.
        UnreachableError: it does not answer.
    """
    for each in made:
        with answering():
            each.remove(force=True) if isinstance(each, Container) else each.remove()
        removed.append(str(each.name))


def half_made(operator: Operator) -> list[Made]:
    """The stack's containers and networks that an update was making and no state knows."""
    known = {str(each.get("id")) for each in operator.engine.resources()}
    found = []
    for each in operator.engine.pending():
        resource = each["resource"]
        name = (resource.get("inputs") or {}).get("name")
        if each["type"] == "creating" and isinstance(name, str):
            made = _find(operator.host, str(resource["type"]), name)
            if made is not None and made.id not in known:
                found.append(made)
    # What uses a network goes before it.
    return sorted(found, key=lambda made: isinstance(made, Network))


def _find(host: Host, kind: str, name: str) -> Made | None:
    """A container or network of the stack by its name."""
    with answering():
        try:
            if kind == CONTAINER:
                container = host.client.containers.get(name)
                return container if container.labels.get("stack") == host.stack else None
            if kind == NETWORK:
                networks = host.client.networks.list(names=[f"^{name}$"])
                return next(
                    (each for each in networks if (each.attrs["Labels"] or {}).get("stack") == host.stack), None
                )
        except docker.errors.NotFound:
            pass
    return None
