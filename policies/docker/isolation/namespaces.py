"""Which namespaces a container shares."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from policies.containers import CONTAINER, SERVICE
from policies.resource import IMAGE, REGISTRY_IMAGE, REMOTE_IMAGE, Resource
from policies.rule import Finding, Level, Options, Rule, Scope, Severity
from policies.values import UNKNOWN, entries, is_unset, items, text

#: A network's name, as Docker restricts it. `container:x` is none, nor is any path.
NETWORK_PATTERN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")

#: What a namespace's property may be, beside unset. The daemon takes nothing but its own words, in lower case.
NAMESPACES: Final = {
    "pidMode": frozenset[str](),
    "ipcMode": frozenset({"private", "none"}),
    "usernsMode": frozenset[str](),
    "cgroupnsMode": frozenset({"private"}),
    # The provider hasn't got it; a container that was made by hand may.
    "utsMode": frozenset[str](),
}

#: The network of the containers that an image is built in, by the resource that builds one.
BUILD_NETWORKS: Final = {
    REMOTE_IMAGE: "build.networkMode",
    REGISTRY_IMAGE: "build.networkMode",
    IMAGE: "build.network",
}


class NamespaceOptions(Options):
    """Which parent cgroups are allowed, such as a slice that is set aside for containers."""

    cgroup_parents: tuple[str, ...] = ()


def _is_host(value: object) -> bool:
    return isinstance(value, str) and value.strip().casefold() == "host"


def _modes(resource: Resource, options: NamespaceOptions) -> Iterator[Finding]:
    """Findings in the modes of a container; a service has none."""
    for key, known in NAMESPACES.items():
        mode = resource.get(key)
        if not is_unset(mode) and mode is not UNKNOWN and text(mode) not in known:
            yield Finding(key, mode, " or ".join((*(f"`{word}`" for word in sorted(known)), "unset")))
    yield from _network_mode(resource, "networkMode")
    parent = resource.get("cgroupParent")
    if not is_unset(parent) and parent is not UNKNOWN and parent not in options.cgroup_parents:
        yield Finding("cgroupParent", parent, "unset")


def _network_mode(resource: Resource, path: str) -> Iterator[Finding]:
    mode = resource.get(path)
    if not is_unset(mode) and mode is not UNKNOWN:
        name = text(mode)
        if name is None or _is_host(name) or not NETWORK_PATTERN.fullmatch(name):
            yield Finding(path, mode, "bridge, none or the name of a network of its own")


def _namespaces(resource: Resource, scope: Scope[NamespaceOptions]) -> Iterator[Finding]:
    if resource.type in BUILD_NETWORKS:
        yield from _network_mode(resource, BUILD_NETWORKS[resource.type])
        return
    if not resource.container.is_service:
        yield from _modes(resource, scope.options)
    networks = resource.container.field("networksAdvanced")
    for index, network in items(networks.value):
        for key in ("name", "id"):
            value = entries(network).get(key)
            if _is_host(value):
                yield Finding(f"{networks.path}[{index}].{key}", value, "a network of its own")


RULES = (
    Rule(
        id="DKR-NS",
        title="No namespaces of the host or of another container",
        level=Level.MANDATORY,
        severity=Severity.HIGH,
        sources=(
            "CIS Docker 1.6, 5.10",
            "CIS Docker 1.6, 5.16",
            "CIS Docker 1.6, 5.17",
            "CIS Docker 1.6, 5.25",
            "CIS Docker 1.6, 5.31",
            "Kubernetes PSS baseline",
        ),
        reads={
            CONTAINER: (*NAMESPACES, "networkMode", "networksAdvanced", "cgroupParent"),
            SERVICE: ("taskSpec.networksAdvanceds",),
            **{type_: (path,) for type_, path in BUILD_NETWORKS.items()},
        },
        why="Namespaces are the walls of a container. In the host's, it reaches every local port, process and shared "
        "memory; in another container's, it is part of that container.",
        fix="Remove the mode. Connect containers over a network of their own, and share files in a volume.",
        check=_namespaces,
        options=NamespaceOptions,
    ),
)
