"""The kernel parameters that a container sets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from policies.containers import CONTAINER, SERVICE
from policies.resource import Resource
from policies.rule import Finding, Level, Options, Rule, Scope, Severity
from policies.values import entries, items, join, text

#: The sysctls that Kubernetes calls safe: each has its own value in every container, and can't harm others.
SAFE_SYSCTLS: Final = frozenset(
    {
        "kernel.shm_rmid_forced",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.ping_group_range",
        "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_probes",
        "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_rmem",
        "net.ipv4.tcp_syncookies",
        "net.ipv4.tcp_wmem",
    }
)

#: The option of a network's driver that sets sysctls of the container's interface.
ENDPOINT_SYSCTLS: Final = "com.docker.network.endpoint.sysctls"

_SWAP_SEPARATORS: Final = str.maketrans("./", "/.")


def _sysctl(name: str) -> str:
    """The name with dots, as runc reads it: where a slash comes first, slashes separate and dots are literal.

    >>> [_sysctl(name) for name in ("net.ipv4.tcp_rmem", "net/ipv4/tcp_rmem", "net.ipv4/x")]
    ['net.ipv4.tcp_rmem', 'net.ipv4.tcp_rmem', 'net.ipv4/x']
    """
    dot, slash = name.find("."), name.find("/")
    return name if slash == -1 or -1 < dot < slash else name.translate(_SWAP_SEPARATORS)


def _sysctls(resource: Resource, scope: Scope[Options]) -> Iterator[Finding]:
    field = resource.container.field("sysctls")
    allowed = "only sysctls that Kubernetes calls safe"
    if not (field.unset or field.unknown or isinstance(field.value, dict)):
        yield Finding(field.path or "", field.value, allowed)
    for name, value in entries(field.value).items():
        if _sysctl(name) not in SAFE_SYSCTLS:
            yield Finding(join(field.path or "", name), value, allowed)
    yield from _endpoint_sysctls(resource)


def _endpoint_sysctls(resource: Resource) -> Iterator[Finding]:
    """Sysctls that are set on a network's interface in the container, by an option of the network's driver."""
    networks = resource.container.field("networksAdvanced")
    for index, network in items(networks.value):
        options = [text(option) or "" for _, option in items(entries(network).get("driverOpts"))]
        if any(option.strip().startswith(ENDPOINT_SYSCTLS) for option in options):
            yield Finding(f"{networks.path}[{index}].driverOpts", ENDPOINT_SYSCTLS, "no sysctls of an interface")


RULES = (
    Rule(
        id="DKR-SYSCTL",
        title="Safe sysctls only",
        level=Level.MANDATORY,
        severity=Severity.MEDIUM,
        sources=("Kubernetes PSS baseline",),
        reads={
            CONTAINER: ("sysctls", "networksAdvanced"),
            SERVICE: ("taskSpec.containerSpec.sysctl", "taskSpec.networksAdvanceds"),
        },
        why="Most kernel parameters are the whole host's, or let one container starve the others.",
        fix="Remove the parameter, or set it on the host for all, on purpose.",
        check=_sysctls,
    ),
)
