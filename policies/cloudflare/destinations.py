"""Where a tunnel leads."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from policies.cloudflare.ingress import NOT_FOUND, ingresses, without_userinfo
from policies.cloudflare.types import CONFIG_PROPERTY, PRIVATE_ROUTES
from policies.resource import Resource
from policies.rule import Finding, Level, Options, Rule, Scope, Severity
from policies.values import UNKNOWN, flag, is_unset, lookup
from policies.workloads.tunnels import TUNNEL_CONFIGS

#: Ports on which a destination that is named without one may be reached.
WEB_PORTS: Final = frozenset({"80", "443", "8080", "8443"})
DEFAULT_PORTS: Final = {"http": "80", "https": "443"}

#: The one form of a service that leads somewhere; what Go's parser would make of others is not asked.
HTTP_SERVICE: Final = re.compile(r"(https?)://([a-z0-9][a-z0-9._-]*)(?::([0-9]{1,5}))?", re.ASCII)


class DestinationOptions(Options):
    """Options of CF-DEST.

    `destinations`: where an ingress rule may lead, as `host:port`, or as `host` for its ports 80, 443,
    8080 and 8443. `admin_destinations`: the same, for rules that demand a token of Access themselves.
    """

    destinations: tuple[str, ...] = ("nginx",)
    admin_destinations: tuple[str, ...] = ()


def _destination(resource: Resource, scope: Scope[DestinationOptions]) -> Iterator[Finding]:
    if (path := PRIVATE_ROUTES.get(resource.type)) is not None:
        yield Finding(path, resource.get(path), "no route into a private network")
        return
    if flag(resource.get("config.warpRouting.enabled")):
        yield Finding("config.warpRouting.enabled", True, "false or unset")
    yield from _proxy_modes("config", resource.get("config"))
    for ingress in ingresses(resource):
        yield from _proxy_modes(ingress.path, ingress.rule)
        service = ingress.get("service")
        if service is UNKNOWN or ingress.leads_nowhere or _leads_to(service, scope.options.destinations):
            continue
        if not _leads_to(service, scope.options.admin_destinations):
            known = " or ".join(scope.options.destinations)
            yield Finding(
                f"{ingress.path}.service", without_userinfo(service), f"http:// or https:// to {known}, or {NOT_FOUND}"
            )
        elif not ingress.has_access:
            yield Finding(
                f"{ingress.path}.originRequest.access",
                lookup(ingress.rule, "originRequest.access.required"),
                "required: true with teamName and audTags, for a destination that is for administrators",
            )


def _proxy_modes(path: str, value: object) -> Iterator[Finding]:
    """Settings that turn a rule for a web service into a way to any address that the client names."""
    bastion, proxy = lookup(value, "originRequest.bastionMode"), lookup(value, "originRequest.proxyType")
    if flag(bastion):
        yield Finding(f"{path}.originRequest.bastionMode", bastion, "false or unset")
    if proxy is not UNKNOWN and not is_unset(proxy):
        yield Finding(f"{path}.originRequest.proxyType", proxy, "unset")


def _leads_to(service: object, destinations: Sequence[str]) -> bool:
    match = HTTP_SERVICE.fullmatch(service) if isinstance(service, str) else None
    if match is None:
        return False
    scheme, host, port = match.groups()
    port = port or DEFAULT_PORTS[scheme]
    return (host in destinations and port in WEB_PORTS) or f"{host}:{port}" in destinations


RULES = (
    Rule(
        id="CF-DEST",
        title="A tunnel leads to nginx and nowhere else",
        level=Level.MANDATORY,
        severity=Severity.CRITICAL,
        sources=("Cloudflare Tunnel: ingress services", "CIS Docker 1.6, 5.8"),
        reads=dict.fromkeys(TUNNEL_CONFIGS, CONFIG_PROPERTY)
        | {type_: (path,) for type_, path in PRIVATE_ROUTES.items()},
        why="A tunnel goes past the firewall: a rule for a socket, a shell, a database or a whole network puts it on "
        "the internet, past the limits and headers that nginx sets.",
        fix="Let the rule's service be http://nginx:8080, and let nginx pass the request on; take private routes, "
        "bastion mode and proxy types away.",
        check=_destination,
        options=DestinationOptions,
    ),
)
