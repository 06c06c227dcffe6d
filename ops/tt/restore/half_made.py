"""Containers and networks that an update was making when it was cut off, which no state knows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
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

#: Docker's word for a container that was made and not started.
NEVER_RAN: Final = "created"


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
    cut_off = [_find(operator.host, kind, name) for kind, name in sorted(sought)]
    found = [made for made in cut_off if made is not None and _is_ours(made, compared.memory)]
    found += _unanswered(operator.host, compared, resources, sought)
    # What uses a network goes before it.
    return sorted(found, key=lambda made: isinstance(made, Network))


def _unanswered(
    host: Host, compared: Compared, resources: Sequence[Mapping[str, Any]], sought: Collection[tuple[str, str]]
) -> list[Made]:
    """Containers and networks that Docker made, and whose answer never came: the connection broke before it.

    Pulumi takes that for a failed creation, and writes nothing of it down. There are none where the state has one of
    their names with another id, or where anything runs that it does not know: then it is older than what runs, or it is
    another one.
    """
    # What was deleted to be recreated is in the state until that is done.
    there = [each for each in resources if not each.get("pendingReplacement")]
    names = {(each.get("type"), (each.get("outputs") or {}).get("name")) for each in there}
    unknown = {(KINDS[kind], name) for _, kind, name in (each.split() for each in compared.unknown)} - {*sought}
    found = [made for kind, name in sorted(unknown) if (made := _find(host, kind, name)) is not None]
    is_one = unknown.isdisjoint(names) and all(_is_unused(made, compared.memory) for made in found)
    return found if is_one else []


def _is_unused(made: Made, memory: Memory) -> bool:
    """Whether a container never ran; a network is to be this state's, and without containers."""
    if isinstance(made, Container):
        return str(made.status) == NEVER_RAN and _is_ours(made, memory)
    with answering():
        # Docker's list has no containers of networks.
        made.reload()
    own = memory.identity is not None and made.attrs["Labels"].get(IDENTITY) == memory.identity
    return own and not made.attrs["Containers"]


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
