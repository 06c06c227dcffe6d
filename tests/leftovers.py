"""What tests make on the Docker host, which goes whatever becomes of the process that made it.

Its name, or that of its stack, holds the id of that process.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import docker

#: `e2e` and the number of a stack, or `images-` and anything.
_NAME = re.compile(r"(?:e2e|images-)(\d+)-\w+")

#: Containers removed at a time: each takes the engine half a second, most of which it waits.
_AT_ONCE = 8


def name_of_this_run(kind: str, suffix: object) -> str:
    """A name that says which process made what bears it; `kind` is `e2e` or `images-`.

    >>> owner_of(name_of_this_run("e2e", 1)) == os.getpid()
    True
    """
    return f"{kind}{os.getpid()}-{suffix}"


def remove(client: docker.DockerClient, stack: str) -> None:
    """Removes all that Docker has of a stack."""
    _remove(client, lambda each: _labels(each).get("stack") == stack)


def remove_namespace(name: str) -> None:
    """Ends what still runs in a network namespace and in its control group, and removes it with its interfaces.

    In the group are the processes of its engine's containers, which have namespaces of their own. They outlive an
    engine that crashes.
    """
    for pid in (*map(int, _ip("netns", "pids", name).split()), *_in_control_group(control_group(name))):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    _ip("netns", "delete", name)


def control_group(namespace: str) -> str:
    """The control group of the containers of an engine in a network namespace; systemd wants it to be a slice."""
    return f"{namespace}.slice"


def _in_control_group(name: str) -> Iterator[int]:
    for path in Path("/proc").glob("[0-9]*/cgroup"):
        with suppress(OSError):
            if f"/{name}/" in path.read_text():
                yield int(path.parent.name)


def _ip(*args: str) -> str:
    """What `ip` says; nothing where there is none, or no such thing."""
    try:
        return subprocess.run(["ip", *args], capture_output=True, text=True, check=False).stdout
    except FileNotFoundError:
        return ""


def remove_those_of_dead_runs(client: docker.DockerClient) -> None:
    """Removes what belongs to processes that ended before they could remove it."""
    for name in [line.split()[0] for line in _ip("netns", "list").splitlines()]:
        if (owner := owner_of(name)) is not None and not lives(owner):
            remove_namespace(name)
    _remove(
        client, lambda each: (owner := owner_of(_labels(each).get("stack"), each.name)) is not None and not lives(owner)
    )


def owner_of(*names: str | None) -> int | None:
    """The process that one of these names holds.

    >>> owner_of("e2e12-1"), owner_of(None, "tasktracker-e2e12-1-nginx"), owner_of("dev")
    (12, 12, None)
    >>> owner_of("images-34-ab-postgres2")
    34
    """
    found = next((found for name in names if name and (found := _NAME.search(name))), None)
    return int(found[1]) if found else None


def lives(process: int) -> bool:
    try:
        status = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False
    # "12 (python3) Z ...": one that has ended, until its parent takes note of it.
    return status.rpartition(") ")[2][0] not in "ZX"


def _labels(each: Any) -> dict[str, str]:
    return each.attrs.get("Labels") or (each.attrs.get("Config") or {}).get("Labels") or {}


def _remove(client: docker.DockerClient, concerns: Callable[[Any], bool]) -> None:
    """Removes what `concerns` is true of: containers first, which hold the rest."""

    def found(kind: Any, **options: Any) -> Iterator[Any]:
        return filter(concerns, kind.list(**options))

    def gone(each: Any, **options: Any) -> None:
        # Somebody else may be removing it, such as an engine whose test was interrupted.
        with suppress(docker.errors.NotFound):
            each.remove(**options)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        removed = found(client.containers, all=True, ignore_removed=True)
        list(pool.map(lambda each: gone(each, force=True, v=True), removed))
    for each in found(client.networks):
        _disconnect_all(each)
        gone(each)
    for each in found(client.volumes):
        gone(each)


def _disconnect_all(network: Any) -> None:
    """Takes containers off a network that are gone: an engine on a busy machine may leave them there."""
    with suppress(docker.errors.NotFound):
        network.reload()
        for endpoint in network.attrs["Containers"].values():
            network.disconnect(endpoint["Name"], force=True)
