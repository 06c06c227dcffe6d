"""A tunnel's token is in a file."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from typing import Final

from policies.cloudflare.cloudflared import (
    COMMAND,
    SERVICE_COMMAND,
    flag_name,
    runs_cloudflared,
    shell_words,
)
from policies.cloudflare.types import ALL_TUNNELS, WARP_CONNECTOR
from policies.containers import CONTAINER, SERVICE
from policies.resource import WORKLOADS, Resource
from policies.rule import Finding, Level, Options, Rule, Scope, Severity
from policies.values import UNKNOWN, is_unset
from policies.workloads.uploads import contents

#: Flags whose value is the tunnel's secret.
SECRET_FLAGS: Final = frozenset({"token", "credentials-contents", "secret", "api-key", "api-ca-key"})

#: Environment variables that give a tunnel or an account away.
SECRET_ENV: Final = frozenset(
    {
        "TUNNEL_TOKEN", "TUNNEL_CRED_CONTENTS", "TUNNEL_CREATE_SECRET", "TUNNEL_API_KEY", "TUNNEL_API_CA_KEY",
        "TUNNEL_MANAGEMENT_TOKEN", "TUNNEL_SERVICE_TOKEN_SECRET", "CLOUDFLARE_API_TOKEN", "CLOUDFLARE_API_KEY",
        "CF_API_TOKEN", "CF_API_KEY",
    }
)  # fmt: skip

SECRET_ASSIGNMENT: Final = re.compile(rf"\b(?:{'|'.join(sorted(SECRET_ENV))})=")

TOKEN_LENGTH: Final = 60
TOKEN: Final = re.compile(rf"[A-Za-z0-9+/_-]{{{TOKEN_LENGTH},}}")
LINE_ENDS: Final = str.maketrans("", "", "\r\n")
URL_SAFE: Final = str.maketrans("-_", "+/")


def tunnel_secret(value: object) -> str | None:
    """What secret of a tunnel is in a text: credentials, or a token (base64 of an account, a tunnel, its secret)."""
    if not isinstance(value, str) or len(value) < TOKEN_LENGTH:
        return None
    if "TunnelSecret" in value:
        return "a tunnel's credentials"
    # Go's decoder skips line ends.
    for found in TOKEN.findall(value.translate(LINE_ENDS)):
        # What stands before a token may look like a part of it; the token itself begins with `{"` in base64.
        for start in {0, max(0, found.find("ey"))}:
            if _is_token(found[start:].translate(URL_SAFE)):
                return "a tunnel's token"
    return None


def _is_token(word: str) -> bool:
    try:
        content = json.loads(base64.b64decode(word + -len(word) % 4 * "="))
    except (ValueError, RecursionError):
        return False
    # Go takes a key in any case.
    return isinstance(content, dict) and {"a", "s", "t"} <= {key.lower() for key in content}


def _keeps_secret(resource: Resource, scope: Scope[Options]) -> Iterator[Finding]:
    if resource.type not in WORKLOADS:
        for name in ("tunnelSecret", "secret"):
            value = resource.get(name)
            if value is not UNKNOWN and not is_unset(value) and not resource.is_secret(name):
                yield Finding(name, "given as plain text", "a value that is marked as secret, or unset")
        return
    container = resource.container
    flags = SECRET_FLAGS if runs_cloudflared(container) else frozenset[str]()
    for word in container.words:
        found = tunnel_secret(word.value) or _secret_flag(word.value, flags)
        if found:
            yield Finding(word.path or "", found, "--token-file with the path of a file")
    for entry in container.env:
        if entry.name in SECRET_ENV and entry.value != "":
            yield Finding(entry.path, entry.name, "TUNNEL_TOKEN_FILE with the path of a file")
        elif found := tunnel_secret(entry.value) or tunnel_secret(entry.name):
            yield Finding(entry.path, found, "TUNNEL_TOKEN_FILE with the path of a file")
    for entry in container.labels:
        if found := tunnel_secret(entry.value) or tunnel_secret(entry.name):
            yield Finding(entry.path, found, "a label without a secret")
    for file in contents(resource):
        # A token is base64 itself.
        found = tunnel_secret(file.text) or tunnel_secret(file.written)
        if found and not resource.is_secret(file.path):
            yield Finding(file.path, f"{found} as plain text", "`content` with a value that is marked as secret")


def _secret_flag(word: object, flags: frozenset[str]) -> str | None:
    if not isinstance(word, str):
        return None
    if "=" in word and (assignment := SECRET_ASSIGNMENT.search(word)):
        return assignment[0].rstrip("=")
    if flags and "-" in word:
        return next((f"--{name}" for part in shell_words(word) if (name := flag_name(part)) in flags), None)
    return None


RULES = (
    Rule(
        id="CF-SECRET",
        title="A tunnel's token is in a file, never in a command or the environment",
        level=Level.MANDATORY,
        severity=Severity.CRITICAL,
        sources=("CIS Docker 1.6, 4.10", "cloudflared: --token-file"),
        reads=dict.fromkeys((*ALL_TUNNELS, WARP_CONNECTOR), ("tunnelSecret", "secret"))
        | {
            CONTAINER: (*COMMAND, "healthcheck", "labels", "uploads"),
            SERVICE: (
                *SERVICE_COMMAND,
                "taskSpec.containerSpec.healthcheck",
                "taskSpec.containerSpec.labels",
                "labels",
            ),
        },
        why="Whoever has the token can run the tunnel from elsewhere and take its requests, and `docker inspect`, the "
        "process list and crash reports show commands and environments.",
        fix="Mark the token as secret, put it into a file of the container and start cloudflared with --token-file.",
        check=_keeps_secret,
    ),
)
