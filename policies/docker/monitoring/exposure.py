"""Nothing leads from outside to a port of monitoring, and no proxy to one of a data store."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from policies.containers import CONTAINER, SERVICE
from policies.docker.monitoring.commands import in_command
from policies.docker.monitoring.environment import in_environment
from policies.docker.monitoring.findings import (
    NO_INTERNAL,
    NO_MONITORING,
    OPEN,
    SPELLED_OUT,
    MonitoringOptions,
    host_findings,
    known_environment,
    monitoring_ports,
)
from policies.docker.monitoring.routes import in_routes
from policies.docker.network.known_ports import STORE_PORTS
from policies.docker.network.ports import is_for_people_here, numbers_of, published, services
from policies.proxies.leads import leads, port_of
from policies.resource import WORKLOADS, Resource
from policies.rule import Finding, Level, Rule, Scope, Severity
from policies.values import entries, items, text
from policies.workloads.tunnels import TUNNEL_CONFIGS
from policies.workloads.uploads import READS, SECRET, SERVICE_CONFIG, contents


def _published_monitoring(
    resource: Resource, scope: Scope[MonitoringOptions], monitoring: frozenset[int]
) -> Iterator[Finding]:
    names = ("targetPort", "publishedPort") if resource.container.is_service else ("internal", "external")
    for port in published(resource):
        if is_for_people_here(port, scope):
            continue
        for name, value in zip(names, (port.internal, port.external), strict=True):
            if not monitoring.isdisjoint(numbers_of(value)):
                yield Finding(f"{port.path}.{name}", value, NO_MONITORING)


def _is_entry(resource: Resource, scope: Scope[MonitoringOptions]) -> bool:
    """Whether requests from outside come to it: it publishes a port, or is what does so where no tunnel is."""
    if any(not is_for_people_here(port, scope) for port in published(resource)):
        return True
    return not services(resource, scope).isdisjoint(scope.options.publishers)


def _destinations(resource: Resource) -> Iterator[tuple[str, object]]:
    """Path and value of what a tunnel leads to."""
    for name in ("ingresses", "ingressRules"):
        for index, item in items(resource.get(f"config.{name}")):
            yield f"config.{name}[{index}].service", entries(item).get("service")


def _in_files(resource: Resource, scope: Scope[MonitoringOptions]) -> Iterator[Finding]:
    """Findings in files that are a proxy's config."""
    monitoring = monitoring_ports(scope)
    internal = monitoring.union(STORE_PORTS)
    files = [file for file in contents(resource) if file.text]
    texts = [file.text for file in files]
    environment = known_environment(resource) if files and resource.type in WORKLOADS else {}
    for file in files:
        found = leads(file.text, internal, texts, environment)
        # The port, and nothing else of a file that may hold a secret.
        for port in sorted(found.ports):
            yield Finding(file.path, port, NO_MONITORING if port in monitoring else NO_INTERNAL)
        yield from host_findings(file.path, found.hosts)
        if found.is_open:
            yield Finding(file.path, OPEN, SPELLED_OUT)


def _monitoring(resource: Resource, scope: Scope[MonitoringOptions]) -> Iterator[Finding]:
    monitoring = monitoring_ports(scope)
    if resource.type in TUNNEL_CONFIGS:
        for path, service in _destinations(resource):
            port = port_of(service) if isinstance(service, str) else None
            if port in monitoring or port in STORE_PORTS:
                yield Finding(path, port, NO_MONITORING if port in monitoring else NO_INTERNAL)
        return
    if resource.type in WORKLOADS:
        is_entry = _is_entry(resource, scope)
        yield from _published_monitoring(resource, scope, monitoring)
        yield from in_command(resource, scope, is_entry=is_entry)
        yield from in_environment(resource, scope, is_entry=is_entry)
        yield from in_routes(resource, scope)
    yield from _in_files(resource, scope)


def _behind_tunnel(resources: Sequence[Resource], scope: Scope[MonitoringOptions]) -> Iterator[Finding]:
    """Findings in what a tunnel leads to, which nothing else shows to be reachable from outside."""
    hosts = {
        match[1].lower()
        for resource in resources
        if resource.type in TUNNEL_CONFIGS
        for _, service in _destinations(resource)
        if isinstance(service, str) and (match := _HOST.match(service.strip()))
    }
    for resource in resources:
        if resource.type not in WORKLOADS or not hosts or _is_entry(resource, scope):
            continue
        if not hosts.isdisjoint(_names(resource)):
            found = [*in_command(resource, scope, is_entry=True), *in_environment(resource, scope, is_entry=True)]
            alone = {(each.path, str(each.value)) for each in _monitoring(resource, scope)}
            for each in found:
                if (each.path, str(each.value)) not in alone:
                    yield Finding(each.path, each.value, each.allowed, resource.urn)


_HOST: Final = re.compile(r"(?:[a-z][a-z0-9+.-]*://)?([a-z0-9_.-]+)", re.IGNORECASE)


def _names(resource: Resource) -> set[str]:
    """The names by which others on its networks reach it."""
    container = resource.container
    names: list[Any] = [resource.get("name"), container.field("hostname").value]
    for _, item in items(container.field("networksAdvanced").value):
        names += [alias for _, alias in items(entries(item).get("aliases"))]
        names.append(entries(item).get("ipv4Address"))
    return {found.lower() for name in names if (found := text(name))}


RULES = (
    Rule(
        id="DKR-MON",
        title="No monitoring port is published or proxied, and no data store's is proxied",
        level=Level.MANDATORY,
        severity=Severity.CRITICAL,
        sources=("CIS Docker 1.6, 5.9", "NATS documentation, monitoring", "OWASP Top 10, A10 (SSRF)"),
        reads={
            CONTAINER: ("ports", *READS[CONTAINER], "command", "entrypoints", "envs", "labels", "image"),
            SERVICE: (
                "endpointSpec.ports",
                "labels",
                *(f"taskSpec.containerSpec.{name}" for name in ("args", "commands", "env", "image", "labels")),
            ),
            SERVICE_CONFIG: READS[SERVICE_CONFIG],
            SECRET: READS[SECRET],
            **dict.fromkeys(TUNNEL_CONFIGS, ("config",)),
        },
        why="Monitoring ports ask for no password and tell who is connected, what is queried and how to go on; a "
        "data store behind a proxy is open to everyone who reaches the proxy, and so is all of the stack where a "
        "request chooses the destination.",
        fix="Take the port out of `ports`, the proxy's config or the tunnel's ingress, and name each destination in "
        "the proxy's config. Read monitoring on its network, or over SSH from the host.",
        check=_monitoring,
        check_stack=_behind_tunnel,
        options=MonitoringOptions,
        waivable=False,
    ),
)
