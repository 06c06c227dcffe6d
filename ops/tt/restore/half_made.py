"""Containers and networks that an update was making when it was cut off, which no state knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import docker
from docker.models.containers import Container
from docker.models.networks import Network

from ops.tt.host.differences import CONTAINER, NETWORK
from ops.tt.host.docker_host import Host, answering
from ops.tt.host.ownership import Compared, compare
from ops.tt.operator import Operator
from settings.ownership import IDENTITY, Memory

Made = Container | Network

#: Pulumi's types, by the words of `settings.ownership.unknown`.
KINDS: Final = {"container": CONTAINER, "network": NETWORK}


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
    resources = operator.engine.resources()
    compared = compare(operator.project, operator.host, resources)
    sought = {
        (str(each["resource"]["type"]), str((each["resource"].get("inputs") or {}).get("name")))
        for each in operator.engine.pending()
        if each["type"] == "creating"
    }
    sought |= _unanswered(compared, resources)
    found = [_find(operator.host, kind, name) for kind, name in sorted(sought)]
    # What uses a network goes before it.
    return sorted(
        (made for made in found if made is not None and _is_ours(made, compared.memory)),
        key=lambda made: isinstance(made, Network),
    )


def _unanswered(compared: Compared, resources: Sequence[Mapping[str, Any]]) -> set[tuple[str, str]]:
    """Containers and networks that Docker made, and whose answer never came: the connection broke before it.

    Pulumi takes that for a failed creation, and writes nothing of it down. By type and name; none where the state has
    one of their names with another id, for then the state is older than what runs.
    """
    # What was deleted to be made anew is in the state until that is done.
    there = [each for each in resources if not each.get("pendingReplacement")]
    names = {(each.get("type"), (each.get("outputs") or {}).get("name")) for each in there}
    unknown = {(KINDS[kind], name) for _, kind, name in (each.split() for each in compared.unknown)}
    return unknown if compared.memory.identity is not None and unknown.isdisjoint(names) else set()


def _is_ours(made: Made, memory: Memory) -> bool:
    """Whether something of the stack's name is not in the state, and carries no other state's identity."""
    labels = made.labels if isinstance(made, Container) else made.attrs["Labels"]
    return made.id not in memory.ids and labels.get(IDENTITY) in (None, memory.identity)


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
