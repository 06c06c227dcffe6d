"""What the state has on the Docker host, compared with what is there: what is missing, stopped or off a network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from ops.tt.host.docker_host import Host, answering
from settings.releases import SWITCH, slots_in_use

CONTAINER: Final = "docker:index/container:Container"
NETWORK: Final = "docker:index/network:Network"
VOLUME: Final = "docker:index/volume:Volume"

#: How the URN ends of what has the containers' limits of processes.
PIDS_LIMITS: Final = "::pids-limits"

#: Docker's words for a container that does no work and that nothing but a person stopped.
STOPPED: Final = ("exited", "created", "dead")


class Kind(StrEnum):
    """How a thing on the host differs from what the last update made."""

    MISSING = "missing"
    STOPPED = "stopped"
    PAUSED = "paused"
    DISCONNECTED = "disconnected"
    MISNAMED = "misnamed"


@dataclass(frozen=True)
class Difference:
    """Something that is not as the last update left it.

    Attributes:
        kind: How it differs.
        type: The resource's type in the state.
        name: Docker's name of it.
        network: The inputs of the network that it is not on as it was made (`name`, `aliases`, `ipv4Address`).
    """

    kind: Kind
    type: str
    name: str
    network: Mapping[str, Any] | None = None

    def __str__(self) -> str:
        what = {CONTAINER: "container", NETWORK: "network", VOLUME: "volume"}[self.type]
        if self.network is not None and self.kind is Kind.MISNAMED:
            return f"the container {self.name} has other names or another address on the network {self.network['name']}"
        if self.network is not None:
            return f"the container {self.name} is not on the network {self.network['name']}"
        return f"the {what} {self.name} is {'not there' if self.kind is Kind.MISSING else self.kind.value}"


def differences(host: Host, resources: Sequence[Mapping[str, Any]]) -> list[Difference]:
    """What of the state's containers, networks and volumes is not on the host as it was made, in the state's order.

    Raises:
        UnreachableError: the host does not answer.
    """
    with answering():
        api = host.client.api
        containers = api.containers(all=True)
        there = {
            CONTAINER: {str(each["Id"]): each for each in containers},
            NETWORK: {str(each["Id"]): each for each in api.networks()},
            VOLUME: {str(each["Name"]): each for each in api.volumes()["Volumes"] or []},
        }
        found: list[Difference] = []
        slots = _in_use(resources)
        for each in resources:
            # What is marked for deletion was replaced: it need not be there.
            if each.get("type") in there and not each.get("delete"):
                found += _compared(api, each, there[each["type"]].get(str(each.get("id"))), slots)
    known = {_name(each) for each in resources if each.get("type") == CONTAINER}
    known |= {name.removeprefix("/") for each in containers for name in each.get("Names") or ()}
    return [*found, *(Difference(Kind.MISSING, CONTAINER, name) for name in _limited(resources) if name not in known)]


def _limited(resources: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The containers that the last update has set limits of processes for: all that run.

    A refresh takes those that are gone out of the state, and an update that is cut off then does not make them.
    """
    for each in resources:
        if str(each.get("urn")).endswith(PIDS_LIMITS):
            yield from ((each.get("inputs") or {}).get("input") or {}).get("limits") or ()


def _name(known: Mapping[str, Any]) -> str:
    return str((known.get("outputs") or {}).get("name") or (known.get("inputs") or {}).get("name"))


def _in_use(resources: Sequence[Mapping[str, Any]]) -> frozenset[str]:
    """The slots whose releases get requests, by the record of the switch."""
    records = (each for each in resources if str(each.get("urn")).endswith(f"::{SWITCH}"))
    record = next((((each.get("inputs") or {}).get("input") or {}) for each in records), {})
    return slots_in_use(record)


def _is_meant_to_run(inputs: Mapping[str, Any], slots: frozenset[str]) -> bool:
    """Whether a container runs: jobs and carriers of files do not, and what the switch starts does in its `slots`."""
    labels = {each.get("label"): each.get("value") for each in inputs.get("labels") or ()}
    is_held = not inputs.get("mustRun") and bool(inputs.get("healthcheck"))
    return bool(inputs.get("mustRun")) or (is_held and labels.get("slot") in slots)


def _compared(
    api: Any,  # noqa: ANN401 - the client has no types
    known: Mapping[str, Any],
    actual: Mapping[str, Any] | None,
    slots: frozenset[str],
) -> Iterator[Difference]:
    """The differences of one resource; `slots` are those whose releases get requests."""
    type_, inputs, name = str(known["type"]), known.get("inputs") or {}, _name(known)
    if actual is None:
        yield Difference(Kind.MISSING, type_, name)
        return
    if type_ != CONTAINER or not _is_meant_to_run(inputs, slots):
        return
    state = str(actual.get("State"))
    # One that could not be made is replaced by the next update.
    if state in STOPPED and not known.get("initErrors"):
        yield Difference(Kind.STOPPED, type_, name)
    elif state == "paused":
        yield Difference(Kind.PAUSED, type_, name)
    networks = inputs.get("networksAdvanced") or ()
    # Docker's list has no names of containers on networks.
    settings = api.inspect_container(actual["Id"])["NetworkSettings"] if networks else {}
    attached = settings.get("Networks") or {}
    for network in networks:
        if network.get("name") not in attached:
            yield Difference(Kind.DISCONNECTED, type_, name, network)
        elif not _is_as_made(network, attached[network["name"]]):
            yield Difference(Kind.MISNAMED, type_, name, network)


def _is_as_made(network: Mapping[str, Any], endpoint: Mapping[str, Any]) -> bool:
    """Whether a container has the names and the address on a network that it was made with; Docker adds names."""
    names = {*(endpoint.get("Aliases") or ()), *(endpoint.get("DNSNames") or ())}
    address = network.get("ipv4Address")
    has = (endpoint.get("IPAMConfig") or {}).get("IPv4Address")
    return {*(network.get("aliases") or ())} <= names and (not address or has == address)
