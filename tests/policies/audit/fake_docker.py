"""A Docker host that is made up, and a state of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import docker

from policies.containers import CONTAINER
from policies.resource import NETWORK, VOLUME
from tests.policies.audit.inspection.samples import (
    CARRIER_CHANGES,
    INSPECTED_NETWORK,
    INSPECTED_VOLUME,
    NETWORK_ID,
    RUNNING,
    inspected,
)

#: The edge network of the stack `prod`.
EDGE = {
    **INSPECTED_NETWORK,
    "Name": "tasktracker-prod-edge",
    "Id": NETWORK_ID,
    "Internal": False,
    "Labels": {"stack": "prod", "service": "edge"},
}
FILES = {**INSPECTED_VOLUME, "Name": "tasktracker-prod-nginx-files"}
BRIDGE = {"Name": "bridge", "Id": 64 * "b", "Driver": "bridge", "Labels": {}}
CARRIER = inspected({**CARRIER_CHANGES, "Id": 64 * "a"})

ELSEWHERE = {"other": {"NetworkID": 64 * "9"}}


def stranger(id_: str = "1", name: str = "stranger", **changes: Any) -> dict[str, Any]:
    """A container that has nothing to do with the stack; a change's path has __ for its dots."""
    return inspected({
        "Id": 64 * id_, "Name": f"/{name}", "Config.Labels": None, "Mounts": [], "HostConfig.Mounts": None,
        "NetworkSettings.Networks": ELSEWHERE, "HostConfig.PortBindings": None, "NetworkSettings.Ports": {},
        **{path.replace("__", "."): value for path, value in changes.items()},
    })  # fmt: skip


class FakeApi:
    """Docker's answers; what is in `gone` was listed and is gone when it is asked for."""

    def __init__(
        self,
        containers: Sequence[Mapping[str, Any]],
        services: Sequence[Mapping[str, Any]] = (),
        tasks: Sequence[Mapping[str, Any]] = (),
        gone: Sequence[str] = (),
        **more: Any,
    ) -> None:
        self.things = {
            CONTAINER: {each["Id"]: each for each in containers},
            NETWORK: {each["Id"]: each for each in (EDGE, BRIDGE, *more.get("networks", ()))},
            VOLUME: {each["Name"]: each for each in (FILES, *more.get("volumes", ()))},
        }
        self.services_, self.tasks_, self.gone = services, tasks, gone

    def info(self) -> dict[str, Any]:
        return {"CgroupVersion": "2", "Swarm": {"ControlAvailable": bool(self.services_)}}

    def containers(self, all: bool) -> list[dict[str, Any]]:
        assert all, "what is stopped counts too"
        return [{"Id": id_} for id_ in self.things[CONTAINER]]

    def networks(self) -> list[dict[str, Any]]:
        return [{"Id": id_} for id_ in self.things[NETWORK]]

    def volumes(self) -> dict[str, Any]:
        return {"Volumes": [{"Name": name} for name in self.things[VOLUME]] or None}

    def images(self) -> list[dict[str, Any]]:
        return []

    def services(self) -> Any:
        return self.services_

    def tasks(self) -> Any:
        return self.tasks_

    def _inspect(self, type_: str, id_: str) -> Any:
        if id_ in self.gone:
            raise docker.errors.NotFound("gone")
        return self.things[type_][id_]

    def inspect_container(self, id_: str) -> Any:
        return self._inspect(CONTAINER, id_)

    def inspect_network(self, id_: str) -> Any:
        return self._inspect(NETWORK, id_)

    def inspect_volume(self, name: str) -> Any:
        return self._inspect(VOLUME, name)


def names(found: Sequence[Mapping[str, Any]], kind: str = "violation") -> set[str]:
    return {each["name"] or each["urn"] for each in found if each["finding"] == kind}


def state(*resources: Mapping[str, Any], stack: str = "prod") -> str:
    """What `pulumi stack export` writes of a stack whose resources are these."""
    urns = [f"urn:pulumi:{stack}::tasktracker::parent${each['type']}::{each['name']}" for each in resources]
    listed = [{"urn": urn, "custom": True, **each} for urn, each in zip(urns, resources, strict=True)]
    return json.dumps({"version": 3, "deployment": {"resources": listed}})


KNOWN = (
    {"type": CONTAINER, "name": "nginx", "id": RUNNING["Id"]},
    {"type": CONTAINER, "name": "nginx-files", "id": CARRIER["Id"]},
    {"type": NETWORK, "name": "edge", "id": NETWORK_ID},
    {"type": VOLUME, "name": "nginx-files", "id": FILES["Name"]},
    {"type": "pulumi:index:Stash", "name": "key", "id": "key"},
)
