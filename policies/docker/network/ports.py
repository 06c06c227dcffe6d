"""What the host publishes."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Any, Final

from pydantic import AfterValidator
from pydantic import Field as Constraint

from policies.containers import CONTAINER, SERVICE, Port
from policies.docker.network.addresses import is_loopback, parsed
from policies.docker.network.known_ports import MAX_PORT, STORE_PORTS
from policies.limits import limit
from policies.resource import WORKLOADS, Resource
from policies.rule import Finding, Level, Options, Rule, Scope, Severity
from policies.values import UNKNOWN, flag, has_unknown, is_unset, items, number, text
from policies.workloads.roles import command_line, name_words, repository, store
from policies.workloads.tunnels import TUNNELS

#: Below it, ports are the host's own; a web server has these two there.
FIRST_UNPRIVILEGED_PORT: Final[int] = limit("DKR-PORT", "firstPort")
WEB_PORTS: Final = tuple(limit("DKR-PORT", "webPorts"))

_CLOUDFLARED: Final = re.compile(r"\bcloudflared\b")
_TUNNEL_VARIABLES: Final = frozenset({"TUNNEL_TOKEN", "TUNNEL_TOKEN_FILE", "TUNNEL_CRED_FILE", "TUNNEL_URL"})


def _listenable(address: str) -> str:
    if parsed(address) is None:
        raise ValueError("an IP address is needed")
    return address


class PortOptions(Options):
    """`publishers`: the services that may publish. `addresses`: every-interface ones that are allowed.

    `internal_ports`: the containers' ports that may be published, those of web servers by default.
    `tunnel_services`: services whose containers are the end of a tunnel. `loopback_in_development`:
    whether any service of a development stack may publish on a loopback address, for the people on
    that host.
    """

    publishers: tuple[str, ...] = ("nginx",)
    addresses: tuple[Annotated[str, AfterValidator(_listenable)], ...] = tuple(limit("DKR-PORT", "addresses"))
    internal_ports: tuple[Annotated[int, Constraint(ge=1, le=MAX_PORT)], ...] = (
        80, 443, 4443, 8000, 8008, 8080, 8081, 8082, 8088, 8090, 8443, 8444, 8888,
    )  # fmt: skip
    tunnel_services: tuple[str, ...] = ("cloudflared",)
    loopback_in_development: bool = True


def published(resource: Resource) -> Iterator[Port]:
    """The published ports of which anything is known."""
    container = resource.container
    written = items(container.field("ports").value)
    return (port for port, (_, item) in zip(container.ports, written, strict=True) if item is not UNKNOWN)


def is_for_people_here(port: Port, scope: Scope[Any]) -> bool:
    """Whether it is a debug port of a development stack, which only this host reaches, or may turn out to be."""
    allowed = scope.in_development and scope.options.loopback_in_development
    return allowed and (port.address is UNKNOWN or is_loopback(port.address))


def services(resource: Resource, scope: Scope[Any]) -> set[str]:
    """Every value that its service label is known to have; it may be written twice."""
    label = scope.conventions.service_label
    return {entry.value for entry in resource.container.labels if entry.name == label and isinstance(entry.value, str)}


def _is_publisher(resource: Resource, scope: Scope[PortOptions]) -> bool:
    named = services(resource, scope)
    if named:
        return named.issubset(scope.options.publishers)
    return has_unknown([resource.get("labels"), resource.get("taskSpec.containerSpec.labels")])


def _address(port: Port, resource: Resource, scope: Scope[PortOptions]) -> Iterator[Finding]:
    path = port.path if resource.container.is_service else f"{port.path}.ip"
    if port.address is UNKNOWN:
        return
    # The provider fills in the first for none.
    address = parsed("0.0.0.0" if is_unset(port.address) else port.address)  # noqa: S104
    allowed = {parsed(each) for each in scope.options.addresses}
    if address is None or (address.is_unspecified and address not in allowed):
        yield Finding(path, port.address, "one address of the host, not every interface")


def _number(port: Port, resource: Resource) -> Iterator[Finding]:
    if port.external is UNKNOWN:
        return
    external = _whole(port.external)
    if external is None or not (FIRST_UNPRIVILEGED_PORT <= external <= MAX_PORT or external in WEB_PORTS):
        name = "publishedPort" if resource.container.is_service else "external"
        yield Finding(f"{port.path}.{name}", port.external, "80, 443, or a fixed port from 1024 to 65535")


def _internal(port: Port, resource: Resource, scope: Scope[PortOptions]) -> Iterator[Finding]:
    """The container's own port, which tells what is published, whatever the container is called."""
    if port.internal is UNKNOWN or is_unset(port.internal):
        return
    found = set(numbers_of(port.internal))
    if not found or not found <= set(scope.options.internal_ports) or found & STORE_PORTS.keys():
        name = "targetPort" if resource.container.is_service else "internal"
        yield Finding(f"{port.path}.{name}", port.internal, "a port of a web server, see the option `internalPorts`")


def _publish(resource: Resource, scope: Scope[PortOptions]) -> Iterator[Finding]:
    container = resource.container
    publish_all = container.field("publishAllPorts")
    if publish_all.path and flag(publish_all.value):
        yield Finding(publish_all.path, publish_all.value, "false or unset")
    ports = list(published(resource))
    is_publisher = bool(ports) and _is_publisher(resource, scope)
    for port in ports:
        if not is_publisher and not is_for_people_here(port, scope):
            yield Finding(port.path, text(port.external), "no published port, but for the services in `publishers`")
            continue
        yield from _address(port, resource, scope)
        yield from _number(port, resource)
        if not is_for_people_here(port, scope):
            yield from _internal(port, resource, scope)
    publishes = is_publisher and not all(is_for_people_here(port, scope) for port in ports)
    if publishes and (what := store(container, scope.stack)):
        yield Finding(container.field("ports").path or "", f"published with {what}", _NO_STORE)


_NO_STORE: Final = "ports of a web server: no label makes a data store or a monitoring tool one that may publish"


def _is_tunnel(resource: Resource, scope: Scope[PortOptions]) -> bool:
    if resource.type in TUNNELS:
        return True
    container = resource.container
    return (
        not services(resource, scope).isdisjoint(scope.options.tunnel_services)
        or "cloudflared" in name_words(repository(container.field("image").value))
        or _CLOUDFLARED.search(command_line(container)) is not None
        or any(entry.name in _TUNNEL_VARIABLES for entry in container.env)
    )


def _together(resources: Sequence[Resource], scope: Scope[PortOptions]) -> Iterator[Finding]:
    """Findings of what publishes beside a tunnel, or beside another container of the same service."""
    beside_tunnel = any(_is_tunnel(resource, scope) for resource in resources)
    publishing: dict[str, list[Resource]] = {}
    for resource in resources:
        if resource.type not in WORKLOADS:
            continue
        ports = [port for port in published(resource) if not is_for_people_here(port, scope)]
        for port in ports if beside_tunnel else ():
            yield Finding(port.path, text(port.external), "no published port in a stack with a tunnel", resource.urn)
        for service in services(resource, scope) if ports else ():
            publishing.setdefault(service, []).append(resource)
    for service, several in publishing.items():
        if len(several) > 1 and service in scope.options.publishers:
            for resource in several:
                path = resource.container.field("ports").path or ""
                yield Finding(path, f"one of {len(several)} of its service", _ONE_PUBLISHER, resource.urn)


_ONE_PUBLISHER: Final = "published ports of one container of a service; the others are something else"


def _whole(value: object) -> int | None:
    """A number as the provider reads it into a whole one: what comes after the point is cut off."""
    found = number(value)
    return None if found is None else math.trunc(found)


def numbers_of(value: object) -> Iterable[int]:
    """The ports that `value` stands for: one, or those of a range such as `8220-8230`."""
    whole = _whole(value)
    if whole is not None:
        # A Swarm service's port is cut to the bits that a port has.
        return (whole % (MAX_PORT + 1),)
    first, dash, last = value.partition("-") if isinstance(value, str) else ("", "", "")
    low, high = _whole(first), _whole(last)
    if not dash or low is None or high is None or not 0 <= low <= high <= MAX_PORT:
        return ()
    return range(low, high + 1)


RULES = (
    Rule(
        id="DKR-PORT",
        title="Only nginx publishes, on one address, and nothing does beside a tunnel",
        level=Level.MANDATORY,
        severity=Severity.HIGH,
        sources=("CIS Docker 1.6, 5.8", "CIS Docker 1.6, 5.9", "CIS Docker 1.6, 5.14"),
        reads={
            CONTAINER: (
                "ports",
                "publishAllPorts",
                "labels",
                "image",
                "entrypoints",
                "command",
                "envs",
                "mounts",
                "volumes",
                "networksAdvanced",
                "hostname",
            ),
            SERVICE: (
                "endpointSpec.ports",
                "labels",
                *(
                    f"taskSpec.containerSpec.{name}"
                    for name in ("labels", "image", "commands", "args", "env", "mounts")
                ),
                "taskSpec.networksAdvanceds",
            ),
            **dict.fromkeys(TUNNELS, ("name",)),
        },
        why="Docker opens a published port in the firewall itself, so one on every interface is open to everyone who "
        "reaches the host, and one beside a tunnel is a way round all that the tunnel checks. What a container is "
        "shows in its image, its command and its ports; anyone can write a label.",
        fix="Remove the port, or publish nginx alone, with `ip` set to one address and `external` to a fixed port. "
        "With a tunnel, publish nothing.",
        check=_publish,
        check_stack=_together,
        options=PortOptions,
    ),
)
