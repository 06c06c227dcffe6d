"""What is on a Docker host."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import docker

from policies.audit.inspection.host import PREDEFINED_NETWORKS, Host
from policies.containers import CONTAINER, SERVICE
from policies.resource import NETWORK, VOLUME
from policies.values import entries, flag, lookup, text

#: How people call the resources.
KINDS = {CONTAINER: "container", NETWORK: "network", VOLUME: "volume", SERVICE: "service"}


@dataclass(frozen=True)
class DockerObject:
    """An object on the host, as Docker describes it, of the type that it would have in a program."""

    type: str
    inspected: Mapping[str, Any]

    @property
    def id(self) -> str:
        """What the provider has as the resource's id."""
        return text(self.inspected.get("Name" if self.type == VOLUME else "ID" if self.type == SERVICE else "Id")) or ""

    @property
    def name(self) -> str:
        """Docker's name of it."""
        name = lookup(self.inspected, "Spec.Name" if self.type == SERVICE else "Name")
        return (text(name) or "").lstrip("/")

    @property
    def labels(self) -> dict[str, Any]:
        """Its labels; a service's own."""
        where = {CONTAINER: "Config.Labels", SERVICE: "Spec.Labels"}
        return entries(lookup(self.inspected, where.get(self.type, "Labels")))

    @property
    def is_dockers_own(self) -> bool:
        """Whether it is a network that Docker made for itself."""
        return self.type == NETWORK and (self.name in PREDEFINED_NETWORKS or bool(self.inspected.get("Ingress")))

    @cached_property
    def networks(self) -> frozenset[str]:
        """Ids and names of the networks that a container is on; one that never started may have no ids yet."""
        attached = entries(lookup(self.inspected, "NetworkSettings.Networks"))
        ids = (text(entries(endpoint).get("NetworkID")) for endpoint in attached.values())
        return frozenset({*attached, *(each for each in ids if each)})

    @cached_property
    def volumes(self) -> frozenset[str]:
        """Names of the volumes that a container mounts, whichever way it came by them."""
        mounts = self.inspected.get("Mounts")
        names = (text(entries(mount).get("Name")) for mount in (mounts if isinstance(mounts, list) else []))
        return frozenset(name for name in names if name)

    @property
    def lenders(self) -> Iterator[str]:
        """Ids or names of the containers of which it shares a namespace."""
        for key in ("NetworkMode", "PidMode", "IpcMode"):
            kind, _, lender = (text(lookup(self.inspected, f"HostConfig.{key}")) or "").partition(":")
            if kind == "container" and lender:
                yield lender


@dataclass(frozen=True)
class Snapshot:
    """What is on a Docker host."""

    objects: Sequence[DockerObject]
    host: Host = field(default_factory=Host)

    def of(self, type_: str) -> list[DockerObject]:
        """The objects of one type."""
        return [each for each in self.objects if each.type == type_]


def take_snapshot(client: docker.DockerClient) -> Snapshot:
    """Reads all that rules can judge from a Docker host."""
    # The client's own types are incomplete.
    api: Any = client.api
    info = api.info()
    in_swarm = flag(lookup(info, "Swarm.ControlAvailable")) is True
    # A task's container is made from its service, which is judged. Docker's list of tasks tells which
    # those are; anybody can write their labels.
    tasks = {lookup(task, "Status.ContainerStatus.ContainerID") for task in (api.tasks() if in_swarm else [])}
    objects = [
        *_inspect(CONTAINER, api.inspect_container, (each["Id"] for each in api.containers(all=True))),
        *_inspect(NETWORK, api.inspect_network, (each["Id"] for each in api.networks())),
        *_inspect(VOLUME, api.inspect_volume, (each["Name"] for each in api.volumes().get("Volumes") or [])),
        *(DockerObject(SERVICE, each) for each in (api.services() if in_swarm else [])),
    ]
    host = Host(
        networks={each.id: each.name for each in objects if each.type == NETWORK},
        images={each["Id"]: each for each in api.images()},
        cgroup_version=text(info.get("CgroupVersion")) or "1",
    )
    return Snapshot(
        [each for each in objects if each.type != CONTAINER or each.id not in tasks],
        host,
    )


def _inspect(type_: str, inspect: Callable[[str], Any], ids: Iterable[str]) -> Iterator[DockerObject]:
    for id_ in ids:
        try:
            yield DockerObject(type_, inspect(id_))
        except docker.errors.NotFound:
            # It went away since it was listed.
            continue
