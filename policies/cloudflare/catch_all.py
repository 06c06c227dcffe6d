"""A tunnel answers 404 where no rule matches."""

from __future__ import annotations

from collections.abc import Iterator

from policies.cloudflare.ingress import INGRESS_NAMES, NOT_FOUND, ingresses, without_userinfo
from policies.cloudflare.types import CONFIG_PROPERTY
from policies.resource import Resource
from policies.rule import Finding, Level, Options, Rule, Scope, Severity
from policies.values import UNKNOWN, is_unset
from policies.workloads.tunnels import TUNNEL_CONFIGS


def _ends_with_404(resource: Resource, scope: Scope[Options]) -> Iterator[Finding]:
    given = [name for name in INGRESS_NAMES if not is_unset(resource.get(f"config.{name}"))]
    if not given:
        yield Finding(f"config.{INGRESS_NAMES[0]}", None, f"rules of which the last one is {NOT_FOUND} for every host")
    for ingress in ingresses(resource):
        if ingress.rule is UNKNOWN:
            continue
        hostname, path, service = (ingress.get(name) for name in ("hostname", "path", "service"))
        has_host = hostname is not UNKNOWN and not is_unset(hostname) and hostname != "*"
        has_path = path is not UNKNOWN and not is_unset(path)
        if not ingress.is_last:
            if not (has_host or has_path or UNKNOWN in (hostname, path)):
                yield Finding(f"{ingress.path}.hostname", hostname, "a hostname; the last rule alone is for every host")
            continue
        if has_host:
            yield Finding(f"{ingress.path}.hostname", hostname, "unset: the last rule is for every host")
        if has_path:
            yield Finding(f"{ingress.path}.path", path, "unset: the last rule is for every path")
        if service is not UNKNOWN and service != NOT_FOUND:
            yield Finding(f"{ingress.path}.service", without_userinfo(service), NOT_FOUND)


RULES = (
    Rule(
        id="CF-404",
        title="A tunnel answers 404 for every hostname that it has no rule for",
        level=Level.MANDATORY,
        severity=Severity.HIGH,
        sources=("cloudflared: catch-all ingress rule", "CIS Docker 1.6, 5.8"),
        reads=dict.fromkeys(TUNNEL_CONFIGS, CONFIG_PROPERTY),
        why="What matches no rule goes where the last one leads, so that a new DNS name would publish a service that "
        "nobody meant to publish.",
        fix="Make {service: http_status:404}, without a hostname and a path, the last ingress rule and the only one "
        "for every host.",
        check=_ends_with_404,
    ),
)
