"""Compliant resources; a test changes one field of one of them."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from enum import Enum
from typing import Any

from policies.containers import CONTAINER, SERVICE
from policies.resource import NETWORK, VOLUME, Resource

STACK = "prod"
PROJECT = "tasktracker"


class Unset(Enum):
    """What takes a property away."""

    UNSET = "unset"

    def __str__(self) -> str:
        """As it stands in the names of tests, which are the same in every process."""
        return "unset"


UNSET = Unset.UNSET

IMAGE = f"registry.example.com/tasktracker/nginx:1.2.3@sha256:{64 * 'a'}"

LABELS = [
    {"label": "release", "value": "1.2.3"},
    {"label": "service", "value": "nginx"},
    {"label": "stack", "value": STACK},
]

FILES = {"type": "volume", "source": "tasktracker-prod-nginx-files", "target": "/etc/tasktracker", "readOnly": True}

_CONTAINER: dict[str, Any] = {
    "name": "tasktracker-prod-nginx",
    "image": IMAGE,
    "user": "10003:10003",
    "readOnly": True,
    "tmpfs": {"/tmp": "rw,noexec,nosuid,nodev,size=64m,mode=1777"},
    "capabilities": {"drops": ["ALL"]},
    "securityOpts": ["no-new-privileges:true"],
    "memory": 256,
    "memorySwap": 256,
    "memoryReservation": 64,
    "cpus": "0.5",
    "ulimits": [{"name": "nofile", "soft": 16384, "hard": 16384}],
    "init": True,
    "stopTimeout": 10,
    "destroyGraceSeconds": 10,
    "restart": "always",
    "mustRun": True,
    "envs": ["LOG_LEVEL=info", "TLS_KEY_FILE=/etc/tasktracker/tls.key"],
    "labels": LABELS,
    "mounts": [FILES],
    "ports": [{"internal": 8080, "external": 8080, "ip": "127.0.0.1", "protocol": "tcp"}],
    "networkMode": "bridge",
    "networksAdvanced": [{"name": "tasktracker-prod-edge", "aliases": ["nginx"], "ipv4Address": "172.20.0.2"}],
    "healthcheck": {
        "tests": ["CMD", "curl", "--fail", "http://127.0.0.1:8080/healthz"],
        "interval": "3s", "timeout": "5s", "startPeriod": "30s", "retries": 3,
    },
    "wait": True,
    "waitTimeout": 60,
    "logDriver": "json-file",
    "logOpts": {"max-file": "3", "max-size": "10m"},
}  # fmt: skip

#: A container that only carries files into a volume and is never started.
_CARRIER: dict[str, Any] = {
    "name": "tasktracker-prod-nginx-files",
    "image": IMAGE,
    "command": ["true"],
    "start": False,
    "mustRun": False,
    "networkMode": "none",
    "user": "65534:65534",
    "readOnly": False,
    "capabilities": {"drops": ["ALL"]},
    "securityOpts": ["no-new-privileges:true"],
    "memory": 16,
    "memorySwap": 16,
    "cpus": "0.1",
    "logDriver": "json-file",
    "logOpts": {"max-file": "3", "max-size": "10m"},
    "restart": "no",
    "destroyGraceSeconds": 1,
    "labels": LABELS,
    "mounts": [{"type": "volume", "source": "tasktracker-prod-nginx-files", "target": "/etc/tasktracker"}],
    "uploads": [{"file": "/etc/tasktracker/nginx.conf", "content": "events {}\n", "permissions": "0444"}],
}

_SERVICE: dict[str, Any] = {
    "name": "tasktracker-prod-nginx",
    "labels": LABELS,
    "taskSpec": {
        "containerSpec": {
            "image": IMAGE,
            "user": "10003:10003",
            "readOnly": True,
            "capDrops": ["ALL"],
            "env": {"LOG_LEVEL": "info", "TLS_KEY_FILE": "/run/secrets/tls.key"},
            "labels": LABELS,
            "mounts": [
                FILES,
                {"type": "tmpfs", "target": "/tmp", "tmpfsOptions": {"sizeBytes": 64 * 2**20, "mode": 0o1777}},
            ],
            "healthcheck": {
                "tests": ["CMD", "curl", "--fail", "http://127.0.0.1:8080/healthz"],
                "interval": "3s", "timeout": "5s", "startPeriod": "30s", "retries": 3,
            },
        },
        "resources": {"limits": {"memoryBytes": 256 * 2**20, "nanoCpus": 500_000_000}},
        "restartPolicy": {"condition": "any"},
        "logDriver": {"name": "json-file", "options": {"max-file": "3", "max-size": "10m"}},
        "networksAdvanceds": [{"name": "tasktracker-prod-edge", "aliases": ["nginx"]}],
    },
}  # fmt: skip

_VOLUME: dict[str, Any] = {"name": "tasktracker-prod-postgres-data", "driver": "local", "labels": LABELS}

_NETWORK: dict[str, Any] = {
    "name": "tasktracker-prod-data",
    "driver": "bridge",
    "internal": True,
    "ipv6": False,
    "ipamConfigs": [{"subnet": "172.20.1.0/24", "gateway": "172.20.1.1", "ipRange": "172.20.1.128/25"}],
    "labels": LABELS,
}


def make(
    type_: str,
    properties: Mapping[str, Any],
    changes: Mapping[str, Any] | None = None,
    *,
    name: str = "nginx",
    secret: tuple[str, ...] = (),
    protect: bool = False,
    dependencies: Mapping[str, list[str]] | None = None,
) -> Resource:
    """A resource with `changes` (dotted path -> value, or `UNSET`) to `properties`; `secret` are secret paths."""
    changed = copy.deepcopy(dict(properties))
    for path, value in (changes or {}).items():
        *folders, last = path.split(".")
        place = changed
        for folder in folders:
            place = place.setdefault(folder, {})
        if value is UNSET:
            del place[last]
        else:
            place[last] = value
    return Resource(
        type=type_,
        name=name,
        urn=f"urn:pulumi:{STACK}::{PROJECT}::{type_}::{name}",
        properties=changed,
        secret_paths=frozenset(secret),
        protect=protect,
        dependencies=dependencies or {},
    )


def container(changes: Mapping[str, Any] | None = None, **options: Any) -> Resource:
    """A compliant `docker.Container`, with changes."""
    return make(CONTAINER, _CONTAINER, changes, **options)


def carrier(changes: Mapping[str, Any] | None = None, **options: Any) -> Resource:
    """A compliant container that is never started, with changes."""
    return make(CONTAINER, _CARRIER, changes, **{"name": "nginx-files", **options})


def service(changes: Mapping[str, Any] | None = None, **options: Any) -> Resource:
    """A compliant Swarm `docker.Service`, with changes."""
    return make(SERVICE, _SERVICE, changes, **options)


def volume(changes: Mapping[str, Any] | None = None, **options: Any) -> Resource:
    """A compliant `docker.Volume`, with changes."""
    return make(VOLUME, _VOLUME, changes, **{"name": "postgres-data", **options})


def network(changes: Mapping[str, Any] | None = None, **options: Any) -> Resource:
    """A compliant `docker.Network`, with changes."""
    return make(NETWORK, _NETWORK, changes, **{"name": "data", **options})
