"""What the host publishes, and which networks containers are on."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Annotated, Any, Final

from pydantic import AfterValidator
from pydantic import Field as Constraint

from policies.containers import CONTAINER, SERVICE, Port
from policies.docker_secrets import SERVICE_CONFIG
from policies.limits import limit
from policies.proxies import base64_text, mentioned_ports, port_of, proxied_ports
from policies.resource import NETWORK, WORKLOADS, Resource
from policies.rule import Finding, Level, Options, Rule, Scope, Severity
from policies.values import UNKNOWN, entries, flag, has_unknown, is_unset, items, number, text

SECRET: Final = "docker:index/secret:Secret"  # noqa: S105 - a type's name

TUNNELS: Final = (
    "cloudflare:index/zeroTrustTunnelCloudflared:ZeroTrustTunnelCloudflared",
    "cloudflare:index/tunnel:Tunnel",
)
TUNNEL_CONFIGS: Final = (
    "cloudflare:index/zeroTrustTunnelCloudflaredConfig:ZeroTrustTunnelCloudflaredConfig",
    "cloudflare:index/tunnelConfig:TunnelConfig",
)

#: Those of monitoring servers and of exporters.
MONITORING_PORTS: Final = frozenset(map(int, limit("DKR-MON", "monitoringPorts")))

MAX_PORT: Final = 65_535

#: Below it, ports are the host's own; a web server has these two there.
FIRST_UNPRIVILEGED_PORT: Final[int] = limit("DKR-PORT", "firstPort")
WEB_PORTS: Final = tuple(limit("DKR-PORT", "webPorts"))

#: Docker's and Swarm's own networks; a container is on the first if nothing else is said.
PREDEFINED_NETWORKS: Final = frozenset({"bridge", "default", "host", "none", "ingress", "docker_gwbridge", "nat"})

#: What Docker takes for a network's id, or for the start of one, where no network has it for a name.
_ID: Final = re.compile(r"[0-9a-f]+")

#: Drivers that keep containers on networks of their own.
DRIVERS: Final = ("bridge", "overlay")

_BRIDGE: Final = "com.docker.network.bridge."

#: Options of a network that open nothing, whatever their value.
_HARMLESS_OPTIONS: Final = frozenset(
    {
        f"{_BRIDGE}enable_icc",
        f"{_BRIDGE}enable_ip_masquerade",
        f"{_BRIDGE}inhibit_ipv4",
        "com.docker.network.container_iface_prefix",
        "com.docker.network.driver.mtu",
        "com.docker.network.driver.overlay.vxlanid_list",
        "com.docker.network.enable_ipv4",
        "com.docker.network.enable_ipv6",
        "com.docker.network.host_ipv4",
        "com.docker.network.host_ipv6",
        "encrypted",
    }
)

#: Bridges that others made, some with a network card of the host on them.
_FOREIGN_BRIDGE: Final = re.compile(r"(?:docker0|docker_gwbridge|cni0|lxdbr\d*|(?:v|vm|vir|lxc|xen|ovs-?)?br-?\d+)")

_CLOUDFLARED: Final = re.compile(r"(?:.*/)?cloudflared(?:[:@].*)?")


def _listenable(address: str) -> str:
    if _parsed(address) is None:
        raise ValueError("an IP address is needed")
    return address


class PortOptions(Options):
    """`publishers`: the services that may publish. `addresses`: every-interface ones that are allowed.

    `tunnel_services`: services whose containers are the end of a tunnel. `loopback_in_development`:
    whether any service of a development stack may publish on a loopback address, for the people on
    that host.
    """

    publishers: tuple[str, ...] = ("nginx",)
    addresses: tuple[Annotated[str, AfterValidator(_listenable)], ...] = tuple(limit("DKR-PORT", "addresses"))
    tunnel_services: tuple[str, ...] = ("cloudflared",)
    loopback_in_development: bool = True


class MonitoringOptions(Options):
    """`ports`: monitoring ports beside those that the rule knows. `loopback_in_development`: as in DKR-PORT."""

    ports: tuple[Annotated[int, Constraint(ge=1, le=MAX_PORT)], ...] = ()
    loopback_in_development: bool = True


class NetworkOptions(Options):
    """`networks`: patterns of the names or services of networks that have no way out."""

    networks: tuple[str, ...] = ("data", "monitoring", "*-data", "*-monitoring")


def _parsed(value: object) -> IPv4Address | IPv6Address | None:
    """The address as Go's `net.ParseIP` reads it; None where it reads none.

    A zone, brackets or white space make Docker bind every interface, as it does for no address.
    """
    if not isinstance(value, str) or "%" in value:
        return None
    try:
        address = ip_address(value)
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def _is_loopback(value: object) -> bool:
    address = _parsed(value)
    return address is not None and address.is_loopback


def _ports(resource: Resource) -> Iterator[Port]:
    """The published ports of which anything is known."""
    container = resource.container
    written = items(container.field("ports").value)
    return (port for port, (_, item) in zip(container.ports, written, strict=True) if item is not UNKNOWN)


def _is_for_people_here(port: Port, scope: Scope[PortOptions] | Scope[MonitoringOptions]) -> bool:
    """Whether it is a debug port of a development stack, which only this host reaches, or may turn out to be."""
    allowed = scope.in_development and scope.options.loopback_in_development
    return allowed and (port.address is UNKNOWN or _is_loopback(port.address))


def _services(resource: Resource, scope: Scope[Any]) -> set[str]:
    """Every value that its service label is known to have; it may be written twice."""
    label = scope.conventions.service_label
    return {entry.value for entry in resource.container.labels if entry.name == label and isinstance(entry.value, str)}


def _is_publisher(resource: Resource, scope: Scope[PortOptions]) -> bool:
    services = _services(resource, scope)
    if services:
        return services.issubset(scope.options.publishers)
    return has_unknown([resource.get("labels"), resource.get("taskSpec.containerSpec.labels")])


def _address(port: Port, resource: Resource, scope: Scope[PortOptions]) -> Iterator[Finding]:
    path = port.path if resource.container.is_service else f"{port.path}.ip"
    if port.address is UNKNOWN:
        return
    # The provider fills in the first for none.
    address = _parsed("0.0.0.0" if is_unset(port.address) else port.address)  # noqa: S104
    allowed = {_parsed(each) for each in scope.options.addresses}
    if address is None or (address.is_unspecified and address not in allowed):
        yield Finding(path, port.address, "one address of the host, not every interface")


def _publish(resource: Resource, scope: Scope[PortOptions]) -> Iterator[Finding]:
    container = resource.container
    publish_all = container.field("publishAllPorts")
    if publish_all.path and flag(publish_all.value):
        yield Finding(publish_all.path, publish_all.value, "false or unset")
    ports = list(_ports(resource))
    is_publisher = bool(ports) and _is_publisher(resource, scope)
    for port in ports:
        if not is_publisher and not _is_for_people_here(port, scope):
            yield Finding(port.path, text(port.external), "no published port, but for the services in `publishers`")
            continue
        yield from _address(port, resource, scope)
        if port.external is UNKNOWN:
            continue
        external = _whole(port.external)
        if external is None or not (FIRST_UNPRIVILEGED_PORT <= external <= MAX_PORT or external in WEB_PORTS):
            name = "publishedPort" if container.is_service else "external"
            yield Finding(f"{port.path}.{name}", port.external, "80, 443, or a fixed port from 1024 to 65535")


def _is_tunnel(resource: Resource, scope: Scope[PortOptions]) -> bool:
    if resource.type in TUNNELS:
        return True
    image = text(resource.container.field("image").value) or ""
    return not _services(resource, scope).isdisjoint(scope.options.tunnel_services) or bool(
        _CLOUDFLARED.fullmatch(image)
    )


def _publish_beside_tunnel(resources: Sequence[Resource], scope: Scope[PortOptions]) -> Iterator[Finding]:
    if not any(_is_tunnel(resource, scope) for resource in resources):
        return
    for resource in resources:
        if resource.type not in WORKLOADS:
            continue
        for port in _ports(resource):
            if not _is_for_people_here(port, scope):
                yield Finding(
                    port.path, text(port.external), "no published port in a stack with a tunnel", resource.urn
                )


def _whole(value: object) -> int | None:
    """A number as the provider reads it into a whole one: what comes after the point is cut off."""
    found = number(value)
    return None if found is None else math.trunc(found)


def _numbers(value: object) -> Iterable[int]:
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


_NO_MONITORING: Final = "no monitoring port"


def _published_monitoring(
    resource: Resource, scope: Scope[MonitoringOptions], monitoring: frozenset[int]
) -> Iterator[Finding]:
    names = ("targetPort", "publishedPort") if resource.container.is_service else ("internal", "external")
    for port in _ports(resource):
        if _is_for_people_here(port, scope):
            continue
        for name, value in zip(names, (port.internal, port.external), strict=True):
            if not monitoring.isdisjoint(_numbers(value)):
                yield Finding(f"{port.path}.{name}", value, _NO_MONITORING)


def _commanded_monitoring(
    resource: Resource, scope: Scope[MonitoringOptions], monitoring: frozenset[int]
) -> Iterator[Finding]:
    """Findings in the command and the environment: a proxy takes its target from there as well as from a file."""
    container = resource.container
    publishes = any(not _is_for_people_here(port, scope) for port in _ports(resource))
    tests = container.field("healthcheck.tests").path
    given = [(word.path, text(word.value)) for word in container.words if not str(word.path).startswith(f"{tests}[")]
    if publishes:
        given += [(entry.path, text(entry.value)) for entry in container.env]
    for path, value in given:
        # No port stands without a colon, and most words have none.
        if value and ":" in value:
            # Quotes are the shell's, around what it writes into a file or hands on.
            ports = proxied_ports(re.sub("[\"']", "\n", value), monitoring)
            for port in sorted(ports | (mentioned_ports(value, monitoring) if publishes else set())):
                yield Finding(path or "", port, _NO_MONITORING)


def _contents(resource: Resource) -> Iterator[tuple[str, str]]:
    """Path and text of each file that the resource brings, where it is known."""
    if resource.type == CONTAINER:
        for index, item in items(resource.properties.get("uploads")):
            upload = entries(item)
            yield f"uploads[{index}].content", text(upload.get("content")) or ""
            yield f"uploads[{index}].contentBase64", base64_text(upload.get("contentBase64"))
    elif resource.type in (SERVICE_CONFIG, SECRET):
        yield "data", base64_text(resource.properties.get("data"))
        yield "dataRaw", text(resource.properties.get("dataRaw")) or ""


def _destinations(resource: Resource) -> Iterator[tuple[str, object]]:
    """Path and value of what a tunnel leads to."""
    for name in ("ingresses", "ingressRules"):
        for index, item in items(resource.get(f"config.{name}")):
            yield f"config.{name}[{index}].service", entries(item).get("service")


def _monitoring(resource: Resource, scope: Scope[MonitoringOptions]) -> Iterator[Finding]:
    monitoring = MONITORING_PORTS.union(scope.options.ports)
    if resource.type in TUNNEL_CONFIGS:
        for path, service in _destinations(resource):
            port = port_of(service) if isinstance(service, str) else None
            if port in monitoring:
                yield Finding(path, port, _NO_MONITORING)
        return
    if resource.type in WORKLOADS:
        yield from _published_monitoring(resource, scope, monitoring)
        yield from _commanded_monitoring(resource, scope, monitoring)
    contents = [(path, content) for path, content in _contents(resource) if content]
    for path, content in contents:
        for port in sorted(proxied_ports(content, monitoring, [other for _, other in contents])):
            # The port, and nothing else of a file that may hold a secret.
            yield Finding(path, port, _NO_MONITORING)


def _attached(resource: Resource) -> Iterator[tuple[str, object]]:
    """Path and name (or id, which wins where a service has both) of each network that it is attached to."""
    field = resource.container.field("networksAdvanced")
    for index, item in items(field.value):
        path, network = f"{field.path}[{index}]", entries(item)
        if item is UNKNOWN:
            yield path, UNKNOWN
        elif resource.container.is_service and not is_unset(network.get("id")):
            yield f"{path}.id", network["id"]
        else:
            yield f"{path}.name", network.get("name")


def _is_user_defined(network: object) -> bool:
    if network is UNKNOWN:
        return True
    name = text(network)
    # An id doesn't say which network it is: it may be the default one's.
    return (
        name is not None and name.strip().lower() not in PREDEFINED_NETWORKS | {""} and not _ID.fullmatch(name.strip())
    )


_USER_DEFINED: Final = "a network that the program makes, by a name that can't be the start of an id"


def _networks(resource: Resource, scope: Scope[Options]) -> Iterator[Finding]:
    container = resource.container
    attached = container.field("networksAdvanced")
    mode = container.field("networkMode")
    name = (text(mode.value) or "").strip().lower()
    found = list(_attached(resource))
    for path, network in found:
        if not _is_user_defined(network):
            yield Finding(path, network, _USER_DEFINED)
    if (
        name.startswith("container:")
        or name in PREDEFINED_NETWORKS - {"none", "bridge", "default"}
        or _ID.fullmatch(name)
    ):
        yield Finding(mode.path or "", mode.value, f"bridge with `networksAdvanced`, {_USER_DEFINED}, or none")
    elif name in ("", "bridge", "default") and not mode.unknown and not attached.unknown and not found:
        yield Finding(attached.path or "", attached.value, _USER_DEFINED)


def _is_internal(resource: Resource, scope: Scope[NetworkOptions]) -> bool:
    """Whether any name that it goes by says that it has no way out."""
    names = {resource.name, text(resource.get("name")) or "", *_services(resource, scope)}
    lowered = [name.strip().lower() for name in names]
    return any(fnmatchcase(name, pattern.lower()) for name in lowered for pattern in scope.options.networks)


_CLOSED: Final = "options that leave the network closed (gateway mode nat or isolated, one address to bind)"


def _opens(name: str, value: object) -> bool:
    """Whether a driver's option lets the host's network reach the containers, or is not known to leave them alone."""
    if value is UNKNOWN or is_unset(value) or name in _HARMLESS_OPTIONS:
        return False
    if name == f"{_BRIDGE}name":
        return not isinstance(value, str) or _FOREIGN_BRIDGE.fullmatch(value.strip().lower()) is not None
    if name in (f"{_BRIDGE}gateway_mode_ipv4", f"{_BRIDGE}gateway_mode_ipv6"):
        return value not in ("nat", "isolated")
    if name == f"{_BRIDGE}host_binding_ipv4":
        address = _parsed(value)
        return address is None or address.is_unspecified
    return not (name == f"{_BRIDGE}default_bridge" and flag(value) is False)


def _network(resource: Resource, scope: Scope[NetworkOptions]) -> Iterator[Finding]:
    internal = resource.get("internal")
    if internal is not UNKNOWN and not flag(internal) and _is_internal(resource, scope):
        yield Finding("internal", internal, "true for networks for data and monitoring")
    driver = resource.get("driver")
    if driver is not UNKNOWN and not is_unset(driver) and driver not in DRIVERS:
        yield Finding("driver", driver, "bridge, overlay or unset")
    if flag(resource.get("ingress")):
        yield Finding("ingress", resource.get("ingress"), "false or unset")
    addresses = resource.get("ipamDriver")
    if addresses is not UNKNOWN and not is_unset(addresses) and addresses != "default":
        yield Finding("ipamDriver", addresses, "default or unset")
    for name, value in entries(resource.get("options")).items():
        if _opens(name, value):
            known = name.startswith(_BRIDGE)
            # The name of an unknown option may be anything, so it is shown as a value is: not if it looks secret.
            yield Finding(f"options.{name}" if known else "options", value if known else name, _CLOSED)


RULES = (
    Rule(
        id="DKR-PORT",
        title="Only nginx publishes, on one address, and nothing does beside a tunnel",
        level=Level.MANDATORY,
        severity=Severity.HIGH,
        sources=("CIS Docker 1.6, 5.8", "CIS Docker 1.6, 5.9", "CIS Docker 1.6, 5.14"),
        reads={
            CONTAINER: ("ports", "publishAllPorts", "labels", "image"),
            SERVICE: ("endpointSpec.ports", "labels", "taskSpec.containerSpec.labels", "taskSpec.containerSpec.image"),
            **dict.fromkeys(TUNNELS, ("name",)),
        },
        why="Docker opens a published port in the firewall itself, so one on every interface is open to everyone who "
        "reaches the host, and one beside a tunnel is a way round all that the tunnel checks.",
        fix="Remove the port, or publish nginx alone, with `ip` set to one address and `external` to a fixed port. "
        "With a tunnel, publish nothing.",
        check=_publish,
        check_stack=_publish_beside_tunnel,
        options=PortOptions,
    ),
    Rule(
        id="DKR-MON",
        title="No monitoring port is published or proxied",
        level=Level.MANDATORY,
        severity=Severity.CRITICAL,
        sources=("CIS Docker 1.6, 5.9", "NATS documentation, monitoring"),
        reads={
            CONTAINER: ("ports", "uploads", "command", "entrypoints", "envs"),
            SERVICE: (
                "endpointSpec.ports",
                "taskSpec.containerSpec.args",
                "taskSpec.containerSpec.commands",
                "taskSpec.containerSpec.env",
            ),
            SERVICE_CONFIG: ("data", "dataRaw"),
            SECRET: ("data",),
            **dict.fromkeys(TUNNEL_CONFIGS, ("config",)),
        },
        why="Monitoring ports ask for no password and tell who is connected, what is queried and how to go on; a "
        "different external number hides nothing from a scan.",
        fix="Take the port out of `ports`, the proxy's config or the tunnel's ingress. Read it on the monitoring "
        "network, or over SSH from the host.",
        check=_monitoring,
        options=MonitoringOptions,
        waivable=False,
    ),
    Rule(
        id="DKR-NET",
        title="Containers are on user-defined networks only",
        level=Level.MANDATORY,
        severity=Severity.MEDIUM,
        sources=("CIS Docker 1.6, 5.30", "OWASP Docker #5"),
        reads={CONTAINER: ("networkMode", "networksAdvanced"), SERVICE: ("taskSpec.networksAdvanceds",)},
        why="On Docker's default network every container reaches every other one, whichever system it is part of.",
        fix="List the networks that it needs in `networksAdvanced`, with `networkMode` bridge; `networkMode` none is "
        "for what needs no network.",
        check=_networks,
    ),
    Rule(
        id="NET-INT",
        title="Networks for data and monitoring are internal, and no network opens to the host's",
        level=Level.MANDATORY,
        severity=Severity.HIGH,
        sources=("OWASP Docker #5", "CIS Docker 1.6, 5.30"),
        reads={NETWORK: ("name", "labels", "internal", "driver", "options", "ingress", "ipamDriver")},
        why="From an internal network nothing gets out, so a store that is broken into can't send its data away; a "
        "network on the host's own one puts containers where no port rule holds.",
        fix="Set `internal` to true, `driver` to bridge or overlay, and remove the options that open the network.",
        check=_network,
        options=NetworkOptions,
    ),
)
