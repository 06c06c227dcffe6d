"""Which networks containers are on, and what those networks open."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Final

from policies.containers import CONTAINER, SERVICE
from policies.docker.network.addresses import parsed
from policies.docker.network.ports import services
from policies.resource import NETWORK, Resource
from policies.rule import Finding, Level, Options, Rule, Scope, Severity
from policies.values import UNKNOWN, entries, flag, is_unset, items, text

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


class NetworkOptions(Options):
    """`networks`: patterns of the names or services of networks that have no way out."""

    networks: tuple[str, ...] = ("data", "monitoring", "*-data", "*-monitoring")


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
    names = {resource.name, text(resource.get("name")) or "", *services(resource, scope)}
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
        address = parsed(value)
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
