"""The hostnames for administrators that a stack makes reachable."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from policies.cloudflare.hostnames import AccessOptions, is_admin_host, normal_hostname
from policies.cloudflare.ingress import ingresses
from policies.cloudflare.types import RECORDS
from policies.resource import Resource
from policies.rule import Finding
from policies.values import UNKNOWN, flag, is_unset, lookup, text

#: Kinds of records that a browser follows.
ADDRESS_TYPES: Final = ("A", "AAAA", "CNAME")
TUNNEL_DOMAIN: Final = "cfargotunnel.com"

HOST_ALLOWED: Final = "a hostname with an Access application, whose policies let in known people only"


@dataclass(frozen=True)
class Exposed:
    """A hostname that the stack makes reachable and that has to be protected."""

    host: str
    finding: Finding


def exposed_hostnames(resource: Resource, options: AccessOptions) -> Iterator[Exposed]:
    """The hostnames for administrators, and those that stand for any host, of a tunnel's config or a record."""
    if resource.type in RECORDS:
        yield from _exposed_record(resource, options)
        return
    header = resource.get("config.originRequest.httpHostHeader")
    for ingress in ingresses(resource):
        if ingress.rule is UNKNOWN or ingress.leads_nowhere or ingress.has_access:
            continue
        hostname = ingress.get("hostname")
        host = normal_hostname(hostname)
        path = f"{ingress.path}.hostname"
        # The last rule is for every host, and CF-404's concern.
        is_any = (is_unset(hostname) and not ingress.is_last) or host.startswith("*")
        if is_any or (host and is_admin_host(host, options.admin_hosts)):
            yield Exposed(host, Finding(path, hostname, HOST_ALLOWED, resource.urn))
        # nginx chooses the site by this name, so it says which host it really is.
        own = lookup(ingress.rule, "originRequest.httpHostHeader")
        path = f"{ingress.path}.originRequest.httpHostHeader"
        name, path = (own, path) if not is_unset(own) else (header, "config.originRequest.httpHostHeader")
        alias = normal_hostname(name).partition(":")[0]
        if alias and alias != host and is_admin_host(alias, options.admin_hosts):
            yield Exposed(host, Finding(path, name, HOST_ALLOWED, resource.urn))


def _exposed_record(resource: Resource, options: AccessOptions) -> Iterator[Exposed]:
    name, type_, proxied = resource.get("name"), resource.get("type"), resource.get("proxied")
    host = normal_hostname(name)
    if not host or not (host.startswith("*") or is_admin_host(host, options.admin_hosts)):
        return
    if isinstance(type_, str) and type_.strip().upper() not in ADDRESS_TYPES:
        return
    content = resource.get("content") if not is_unset(resource.get("content")) else resource.get("value")
    if flag(proxied) or normal_hostname(content).endswith(TUNNEL_DOMAIN):
        yield Exposed(host, Finding("name", name, HOST_ALLOWED, resource.urn))
    elif UNKNOWN not in (proxied, content) and not host.startswith("*") and not _is_private(content):
        # Access stands in Cloudflare's proxy: around that, it protects nothing.
        yield Exposed(host, Finding("proxied", proxied, "true, or an address in a private network", resource.urn))


def _is_private(content: object) -> bool:
    try:
        return ipaddress.ip_address(text(content) or "").is_private
    except ValueError:
        return False
