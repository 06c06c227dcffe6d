"""What others have on the stack's Docker host: no subnet, port or name of theirs is taken.

Docker refuses the same, but in the middle of an `up` and without a word on whose it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from itertools import chain
from typing import Any

from components.core.naming import SYSTEM
from settings import Settings
from settings.addresses import free_port, free_subnet
from settings.commands import command_for
from settings.errors import Path, Problem
from settings.limits import LIMITS

#: Any address of the host.
ANY = IPv4Address("0.0.0.0")  # noqa: S104 - to compare with


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
class HostConflicts:
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


def find(
    stack: str,
    networks: Iterable[Mapping[str, Any]],
    containers: Iterable[Mapping[str, Any]],
    volumes: Iterable[Mapping[str, Any]],
) -> HostConflicts:
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
    return HostConflicts(subnets, ports, names)


def refusal(stack: str, settings: Settings, found: HostConflicts) -> str | None:
    """What to tell somebody whose stack clashes with others; None if it doesn't."""
    lines = []
    for clash in chain(_subnets(settings, found), _ports(settings, found)):
        verb = "overlaps" if isinstance(clash.of_owner, IPv4Network) else "is in use already, at"
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


def _subnets(settings: Settings, found: HostConflicts) -> Iterator[Clash]:
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


def _ports(settings: Settings, found: HostConflicts) -> Iterator[Clash]:
    """Ports of the host that others publish."""
    wanted = wanted_ports(settings)
    taken = {port for _, port, _ in found.ports} | {port for _, _, port in wanted}
    for path, address, port in wanted:
        for its_address, its_port, owner in found.ports:
            if port == its_port and (address == its_address or ANY in (address, its_address)):
                free = free_port(port, taken, LIMITS.suits)
                taken |= {free} if free else set()
                yield Clash(path, port, owner, f"{its_address}:{its_port}", free)
                break


def wanted_ports(settings: Settings) -> list[tuple[Path, IPv4Address, int]]:
    """The ports of the host that the stack publishes, by the path of their setting, with their addresses."""
    local = IPv4Address("127.0.0.1")
    publish = settings.nginx.publish
    ports: list[tuple[Path, IPv4Address, int | None]] = [
        (("postgres", "debug_port"), local, settings.postgres.debug_port),
        (("nats", "debug_port"), local, settings.nats.debug_port),
        (("nats", "debug_monitor_port"), local, settings.nats.debug_monitor_port),
    ]
    if settings.tunnel is None:
        ports.append((("nginx", "publish", "port"), publish.address, publish.port))
        if settings.nginx.tls:
            ports.append((("nginx", "publish", "tls_port"), publish.address, publish.tls_port))
    return [(path, address, port) for path, address, port in ports if port is not None]


def _names(stack: str, found: HostConflicts) -> Iterator[Owned]:
    """Things with a name of this stack that are not its own, and not of a stack whose name begins with this one's."""
    for owner in found.names:
        has_its_own = owner.stack is not None and owner.name.startswith(_prefix(owner.stack))
        if owner.name.startswith(_prefix(stack)) and not has_its_own:
            yield owner
