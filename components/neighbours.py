"""What others have on the stack's Docker host: no subnet, port or name of theirs is taken.

Docker refuses the same, but in the middle of an `up` and without a word on whose it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from itertools import chain
from typing import Any

import pulumi

from components import docker_host, engine_version, provider
from components.naming import SYSTEM
from components.ownership import Found, Owner, data_numbers, owner_of
from remote import redacted
from settings import Settings
from settings.addresses import free_port, free_subnet
from settings.commands import command_for
from settings.errors import Path, Problem
from settings.limits import LIMITS
from settings.ownership import Memory, is_data

#: Seconds that the host has for each of its answers in a preview.
TIMEOUT = 5

#: Any address of the host.
ANY = IPv4Address("0.0.0.0")  # noqa: S104 - to compare with

NOT_ASKED = "the Docker host does not answer, so nobody knows whether subnets, ports and names are free on it"


@dataclass(frozen=True)
class Owned:
    """Something on the host: a `network`, a `container` or a `volume`, and the stack that its label names."""

    kind: str
    name: str
    stack: str | None

    def __str__(self) -> str:
        whose = f" of the stack {self.stack}" if self.stack else ""
        return f"the {self.kind} {self.name}{whose}"


@dataclass(frozen=True)
class Neighbours:
    """What is on the host and not the stack's own: subnets and published ports by what has them, and all names."""

    subnets: Sequence[tuple[IPv4Network, Owned]]
    ports: Sequence[tuple[IPv4Address, int, Owned]]
    names: Sequence[Owned]


@dataclass(frozen=True)
class Clash:
    """A setting that somebody else's thing forbids, and a value that is free; None if there is none."""

    path: Path
    value: object
    owner: Owned
    of_owner: object
    free: object | None


def refuse_clashes(stack: str, settings: Settings, state: Future[Memory]) -> Owner:
    """Asks the Docker host, and refuses what is another's, what clashes, and an engine that is too old.

    A preview only warns where the host does not answer. `state` is what the stack's last state has of it.

    Raises:
        pulumi.RunError: what is another state's, or gone; or every clash, each with whose it is and the command for a
            value that is free; or the version.
    """
    import docker  # noqa: PLC0415 - see `components.docker_host`
    import requests  # noqa: PLC0415 - whose errors the Docker client lets through

    try:
        # Who changes something waits until the host has looked.
        timeout = TIMEOUT if pulumi.runtime.is_dry_run() else docker_host.REQUEST_TIMEOUT
        api = docker_host.client(timeout).api
        version = api.version()
        if too_old := engine_version.refusal(version):
            raise pulumi.RunError(too_old)
        lists = Found(api.networks(), api.containers(all=True), api.volumes()["Volumes"] or [])
    except (docker.errors.DockerException, requests.exceptions.RequestException) as error:
        _go_on_without(redacted(" ".join(str(error).split())))
        return Owner.of(state.result())
    memory = state.result()
    owner = owner_of(stack, settings, memory, lists)
    judged = memory.volumes | {name for name in owner.origins if is_data(stack, name, data_numbers(settings))}
    others = (each for each in lists.volumes if each["Name"] not in judged)
    found = neighbours(stack, lists.networks, lists.containers, others)
    if message := refusal(stack, settings, found):
        raise pulumi.RunError(message)
    if newer := engine_version.notice(version):
        pulumi.log.info(newer)
    return owner


def _go_on_without(reason: str) -> None:
    """Warns in a preview that the Docker host does not answer; an update stops, since it would change a host unchecked."""
    if not pulumi.runtime.is_dry_run():
        # It may know better what to do.
        provider.refuse_unusable()
        raise pulumi.RunError(f"{NOT_ASKED} ({reason}). Nothing was changed.")
    pulumi.log.warn(f"{NOT_ASKED} ({reason})")


def neighbours(
    stack: str,
    networks: Iterable[Mapping[str, Any]],
    containers: Iterable[Mapping[str, Any]],
    volumes: Iterable[Mapping[str, Any]],
) -> Neighbours:
    """What Docker's lists have of others."""
    subnets, ports, names = [], [], []
    for network in networks:
        owner = _owned("network", network["Name"], network)
        if _is_own(owner, stack):
            continue
        names.append(owner)
        # Networks of a swarm have addresses of their own.
        if network.get("Scope") == "local":
            for config in (network.get("IPAM") or {}).get("Config") or ():
                if "." in config.get("Subnet", ""):
                    subnets.append((IPv4Network(config["Subnet"], strict=False), owner))
    for container in containers:
        owner = _owned("container", container["Names"][0].removeprefix("/"), container)
        if _is_own(owner, stack):
            continue
        names.append(owner)
        for port in container.get("Ports") or ():
            if "PublicPort" in port and port.get("Type") == "tcp" and ":" not in port.get("IP", ""):
                ports.append((IPv4Address(port.get("IP") or ANY), port["PublicPort"], owner))
    names += [owner for each in volumes if not _is_own(owner := _owned("volume", each["Name"], each), stack)]
    return Neighbours(subnets, ports, names)


def refusal(stack: str, settings: Settings, found: Neighbours) -> str | None:
    """What to tell somebody whose stack clashes with others; None if it doesn't."""
    lines = []
    for clash in chain(_subnets(settings, found), _ports(settings, found)):
        verb = "overlaps" if isinstance(clash.of_owner, IPv4Network) else "is published already, at"
        free = f"; {clash.free} is free" if clash.free is not None else ""
        message = f"{verb} {clash.of_owner} of {clash.owner}{free}"
        lines.append(f"  {Problem(clash.path, message, str(clash.value))}")
        if clash.free is not None:
            lines.append(f"      {command_for(stack, clash.path, clash.free)}")
    for owner in _names(stack, found):
        lines.append(
            f"  the stack's name, {stack}: {owner} has a name that this stack may give, and is not its own. It may hold"
            " live data: find out whose it is before you remove it, or give this stack a name of its own"
        )
        lines.append(f"      ./tt stack new NAME --like {stack}")
    if not lines:
        return None
    heading = f"Pulumi.{stack}.yaml clashes with what is on the Docker host. Nothing was changed. Set other values:"
    return "\n".join([heading, *lines])


def _owned(kind: str, name: str, attributes: Mapping[str, Any]) -> Owned:
    return Owned(kind, name, (attributes.get("Labels") or {}).get("stack"))


def _is_own(owner: Owned, stack: str) -> bool:
    return owner.stack == stack and owner.name.startswith(_prefix(stack))


def _prefix(stack: str) -> str:
    """What each name of a stack begins with."""
    return f"{SYSTEM}-{stack}-"


def _subnets(settings: Settings, found: Neighbours) -> Iterator[Clash]:
    """Networks that would overlap those of others."""
    taken = [subnet for subnet, _ in found.subnets]
    given: list[IPv4Network] = [*(subnet for _, subnet in settings.network)]
    # Without a debug port there is no network for it, and there is none for monitoring yet.
    made = ("edge", "data", "egress", *(("debug",) if settings.has_debug_ports else ()))
    for key in made:
        subnet: IPv4Network = getattr(settings.network, key)
        other = next((each for each in found.subnets if each[0].overlaps(subnet)), None)
        if other:
            free = free_subnet(subnet.prefixlen, [*taken, *given])
            # The next one to be suggested is another.
            given += [free] if free else []
            yield Clash(("network", key), subnet, other[1], other[0], free)


def _ports(settings: Settings, found: Neighbours) -> Iterator[Clash]:
    """Ports of the host that others publish."""
    local = IPv4Address("127.0.0.1")
    publish = settings.nginx.publish
    wanted: list[tuple[Path, IPv4Address, int | None]] = [
        (("postgres", "debug_port"), local, settings.postgres.debug_port),
        (("nats", "debug_port"), local, settings.nats.debug_port),
        (("nats", "debug_monitor_port"), local, settings.nats.debug_monitor_port),
    ]
    if settings.tunnel is None:
        wanted.append((("nginx", "publish", "port"), publish.address, publish.port))
        if settings.nginx.tls:
            wanted.append((("nginx", "publish", "tls_port"), publish.address, publish.tls_port))
    taken = {port for _, port, _ in found.ports} | {port for _, _, port in wanted if port is not None}
    for path, address, port in wanted:
        for its_address, its_port, owner in found.ports:
            if port == its_port and (address == its_address or ANY in (address, its_address)):
                free = free_port(port, taken, LIMITS.suits)
                taken |= {free} if free else set()
                yield Clash(path, port, owner, f"{its_address}:{its_port}", free)
                break


def _names(stack: str, found: Neighbours) -> Iterator[Owned]:
    """Things with a name of this stack that are not its own, and not of a stack whose name begins with this one's."""
    for owner in found.names:
        has_its_own = owner.stack is not None and owner.name.startswith(_prefix(owner.stack))
        if owner.name.startswith(_prefix(stack)) and not has_its_own:
            yield owner
