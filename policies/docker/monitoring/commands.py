"""Where the command and the health check of a container lead."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from policies.docker.monitoring.findings import (
    OPEN,
    SPELLED_OUT,
    MonitoringOptions,
    host_findings,
    known_environment,
    monitoring_ports,
    port_finding,
)
from policies.docker.monitoring.forwarders import assigned, filled, is_unspelled, port_tokens
from policies.docker.network.known_ports import STORE_PORTS
from policies.proxies.leads import leads, mentioned_ports
from policies.resource import Resource
from policies.rule import Finding, Scope
from policies.values import text
from policies.workloads.roles import command_line, command_words, health_line, is_forwarder, is_proxy

#: What a health check has that takes connections.
_LISTENS: Final = re.compile(r"listen|\s-\w*l|DNAT|\s-\w*[LRD]\b|fork", re.IGNORECASE)


def in_command(resource: Resource, scope: Scope[MonitoringOptions], *, is_entry: bool) -> Iterator[Finding]:
    """Findings in the command. A proxy's may not name such a port in any notation, an entry's not behind a host, and no
    container's may hold a proxy's config that leads there."""
    monitoring = monitoring_ports(scope)
    internal = monitoring.union(STORE_PORTS)
    container = resource.container
    proxy, environment = is_proxy(container), known_environment(resource)
    seen: set[int] = set()
    for word in command_words(container):
        value = text(word.value)
        if not value:
            continue
        ports = set[int]()
        if ":" in value or "$" in value:
            # Quotes are the shell's, around what it writes into a file or hands on.
            found = leads(re.sub("[\"']", "\n", value), internal, (), environment)
            ports |= found.ports
            yield from host_findings(word.path or "", found.hosts)
            if found.is_open:
                yield Finding(word.path or "", OPEN, SPELLED_OUT)
        if proxy:
            ports |= port_tokens(filled(value, environment | assigned(value))) & internal
        elif is_entry:
            ports |= mentioned_ports(value, monitoring)
        seen |= ports
        yield from (port_finding(word.path, port, monitoring) for port in sorted(ports))
    if proxy and is_unspelled(command_line(container), environment, is_entry=is_entry):
        yield Finding(container.field("command").path or "", OPEN, SPELLED_OUT)
    if proxy:
        # What is in base64, or in words that only together name a port.
        rest = (port_tokens(filled(command_line(container), environment)) & internal) - seen
        yield from (port_finding(container.field("command").path, port, monitoring) for port in sorted(rest))
    health = health_line(container)
    if _LISTENS.search(health) and is_forwarder(health):
        for port in sorted(port_tokens(health) & internal):
            yield port_finding(container.field("healthcheck.tests").path, port, monitoring)
