"""What DKR-MON finds, whichever property it is in: ports, hosts, and destinations that are not spelled out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, Final

from pydantic import Field as Constraint

from policies.docker.network.known_ports import MAX_PORT, MONITORING_PORTS
from policies.resource import Resource
from policies.rule import Finding, Options, Scope

NO_MONITORING: Final = "no monitoring port"
NO_INTERNAL: Final = "no port of a data store or of monitoring"
NO_INTERNAL_HOST: Final = "a web app's host, by a name that is no data store's or monitoring tool's"
OPEN: Final = "a host or a port that a request or an unknown variable chooses"
SPELLED_OUT: Final = (
    "destinations that the file spells out, or variables with known values (nginx: `set`, `map`, `geo` or "
    "`split_clients` with literal values)"
)


class MonitoringOptions(Options):
    """`ports`: monitoring ports beside those that the rule knows. `publishers`, `loopback_in_development`: as in
    DKR-PORT."""

    ports: tuple[Annotated[int, Constraint(ge=1, le=MAX_PORT)], ...] = ()
    publishers: tuple[str, ...] = ("nginx",)
    loopback_in_development: bool = True


def monitoring_ports(scope: Scope[MonitoringOptions]) -> frozenset[int]:
    """The ports of monitoring: those that the rule knows, and those of its options."""
    return frozenset({*MONITORING_PORTS, *scope.options.ports})


def port_finding(path: str | None, port: int, monitoring: frozenset[int]) -> Finding:
    """The finding of a port of monitoring, or of a data store's."""
    return Finding(path or "", port, NO_MONITORING if port in monitoring else NO_INTERNAL)


def host_findings(path: str, hosts: Iterable[str]) -> Iterator[Finding]:
    """Findings of hosts that are data stores or monitoring tools by their names."""
    return (Finding(path, host, NO_INTERNAL_HOST) for host in sorted(hosts))


def known_environment(resource: Resource) -> dict[str, str]:
    """The variables that a template in the container is filled with."""
    return {
        entry.name: entry.value
        for entry in resource.container.env
        if isinstance(entry.name, str) and isinstance(entry.value, str)
    }
