"""Tunnels' configs, containers and policies for the tests of the rules."""

from __future__ import annotations

import base64
import json
from typing import Any

from policies.resource import Resource
from tests.policies.compliant_cloudflare import ACCOUNT, RULE, TOKEN, TUNNEL_ID, application, config, ingress

FIRST = "config.ingresses[0]"
SECOND = "config.ingresses[1]"
GRAFANA = {**RULE, "hostname": "grafana.example.com"}


def rules(*given: Any) -> Resource:
    """A config with just these ingress rules."""
    return config({"config.ingresses": list(given)})


def leading_to(service: Any, **more: Any) -> Resource:
    return ingress({**RULE, "service": service, **more})


def on(hostname: Any, **more: Any) -> Resource:
    return ingress({**RULE, "hostname": hostname, **more})


def included(*includes: Any, decision: Any = "allow") -> Resource:
    """The application for grafana.example.com with one policy."""
    return application({"policies": [{"decision": decision, "includes": list(includes)}]})


def encoded(content: Any, indent: int | None = None) -> str:
    return base64.b64encode(json.dumps(content, indent=indent).encode()).decode()


#: The token in forms that cloudflared takes, or that somebody could decode.
TOKENS = {
    "plain": TOKEN,
    "without padding": TOKEN.rstrip("="),
    "with an endpoint": encoded({"a": "x", "t": TUNNEL_ID, "s": 44 * "A", "e": "fed"}),
    "in another order": encoded({"s": 44 * "A", "t": TUNNEL_ID, "a": ACCOUNT}),
    "with spaces": encoded({"a": ACCOUNT, "t": TUNNEL_ID, "s": 44 * "A"}, indent=4),
    "with capitals": encoded({"A": ACCOUNT, "T": TUNNEL_ID, "S": 44 * "A"}),
    "with line ends": "\n".join(TOKEN[start : start + 20] for start in range(0, len(TOKEN), 20)),
    "for an address": base64.urlsafe_b64encode(base64.b64decode(TOKEN)).decode(),
    "in quotes": f"'{TOKEN}'",
    "after a path": f"/run/{TOKEN}",
    "as credentials": json.dumps({"AccountTag": ACCOUNT, "TunnelSecret": 44 * "A", "TunnelID": TUNNEL_ID}),
}
