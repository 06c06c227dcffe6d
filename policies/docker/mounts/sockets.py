"""No way to the API of a container runtime: no mount of its socket, and no address."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from policies.containers import CONTAINER, SERVICE
from policies.docker.mounts.runtime_sockets import leads_to_socket
from policies.docker.mounts.sources import LOCAL_DRIVER_OPTIONS, MOUNTS, AbsolutePath, looks_like_path, source_path
from policies.resource import VOLUME, Resource
from policies.rule import Finding, Level, Options, Rule, Scope, Severity
from policies.values import entries, text

#: Variables that lead a client to a container runtime, of this host or another.
RUNTIME_VARIABLES: Final = frozenset(
    {"DOCKER_HOST", "CONTAINER_HOST", "CONTAINERD_ADDRESS", "CONTAINER_RUNTIME_ENDPOINT", "BUILDKIT_HOST"}
)

#: Docker's API over the network, by its ports.
_RUNTIME_URL: Final = re.compile(r"(?:tcp|https?)://[^\s/\"']{1,255}:237[56](?![0-9])", re.IGNORECASE)

_NO_API: Final = "no way to the API of a container runtime"
_NO_SOCKET: Final = "nothing that is, or holds, the socket of a container runtime"


class SocketOptions(Options):
    """`sockets`: further sockets that control containers, such as a second daemon's."""

    sockets: tuple[AbsolutePath, ...] = ()


def _paths_in(option: str) -> Iterator[str]:
    """The paths of this host in the value of a driver's option, such as `lowerdir=/a:/b,upperdir=/c`."""
    for part in option.split(","):
        paths = part.rpartition("=")[2].split(":")
        # `server:/path` is a path of another host.
        if paths[0].strip().startswith("/"):
            yield from paths


def _socket_in_options(path: str, options: object, scope: Scope[SocketOptions]) -> Iterator[Finding]:
    for name, value in entries(options).items():
        for each in _paths_in(value) if isinstance(value, str) else ():
            if each.strip().startswith("/") and leads_to_socket(each, scope.options.sockets):
                yield Finding(f"{path}.{name}" if name in LOCAL_DRIVER_OPTIONS else path, each, _NO_SOCKET)


def _socket(resource: Resource, scope: Scope[SocketOptions]) -> Iterator[Finding]:
    if resource.type == VOLUME:
        yield from _socket_in_options("driverOpts", resource.get("driverOpts"), scope)
        return
    for mount in resource.container.mounts:
        source = mount.source
        is_path = isinstance(source, str) and source and (mount.type == "bind" or looks_like_path(source))
        if is_path and leads_to_socket(source, scope.options.sockets):
            yield Finding(source_path(mount, resource), source, _NO_SOCKET)
        yield from _socket_in_options(f"{mount.path}.volumeOptions.driverOptions", mount.driver_options, scope)
    yield from _api(resource)


def _api(resource: Resource) -> Iterator[Finding]:
    """Findings where a container is led to a runtime's API over the network, which is the socket by another way."""
    container = resource.container
    for entry in container.env:
        value = text(entry.value)
        if value and (entry.name in RUNTIME_VARIABLES or _RUNTIME_URL.search(value)):
            yield Finding(entry.path, text(entry.name), _NO_API)
    for word in container.words:
        if isinstance(word.value, str) and _RUNTIME_URL.search(word.value):
            yield Finding(word.path or "", "an address of Docker's API", _NO_API)


RULES = (
    Rule(
        id="DKR-SOCK",
        title="No container runtime's socket in a container",
        level=Level.MANDATORY,
        severity=Severity.CRITICAL,
        sources=("CIS Docker 1.6, 5.32", "OWASP Docker #1"),
        reads={
            CONTAINER: (*MOUNTS[CONTAINER], "envs", "command", "entrypoints", "healthcheck.tests"),
            SERVICE: (
                *MOUNTS[SERVICE],
                *(f"taskSpec.containerSpec.{name}" for name in ("env", "args", "commands", "healthcheck.tests")),
            ),
            VOLUME: ("driverOpts",),
        },
        why="Who can talk to the runtime's socket can start a container that is root on the host; that a mount is "
        "read-only changes nothing, because a socket is written to all the same.",
        fix="Remove the mount or the address. Mount the one folder that is needed, if DKR-BIND allows it, and not one "
        "above a socket.",
        check=_socket,
        options=SocketOptions,
        waivable=False,
    ),
)
