"""Compliant resources of Cloudflare, and the containers of a tunnel; a test changes one field of one of them."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

from policies.cloudflare.types import (
    ACCESS_POLICIES,
    ALL_TUNNELS,
    APPLICATIONS,
    GROUPS,
    PRIVATE_ROUTES,
    RECORDS,
    WARP_CONNECTOR,
)
from policies.containers import CONTAINER
from policies.resource import Resource
from policies.workloads.tunnels import TUNNEL_CONFIGS
from tests.policies.compliant import PROJECT, STACK, carrier, container, make, service

ACCOUNT = "023e105f4ecef8ad9ca31a8372d0c353"
TUNNEL_ID = "f70ff985-a4ef-4643-bbbc-4a0ed4fc8415"

#: A token as Cloudflare makes them, of a tunnel that isn't there.
TOKEN = base64.b64encode(
    json.dumps({"a": ACCOUNT, "t": TUNNEL_ID, "s": base64.b64encode(bytes(32)).decode()}).encode()
).decode()

NOT_FOUND = {"service": "http_status:404"}
RULE = {"hostname": "tasks.example.com", "service": "http://nginx:8080"}

#: What makes cloudflared demand a token of Access.
ACCESS = {"required": True, "teamName": "example", "audTags": [64 * "a"]}

_TUNNEL: dict[str, Any] = {"accountId": ACCOUNT, "name": "tasktracker-prod", "configSrc": "cloudflare"}

_CONFIG: dict[str, Any] = {
    "accountId": ACCOUNT,
    "tunnelId": TUNNEL_ID,
    "source": "cloudflare",
    "config": {
        "originRequest": {"connectTimeout": 10, "noTlsVerify": False},
        "ingresses": [RULE, NOT_FOUND],
    },
}

_RECORD: dict[str, Any] = {
    "zoneId": ACCOUNT,
    "name": "tasks.example.com",
    "type": "CNAME",
    "content": f"{TUNNEL_ID}.cfargotunnel.com",
    "proxied": True,
    "ttl": 1,
}

_APPLICATION: dict[str, Any] = {
    "accountId": ACCOUNT,
    "name": "grafana",
    "type": "self_hosted",
    "domain": "grafana.example.com",
    "policies": [
        {"name": "team", "decision": "allow", "includes": [{"emailDomain": {"domain": "example.com"}}], "precedence": 1}
    ],
}

_POLICY: dict[str, Any] = {
    "accountId": ACCOUNT,
    "name": "team",
    "decision": "allow",
    "includes": [{"emailDomain": {"domain": "example.com"}}],
}

_GROUP: dict[str, Any] = {
    "accountId": ACCOUNT,
    "name": "administrators",
    "includes": [{"email": {"email": "jo@example.com"}}],
}

_COMMAND = ["tunnel", "--no-autoupdate", "--metrics", "0.0.0.0:2000", "run", "--token-file", "/etc/tasktracker/token"]

_CLOUDFLARED: dict[str, Any] = {
    "name": "tasktracker-prod-cloudflared",
    "image": f"registry.example.com/tasktracker/cloudflared:2026.8.0@sha256:{64 * 'b'}",
    "command": _COMMAND,
    "envs": ["TUNNEL_LOGLEVEL=info"],
    "ports": [],
    "healthcheck.tests": ["CMD", "cloudflared", "tunnel", "--metrics", "127.0.0.1:2000", "ready"],
}


def tunnel(changes: Mapping[str, Any] | None = None, *, type_: str = ALL_TUNNELS[0], **options: Any) -> Resource:
    """A compliant `ZeroTrustTunnelCloudflared`, with changes."""
    return make(type_, _TUNNEL, changes, **{"name": "tunnel", **options})


def config(changes: Mapping[str, Any] | None = None, *, type_: str = TUNNEL_CONFIGS[0], **options: Any) -> Resource:
    """A compliant `ZeroTrustTunnelCloudflaredConfig`, with changes."""
    return make(type_, _CONFIG, changes, **{"name": "tunnel-config", **options})


def ingress(*rules: Any, **changes: Any) -> Resource:
    """A compliant config with other ingress rules before the last one."""
    return config({"config.ingresses": [*rules, NOT_FOUND], **changes})


def record(changes: Mapping[str, Any] | None = None, *, type_: str = RECORDS[0], **options: Any) -> Resource:
    """A compliant `DnsRecord`, with changes."""
    return make(type_, _RECORD, changes, **{"name": "record", **options})


def application(changes: Mapping[str, Any] | None = None, *, type_: str = APPLICATIONS[0], **options: Any) -> Resource:
    """A compliant `ZeroTrustAccessApplication` for grafana.example.com, with changes."""
    return make(type_, _APPLICATION, changes, **{"name": "grafana", **options})


def access_policy(
    changes: Mapping[str, Any] | None = None, *, type_: str = ACCESS_POLICIES[0], **options: Any
) -> Resource:
    """A compliant `ZeroTrustAccessPolicy`, with changes."""
    return make(type_, _POLICY, changes, **{"name": "team", **options})


def group(changes: Mapping[str, Any] | None = None, *, type_: str = GROUPS[0], **options: Any) -> Resource:
    """A compliant `ZeroTrustAccessGroup`, with changes."""
    return make(type_, _GROUP, changes, **{"name": "administrators", **options})


def urn(type_: str, name: str) -> str:
    """The URN of a fixture."""
    return f"urn:pulumi:{STACK}::{PROJECT}::{type_}::{name}"


def private_route(type_: str) -> Resource:
    """What leads into a private network; no rule lets it pass."""
    value = {"network": "172.20.1.0/24", "hostname": "postgres.internal", "name": "office"}[PRIVATE_ROUTES[type_]]
    return make(type_, {"accountId": ACCOUNT, PRIVATE_ROUTES[type_]: value}, name="route")


def warp_connector(changes: Mapping[str, Any]) -> Resource:
    """A connector for whole networks."""
    return make(WARP_CONNECTOR, {"accountId": ACCOUNT, "name": "office"}, changes, name="office")


def cloudflared(changes: Mapping[str, Any] | None = None, **options: Any) -> Resource:
    """A compliant container that runs a tunnel, with changes."""
    return make(CONTAINER, container(_CLOUDFLARED).properties, changes, **{"name": "cloudflared", **options})


def cloudflared_service(changes: Mapping[str, Any] | None = None, **options: Any) -> Resource:
    """A compliant Swarm service that runs a tunnel, with changes below its containers' specification."""
    spec = {"image": _CLOUDFLARED["image"], "args": _COMMAND, "env": {"TUNNEL_LOGLEVEL": "info"}, **(changes or {})}
    changed = {f"taskSpec.containerSpec.{path}": value for path, value in spec.items()}
    return service(changed, **{"name": "cloudflared", **options})


def token_file(changes: Mapping[str, Any] | None = None, **options: Any) -> Resource:
    """A container that carries the token's file, with changes; its upload is marked as secret."""
    upload = {"file": "/etc/tasktracker/token", "content": TOKEN, "permissions": "0444"}
    files = carrier({"image": _CLOUDFLARED["image"], "uploads": [upload]}).properties
    return make(
        CONTAINER, files, changes, **{"name": "cloudflared-files", "secret": ("uploads[0].content",), **options}
    )


def stack() -> Sequence[Resource]:
    """A tunnel with everything that belongs to it."""
    return (tunnel(), config(), record(), cloudflared(), token_file())
