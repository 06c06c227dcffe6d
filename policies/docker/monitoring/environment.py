"""Where the environment of a container leads: the destinations of templates, and files and commands in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from policies.containers import Entry
from policies.docker.monitoring.findings import (
    OPEN,
    SPELLED_OUT,
    MonitoringOptions,
    host_findings,
    monitoring_ports,
    port_finding,
)
from policies.docker.monitoring.forwarders import CLIENT, port_tokens
from policies.docker.network.known_ports import STORE_PORTS
from policies.docker.network.ports import numbers_of
from policies.proxies.destinations import SHARED_PORTS, is_monitoring_name
from policies.proxies.leads import leads, mentioned_ports
from policies.resource import Resource
from policies.rule import Finding, Scope
from policies.values import text
from policies.workloads.encoding import encoded_texts
from policies.workloads.roles import is_forwarder, is_proxy

#: A variable's name that tells which of the container's own ports it is.
_OWN_PORT: Final = re.compile(
    r"(?:(?:HTTPS?|WEB|SERVER|APP|ADMIN|HEALTH|METRICS?|STATS|STATUS|CONTAINER|INTERNAL|PUBLIC|NGINX)_?)?"
    r"(?:(?:HTTPS?|SERVER|HEALTH|METRICS?)_)?(?:LISTEN(?:ING|ER)?_?)?(?:PORT|ADDR(?:ESS)?|BIND|LISTEN)"
)

#: A variable's name that tells that its number is an amount.
_AMOUNT: Final = re.compile(
    r"TIMEOUT|SIZE|LIMIT|MAX|MIN|SECONDS?|_MS$|INTERVAL|COUNT|CONNECTIONS?|TTL|AGE|RATE|BUFFER|WORKERS?|BYTES|MEMORY"
    r"|_ID$|RETR|DELAY|LENGTH|LEVEL|YEAR|VERSION|BURST|QUOTA|DAYS|NOFILE|OPEN_FILES|UID|GID"
)

#: A variable's name that tells that it is where a proxy leads.
_DESTINATION: Final = re.compile(r"UPSTREAM|BACKEND|TARGET|FORWARD|DEST|ORIGIN|PROXY_PASS|PROXY_TO|CONNECT")

#: The same where no other container has it: an exporter has a target as well.
_UPSTREAM: Final = re.compile(r"UPSTREAM|PROXY_(?:PASS|TO|TARGET|URL)|FORWARD_?(?:TO|HOST|PORT|URL|ADDR)")


def in_environment(resource: Resource, scope: Scope[MonitoringOptions], *, is_entry: bool) -> Iterator[Finding]:
    """Findings in the environment: where a proxy's template takes its destinations from, and files and commands in it.

    Only the variables of an entry and of a proxy are destinations, and those that are called so.
    """
    monitoring = monitoring_ports(scope)
    internal = monitoring.union(STORE_PORTS)
    proxy = is_proxy(resource.container)
    for entry in resource.container.env:
        value = text(entry.value)
        if not value or not isinstance(entry.name, str):
            continue
        name, ports = entry.name.upper(), set[int]()
        leads_there = _UPSTREAM.search(name) is not None
        if proxy or is_entry or leads_there:
            ports |= _env_ports(entry, value, monitoring)
        is_destination = leads_there or (proxy and _DESTINATION.search(name) is not None)
        if is_destination and not CLIENT.match(value):
            ports |= _env_ports(entry, value, frozenset(STORE_PORTS))
        if is_destination and "$" in value and " " not in value and leads(f"proxy_pass {value};", internal).is_open:
            yield Finding(entry.path, OPEN, SPELLED_OUT)
        texts = [value, *(encoded_texts(value) if proxy or is_entry else ())]
        for each in texts if " " in value or len(texts) > 1 else ():
            found = leads(each, internal)
            ports |= found.ports
            if is_forwarder(each):
                ports |= port_tokens(each) & internal
            yield from host_findings(entry.path, found.hosts)
            if found.is_open:
                yield Finding(entry.path, OPEN, SPELLED_OUT)
        yield from (port_finding(entry.path, port, monitoring) for port in sorted(ports))


def _env_ports(entry: Entry, value: str, ports: frozenset[int]) -> set[int]:
    found = mentioned_ports(value, ports)
    name = str(entry.name).upper()
    if not _OWN_PORT.fullmatch(name) and not _AMOUNT.search(name):
        alone = {each for part in re.split(r"[\s,;|]+", value) for each in numbers_of(part.strip("\"'[]()"))}
        if not is_monitoring_name(name):
            alone -= SHARED_PORTS
        found |= (alone | (port_tokens(value) if _DESTINATION.search(name) else set())) & ports
    return found
