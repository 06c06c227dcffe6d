"""A tunnel verifies the certificates of its destinations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from policies.cloudflare.cloudflared import (
    COMMAND,
    SERVICE_COMMAND,
    command_line_words,
    flag_name,
    runs_cloudflared,
    shell_words,
)
from policies.cloudflare.ingress import ingresses
from policies.cloudflare.types import CONFIG_PROPERTY
from policies.containers import CONTAINER, SERVICE
from policies.resource import WORKLOADS, Resource
from policies.rule import Finding, Level, Options, Rule, Scope, Severity
from policies.values import flag, lookup
from policies.workloads.tunnels import TUNNEL_CONFIGS

TLS_FLAG: Final = "no-tls-verify"
TLS_ENV: Final = "NO_TLS_VERIFY"


def _verifies_tls(resource: Resource, scope: Scope[Options]) -> Iterator[Finding]:
    if resource.type not in WORKLOADS:
        places = [("config", resource.get("config"))]
        for path, value in places + [(ingress.path, ingress.rule) for ingress in ingresses(resource)]:
            given = lookup(value, "originRequest.noTlsVerify")
            if flag(given):
                yield Finding(f"{path}.originRequest.noTlsVerify", given, "false or unset")
        return
    if not runs_cloudflared(resource.container):
        return
    for word in command_line_words(resource.container):
        for part in shell_words(word.value):
            if flag_name(part) == TLS_FLAG and flag(part.partition("=")[2]) is not False:
                yield Finding(word.path or "", f"--{TLS_FLAG}", "no such flag")
    for entry in resource.container.env:
        # A value that is neither true nor false stops cloudflared; an empty one is false.
        if entry.name == TLS_ENV and isinstance(entry.value, str) and entry.value and flag(entry.value) is not False:
            yield Finding(entry.path, TLS_ENV, "no such variable")


RULES = (
    Rule(
        id="CF-TLS",
        title="A tunnel verifies the certificate of what it leads to",
        level=Level.MANDATORY,
        severity=Severity.HIGH,
        sources=("cloudflared: noTLSVerify", "OWASP Docker #7"),
        reads=dict.fromkeys(TUNNEL_CONFIGS, CONFIG_PROPERTY) | {CONTAINER: COMMAND, SERVICE: SERVICE_COMMAND},
        why="Without verification anybody on the network can answer in place of the service and read every request.",
        fix="Remove noTlsVerify; give the service's own CA in caPool and its name in originServerName.",
        check=_verifies_tls,
    ),
)
