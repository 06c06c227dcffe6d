"""What is taken on a Docker host and in the stacks' files: subnets and ports."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import docker
import requests

import stackfile
from ops.tt.errors import RefusedError, UnreachableError
from ops.tt.project import NAMESPACE, Project
from remote import sdk, silent
from settings.blocks.network import NetworkSettings
from settings.blocks.nginx import PublishSettings

#: Seconds that the Docker host has for each answer.
TIMEOUT = 5


def on_host(like: Project, stack: str, notes: list[str]) -> tuple[list[IPv4Network], set[int]]:
    """The subnets and ports that are taken on the Docker host; none where it does not answer.

    Raises:
        RefusedError: it has something of a stack of that name.
    """
    try:
        api = sdk.client(like.docker_host, TIMEOUT).api
        networks, containers = api.networks(), api.containers(all=True)
        volumes = api.volumes()["Volumes"] or []
    except (docker.errors.DockerException, requests.exceptions.RequestException, OSError, ValueError) as error:
        notes.append(_not_asked(silent(error, like.docker_host)))
        return [], set()
    except UnreachableError as error:
        notes.append(_not_asked(str(error)))
        return [], set()
    names = [each["Name"] for each in [*networks, *volumes] if _stack_of(each) == stack]
    names += [each["Names"][0].removeprefix("/") for each in containers if _stack_of(each) == stack]
    if names:
        raise RefusedError(
            f"the stack {stack}: the Docker host has something of a stack of that name "
            f"({', '.join(sorted(names))}): remove it, or take another name"
        )
    subnets = [
        IPv4Network(each["Subnet"], strict=False)
        for network in networks
        if network.get("Scope") == "local"
        for each in (network.get("IPAM") or {}).get("Config") or ()
        if "." in each.get("Subnet", "")
    ]
    ports = {port["PublicPort"] for each in containers for port in each.get("Ports") or () if "PublicPort" in port}
    if like.docker_host is None:
        ports |= _listening()
    return subnets, ports


def _not_asked(reason: str) -> str:
    return f"the Docker host was not asked what is free on it; `make preview` asks it again: {reason}"


def _stack_of(attributes: Mapping[str, Any]) -> str | None:
    return (attributes.get("Labels") or {}).get("stack")


def _listening() -> set[int]:
    """The ports that programs of this machine listen on, where the kernel says so (Linux)."""
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(OSError):
            for line in Path(table).read_text().splitlines()[1:]:
                address, state = line.split()[1], line.split()[3]
                if state == "0A":
                    found.add(int(address.rpartition(":")[2], 16))
    return found


def config_of(path: Path, notes: list[str]) -> dict[str, Any]:
    """What a stack file sets below the project's namespace; nothing where it can't be read, which a note says."""
    try:
        config = stackfile.config(path)
    except stackfile.StackFileError as error:
        notes.append(f"{error}. Until that is corrected, its subnets and ports may be in the way")
        return {}
    return {key.removeprefix(f"{NAMESPACE}:"): value for key, value in config.items()}


def block(config: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    """The block at a path of a config; an empty one where there is none."""
    for key in path:
        found = config.get(key)
        config = found if isinstance(found, dict) else {}
    return config


def networks_of(config: Mapping[str, Any]) -> dict[str, IPv4Network]:
    """The subnets that a config sets, and those that it has by default."""
    given, found = block(config, "network"), {}
    for key, info in NetworkSettings.model_fields.items():
        found[key] = info.default
        # What is wrong in another's file is for its own preview to say.
        with contextlib.suppress(ValueError):
            found[key] = IPv4Network(str(given.get(key, info.default)))
    return found


def ports_of(config: Mapping[str, Any]) -> dict[tuple[str, ...], int]:
    """The ports of the host that a config publishes, by path."""
    found: dict[tuple[str, ...], object] = {
        (name, key): block(config, name).get(key)
        for name, key in (("postgres", "debug_port"), ("nats", "debug_port"), ("nats", "debug_monitor_port"))
    }
    if "tunnel" not in config:
        publish, defaults = block(config, "nginx", "publish"), PublishSettings()
        found["nginx", "publish", "port"] = publish.get("port", defaults.port)
        if "tls" in block(config, "nginx"):
            found["nginx", "publish", "tls_port"] = publish.get("tls_port", defaults.tls_port)
    return {path: port for path, port in found.items() if isinstance(port, int)}
