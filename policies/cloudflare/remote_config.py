"""A tunnel gets its config from Cloudflare, and no container has one of its own."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from typing import Final

from policies.cloudflare.cloudflared import (
    COMMAND,
    SERVICE_COMMAND,
    SUBCOMMANDS,
    command_line_words,
    flag_name,
    is_program,
    runs_cloudflared,
)
from policies.cloudflare.tokens import SECRET_ENV, SECRET_FLAGS, tunnel_secret
from policies.cloudflare.types import ALL_TUNNELS
from policies.containers import CONTAINER, SERVICE, Container, Field
from policies.resource import Resource
from policies.rule import Finding, Level, Options, Rule, Scope, Severity
from policies.values import UNKNOWN, entries, is_unset, items
from policies.workloads.tunnels import TUNNEL_CONFIGS

INITS: Final = frozenset({"tini", "dumb-init", "catatonit", "docker-init", "--"})

PROGRAM_ALLOWED: Final = "cloudflared itself, run by no shell or script"

#: Flags of `cloudflared tunnel run` that have a value, and leave what the tunnel does to Cloudflare's config.
VALUE_FLAGS: Final = frozenset(
    {
        "autoupdate-freq", "credentials-file", "cred-file", "edge-bind-address", "edge-ip-version", "features", "F",
        "grace-period", "ha-connections", "label", "log-directory", "logfile", "loglevel", "max-edge-addr-retries",
        "metrics", "metrics-update-freq", "origincert", "output", "pidfile", "proto-loglevel", "protocol", "p",
        "quic-connection-level-flow-control-limit", "quic-stream-level-flow-control-limit", "region", "retries",
        "rpc-timeout", "tag", "token-file", "transport-loglevel", "write-stream-timeout",
    }
)  # fmt: skip
#: The same, without a value.
BOOLEAN_FLAGS: Final = frozenset(
    {
        "management-diagnostics", "no-autoupdate", "no-prechecks", "post-quantum", "pq",
        "quic-disable-pmtu-discovery",
    }
)  # fmt: skip

#: Environment variables that are the same as the flags that are allowed.
PLAIN_ENV: Final = frozenset(
    {
        "TUNNEL_CRED_FILE", "TUNNEL_DISABLE_QUIC_PMTU", "TUNNEL_EDGE_BIND_ADDRESS", "TUNNEL_EDGE_IP_VERSION",
        "TUNNEL_GRACE_PERIOD", "TUNNEL_LOGDIRECTORY", "TUNNEL_LOGFILE", "TUNNEL_LOGLEVEL", "TUNNEL_LOG_OUTPUT",
        "TUNNEL_MANAGEMENT_DIAGNOSTICS", "TUNNEL_MANAGEMENT_OUTPUT", "TUNNEL_METRICS", "TUNNEL_METRICS_UPDATE_FREQ",
        "TUNNEL_NO_PRECHECKS", "TUNNEL_ORIGIN_CERT", "TUNNEL_PIDFILE", "TUNNEL_POST_QUANTUM",
        "TUNNEL_PROTO_LOGLEVEL", "TUNNEL_QUIC_CONN_LEVEL_FLOW_CONTROL_LIMIT",
        "TUNNEL_QUIC_STREAM_LEVEL_FLOW_CONTROL_LIMIT", "TUNNEL_REGION", "TUNNEL_RETRIES",
        "TUNNEL_STREAM_WRITE_TIMEOUT", "TUNNEL_TAG", "TUNNEL_TOKEN_FILE", "TUNNEL_TRANSPORT_LOGLEVEL",
        "TUNNEL_TRANSPORT_PROTOCOL",
    }
)  # fmt: skip

#: Where cloudflared looks for a config that nobody named.
DEFAULT_CONFIG: Final = re.compile(r"(?:^|/)\.?(?:cloudflared|cloudflare-warp)/config\.ya?ml\Z")


def _is_remotely_managed(resource: Resource, scope: Scope[Options]) -> Iterator[Finding]:
    if resource.type in ALL_TUNNELS:
        source = resource.get("configSrc")
        if source is not UNKNOWN and source != "cloudflare":
            yield Finding("configSrc", source, '"cloudflare"')
        return
    if resource.type in TUNNEL_CONFIGS:
        source = resource.get("source")
        if source is not UNKNOWN and not is_unset(source) and source != "cloudflare":
            yield Finding("source", source, '"cloudflare" or unset')
        return
    container = resource.container
    for index, upload in items(resource.get("uploads")):
        file = entries(upload).get("file")
        if isinstance(file, str) and DEFAULT_CONFIG.search(posixpath.normpath(file)):
            yield Finding(f"uploads[{index}].file", file, "no config file of cloudflared")
    if container.never_runs or not runs_cloudflared(container):
        return
    yield from _run_command(container, command_line_words(container))
    for entry in container.env:
        name = entry.name
        if isinstance(name, str) and name.startswith("TUNNEL_") and name not in PLAIN_ENV | SECRET_ENV:
            yield Finding(entry.path, name, "TUNNEL_TOKEN_FILE, TUNNEL_METRICS, and what else says nothing of a config")


def _run_command(container: Container, words: Sequence[Field]) -> Iterator[Finding]:
    """What a command has that isn't `cloudflared tunnel run` with flags that leave the config to Cloudflare."""
    program = next((index for index, word in enumerate(words) if is_program(word.value)), None)
    if program is not None:
        for word in words[:program]:
            if isinstance(word.value, str) and not _is_init(word.value):
                yield Finding(word.path or "", _shown(word.value), PROGRAM_ALLOWED)
                return
        words = words[program + 1 :]
    elif entrypoint := items(container.field("entrypoints").value):
        # Something else than cloudflared takes the place of the image's own entrypoint.
        if all(word.value is not UNKNOWN for word in words):
            yield Finding(words[0].path or "", _shown(entrypoint[0][1]), PROGRAM_ALLOWED)
        return
    missing = list(SUBCOMMANDS)
    unsure = False
    skip = False
    for word in words:
        value = word.value
        if skip or value is UNKNOWN:
            unsure = unsure or not skip
            skip = False
            continue
        name = flag_name(value) if isinstance(value, str) else None
        if name is not None and isinstance(value, str):
            skip = "=" not in value and name in VALUE_FLAGS | SECRET_FLAGS
            if name not in VALUE_FLAGS | SECRET_FLAGS | BOOLEAN_FLAGS:
                yield Finding(word.path or "", f"--{name}", "flags that say nothing of a config, such as --token-file")
                # Whether it takes the next word is unknown.
                unsure = True
        elif missing and value == missing[0]:
            missing.pop(0)
        elif missing and not unsure:
            yield Finding(word.path or "", _shown(value), "the subcommand `tunnel run`")
            return
    if missing and not unsure:
        yield Finding(container.field("command").path or "", None, "the subcommand `tunnel run`")


def _is_init(word: str) -> bool:
    return word.startswith("-") or posixpath.basename(word) in INITS


def _shown(word: object) -> object:
    return tunnel_secret(word) or word


RULES = (
    Rule(
        id="CF-SRC",
        title="A tunnel gets its config from Cloudflare, where this program sets it",
        level=Level.MANDATORY,
        severity=Severity.HIGH,
        sources=("Cloudflare Tunnel: remotely-managed tunnels",),
        reads=dict.fromkeys(ALL_TUNNELS, ("configSrc",))
        | dict.fromkeys(TUNNEL_CONFIGS, ("source",))
        | {CONTAINER: (*COMMAND, "uploads"), SERVICE: SERVICE_COMMAND},
        why="A tunnel with a local config, or a quick tunnel, publishes what its file or its flags say; no rule of "
        "this pack sees that.",
        fix='Set configSrc to "cloudflare" and start the container with the command `tunnel run --token-file PATH`.',
        check=_is_remotely_managed,
    ),
)
