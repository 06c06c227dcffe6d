"""Where the labels and variables lead from which a proxy that watches Docker takes its destinations."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from policies.docker.monitoring.findings import NO_INTERNAL, MonitoringOptions, monitoring_ports
from policies.docker.monitoring.forwarders import port_tokens
from policies.docker.network.known_ports import STORE_PORTS
from policies.proxies.leads import mentioned_ports
from policies.resource import Resource
from policies.rule import Finding, Scope
from policies.values import text

#: Labels by which a proxy that watches Docker finds what it leads to.
_ROUTER_LABEL: Final = re.compile(
    r"traefik\..*|caddy(?:_\d+)?(?:\..*)?|(?:easy)?haproxy\..*|sozu\..*|swarm-proxy\..*|com\.df\..*|fabio\..*|ingress\..*"
    r"|tsdproxy\..*|docktail\..*|cloudflare\..*|.*\.(?:proxy|upstream|loadbalancer)\..*",
    re.IGNORECASE,
)

#: Variables by which nginx-proxy and its like find what they lead to.
_ROUTER_VARIABLE: Final = re.compile(r"VIRTUAL_PORT|VIRTUAL_HOST_MULTIPORTS|CADDY_PORT|SERVICE_\d+_NAME|TRAEFIK_\w+")


def in_routes(resource: Resource, scope: Scope[MonitoringOptions]) -> Iterator[Finding]:
    """Findings in labels and variables from which a proxy that watches Docker takes its destinations."""
    internal = monitoring_ports(scope).union(STORE_PORTS)
    container = resource.container
    routes = [
        entry for entry in container.labels if isinstance(entry.name, str) and _ROUTER_LABEL.fullmatch(entry.name)
    ]
    routes += [
        entry for entry in container.env if isinstance(entry.name, str) and _ROUTER_VARIABLE.fullmatch(entry.name)
    ]
    for entry in routes:
        value = text(entry.value) or ""
        for port in sorted((port_tokens(value) | mentioned_ports(value, internal)) & internal):
            yield Finding(entry.path, port, NO_INTERNAL)
