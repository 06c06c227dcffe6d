"""Which secrets the program knows, in which files of which containers each one is, and what a new one restarts.

All of it is read from runs of the real program on mocks, one for each way to set a stack up: a secret is where its
value is found.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from settings.secrets import BUILT_IN
from tests.certificates import chain, ec_key, key_pem
from tests.services import OPTIONAL
from tests.unit.components.conftest import (
    ACCESS_KEY,
    API_TOKEN,
    CONTAINER,
    DEV,
    GATES,
    PROD,
    STASH,
    TUNNEL,
    Run,
    service_of,
)

#: A secret that a stack's config declares for the app, which has no name of its own in the program.
APP_SECRET = "some_name"

#: What the program reads from Cloudflare; the mocks answer with a text of their own (see `Answers`).
TUNNEL_TOKEN, TOKEN_ON_MOCKS = "tunnel-token", "token of tunnel-id"

#: As long as any secret has to be, one line, and each of its own.
_GIVEN = {name: f"the-value-of-{name}-" + 32 * "x" for name in (*BUILT_IN, APP_SECRET)}
_PAIR = {"tls_certificate": chain(), "tls_key": key_pem(ec_key("server"))}
_AUTHORITY = "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n"

_S3 = {"bucket": "elsewhere", "endpoint": "s3.example.com", "region": "local"}

#: Config and config secrets of stacks that between them have every part.
STACKS: tuple[tuple[Mapping[str, str], Mapping[str, str]], ...] = (
    # All that the program can make itself.
    ({**DEV, "object_store": json.dumps({"app_bucket": "app-objects"}), **OPTIONAL}, {}),
    # All that people can give at a time, with TLS behind a tunnel.
    (
        {
            **TUNNEL,
            "nginx": json.dumps({"tls": True}),
            "backup": json.dumps({"repository": "s3", "s3": _S3}),
            "app_secrets": json.dumps({APP_SECRET: {}}),
        },
        {
            **{name: value for name, value in _GIVEN.items() if name != "database_url"},
            **_PAIR,
            **API_TOKEN,
            "tls_ca_certificate": _AUTHORITY.format("dGxz"),
            "s3_ca_certificate": _AUTHORITY.format("czM="),
        },
    ),
    # What AWS makes.
    (
        {
            **PROD,
            "backup": json.dumps({"repository": "aws", "aws": {"region": "eu-central-1"}}),
            "nginx": json.dumps({"tls": True, "certificate": "cloudflare"}),
        },
        API_TOKEN,
    ),
    # What takes the place of a database of its own.
    (DEV, {"database_url": "postgresql://tasks:a-password@db.example.com:5432/tasks"}),
)


@dataclass
class Found:
    """Where a secret is. `files`: names of files by container. `restarts`: containers that a new one replaces."""

    files: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    restarts: set[str] = field(default_factory=set)


def secrets_of_the_program(run: Callable[..., Run]) -> dict[str, Found]:
    """Every secret by its name: that of its Stash, its config secret, or what a cloud has made."""
    found: dict[str, Found] = {}
    for config, given in STACKS:
        result = run(dict(config), dict(given))
        for name, parts in _values(result, given).items():
            where = found.setdefault(name, Found())
            changed = {service for part in parts for service in _holders(result, part, where)}
            if name == "digest-key":
                # It is in no file: every label that stands for files is made with it.
                changed = {each.name for each in result.all(CONTAINER) if _label(each.inputs)}
            if name not in given:
                # They run for a new release alone, and what the program makes is no part of one.
                changed -= {"migrations"}
            where.restarts |= {service_of(each) for each in _replaced(result, changed)}
    return found


def _values(result: Run, given: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """The parts of each secret of a run: a certificate is kept together with its key."""
    values: dict[str, tuple[str, ...]] = {name: (value,) for name, value in given.items()}
    for stash in result.all(STASH):
        if stash.name not in GATES:
            kept = stash.inputs["input"]
            values[stash.name] = tuple(kept.values()) if isinstance(kept, dict) else (kept,)
    for key in result.all(ACCESS_KEY):
        values[key.name] = (f"secret of {key.inputs['user']}",)
    if any(each.name == "cloudflared-1" for each in result.running):
        values[TUNNEL_TOKEN] = (TOKEN_ON_MOCKS,)
    return values


def _holders(result: Run, value: str, where: Found) -> set[str]:
    """The services with a file that holds `value`; notes the files."""
    holders = set()
    for carrier in result.all(CONTAINER):
        for upload in carrier.inputs.get("uploads", []):
            if value in upload["content"]:
                service = carrier.name.removesuffix("-files")
                where.files[service_of(service)].add(upload["file"].rpartition("/")[2])
                holders.add(service)
    return holders


def _replaced(result: Run, changed: set[str]) -> set[str]:
    """Which containers are made anew when the files of `changed` are others: not one that takes them up by itself."""
    containers = {each.name: each for each in result.all(CONTAINER)}
    replaced = {name for name in changed if _label(containers[name].inputs)}
    followers = {
        each.name
        for each in containers.values()
        if {str(urn).rpartition("::")[2] for urn in each.request.replace_with} & replaced
    }
    return replaced | followers


def _label(inputs: Mapping[str, Any]) -> bool:
    return "files" in {each["label"] for each in inputs["labels"]}
