"""Ports of this machine that a process other than Docker's has: Docker finds out half-way through an update."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, Final

from components.preflight.host_conflicts import HostConflicts, Owned, wanted_ports
from settings import Settings

LISTEN: Final = "0A"
"""The state of a socket that waits for connections, in `/proc/net/tcp` (`TCP_LISTEN` in the kernel's tcp_states.h)."""


def with_processes(
    conflicts: HostConflicts, settings: Settings, containers: Iterable[Mapping[str, Any]]
) -> HostConflicts:
    """`conflicts`, with the processes that have a port which the stack wants and no container has."""
    docker = {port["PublicPort"] for each in containers for port in each.get("Ports") or () if "PublicPort" in port}
    found = [
        (address, port, _process(port))
        for _, address, port in wanted_ports(settings)
        if port not in docker and _is_taken(address, port)
    ]
    return replace(conflicts, ports=[*conflicts.ports, *found])


def _is_taken(address: IPv4Address, port: int) -> bool:
    """Whether a listening socket keeps Docker from listening there; other obstacles are for Docker to explain."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as attempt:
        # As Docker does: connections of the one before, which wait for their end, are no obstacle.
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind((str(address), port))
            attempt.listen(1)
        except OSError as error:
            return error.errno == errno.EADDRINUSE
    return False


def _process(port: int) -> Owned:
    """The process that listens there, as far as the user may see it."""
    inodes = {f"socket:[{inode}]" for inode in _listening(port)}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if any(str(each.readlink()) in inodes for each in (folder / "fd").iterdir()):
                return Owned("process", f"{(folder / 'comm').read_text().strip()} (PID {folder.name})", None)
        except OSError:
            # It has ended, or is another user's.
            continue
    return Owned("process", "whose name this user cannot see", None)


def _listening(port: int) -> Iterator[str]:
    """Inodes of the sockets that listen on a port, at any address."""
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        if not table.exists():
            continue
        for line in table.read_text().splitlines()[1:]:
            _, local, _, state, *rest = line.split()
            if state == LISTEN and int(local.rpartition(":")[2], 16) == port:
                yield rest[5]
