"""Scratch servers: what was once in the database, beside the one that runs, to look at and throw away."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
from docker.models.containers import Container

from ops.tt.backup.backups import Target
from ops.tt.backup.database import DATA_PATH, POLL, Database, events
from ops.tt.backup.drill import DRILLS
from ops.tt.errors import BrokenError, FailedError, InterruptedWorkError, RefusedError, TtError, UsageError
from ops.tt.host.docker_host import Host, answering
from ops.tt.output import Output
from ops.tt.project import NAMESPACE
from ops.tt.restore.plan import check_fits

PREFIX = "scratch-"

SCRIPT = Path(__file__).with_name("scratch.sh")

#: What can be part of a container's name.
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,30}")

#: Where the server's socket is, in its container.
SOCKET = "/tmp"  # noqa: S108 - the container's own memory

#: What a scratch server takes over from drills, which do the same with the same rights.
HARDENING = (
    "CapDrop", "Init", "IpcMode", "LogConfig", "Memory", "MemoryReservation", "MemorySwap", "NanoCpus", "PidsLimit",
    "ReadonlyRootfs", "SecurityOpt", "ShmSize", "Tmpfs", "Ulimits",
)  # fmt: skip

#: Where containers find their files.
FILES_PATH = "/etc/tasktracker"


@dataclass(frozen=True)
class Scratch:
    """A scratch server that answers."""

    name: str
    container: str
    job: Mapping[str, Any]
    database: str

    @property
    def connect(self) -> str:
        """The command that leads to it."""
        return f"docker exec -it {self.container} psql -h {SOCKET} -U postgres {self.database}"


def make(host: Host, output: Output, name: str, target: Target) -> Scratch:
    """Restores into a volume and a server of their own. Nothing of the stack changes.

    Raises:
        UsageError: the name can't be one.
        RefusedError: it can't be restored, or the name is taken.
        FailedError: the restore failed; nothing is left of it.
    """
    if not NAME.fullmatch(name):
        raise UsageError(f"--into {name}: must be lower-case letters, digits and -, at most 31, no - at the start")
    service = PREFIX + name
    if host.find(service) is not None or _volume(host, service) is not None:
        raise RefusedError(f"there is a scratch '{name}' already: choose another name, or {_removal(host, name)}")
    if host.find(DRILLS) is None:
        raise RefusedError(
            "--into works with what drills have, and this stack has none: set backup.drill.enabled to true"
        )
    database = Database(host)
    now = time.time()
    try:
        live: int | None = database.timeline()
    except TtError:
        live = None
    check_fits(database.choose(target, now, live), database)
    drills = host.running(DRILLS)
    if live is not None:
        database.archive_all(output)
    try:
        with answering():
            container = _start(host, drills, service, target)
        job = _await(host, container, output, name)
    except KeyboardInterrupt:
        _discard(host, name, "interrupted")
        raise InterruptedWorkError(f"interrupted: nothing is left of the scratch '{name}'") from None
    except BaseException as error:
        _discard(host, name, str(error))
        raise
    return Scratch(name, str(container.name), job, _env(drills)["POSTGRES_DB"])


def _start(host: Host, drills: Container, service: str, target: Target) -> Container:
    """Makes and starts the container, as hardened as drills, with their files and network."""
    labels = {"stack": host.stack, "service": service, "release": str(drills.labels["release"])}
    volume = host.client.volumes.create(host.name(service), labels={key: labels[key] for key in ("stack", "service")})
    attributes = drills.attrs
    files = next(each["Name"] for each in attributes["Mounts"] if each["Destination"] == FILES_PATH)
    api = host.client.api
    config = api.create_host_config(
        mounts=[
            docker.types.Mount(DATA_PATH, volume.name),
            docker.types.Mount(FILES_PATH, files, read_only=True),
        ],
        # They have one, which leads to the repository.
        network_mode=next(iter(attributes["NetworkSettings"]["Networks"])),
        restart_policy={"Name": "no"},
    )
    config.update({key: attributes["HostConfig"][key] for key in HARDENING})
    variables = {
        "POSTGRES_DB": _env(drills)["POSTGRES_DB"],
        **{f"RESTORE_{key.upper()}": value for key, value in target.config.items()},
    }
    created = api.create_container(
        attributes["Config"]["Image"],
        ["bash", "-c", SCRIPT.read_text()],
        name=host.name(service),
        user=attributes["Config"]["User"],
        environment=variables,
        labels=labels,
        host_config=config,
    )
    container = host.client.containers.get(created["Id"])
    container.start()
    return container


def _await(host: Host, container: Container, output: Output, name: str) -> Mapping[str, Any]:
    """Waits until the server answers; what the restore has said at its end."""
    told: dict[str, Mapping[str, Any]] = {}
    with output.work(f"Restoring into the scratch '{name}'") as work:

        def take(event: Mapping[str, Any]) -> None:
            told[str(event.get("event"))] = event
            if event.get("event") == "progress":
                work.percent(float(event.get("percent", 0)))

        while True:
            with answering():
                container.reload()
                for line in container.logs(stdout=True, stderr=False, tail=5).decode(errors="replace").splitlines():
                    events(take)(line)
                if container.status != "running":
                    last = container.logs(stdout=False, stderr=True, tail=1).decode(errors="replace").strip()
                    raise FailedError(f"the restore failed: {told.get('failed', {}).get('reason') or last}")
            service = str(container.labels["service"])
            if "done" in told and host.run(service, ["pg_isready", "-q", "-h", SOCKET]).code == 0:
                break
            time.sleep(POLL)
    # It has all it needs, and the stack's networks can go without it.
    with answering():
        for network in container.attrs["NetworkSettings"]["Networks"]:
            host.client.networks.get(network).disconnect(container)
    return told["done"]


def listed(host: Host) -> list[dict[str, str]]:
    """The scratch servers: name, container and state."""
    return [
        {
            "name": str(each.labels["service"]).removeprefix(PREFIX),
            "container": str(each.name),
            "state": str(each.status),
        }
        for each in host.containers()
        if str(each.labels.get("service")).startswith(PREFIX)
    ]


def remove(host: Host, name: str) -> None:
    """Removes a scratch server with its data.

    Raises:
        UsageError: there is none of that name; names those there are.
    """
    if host.find(PREFIX + name) is None and _volume(host, PREFIX + name) is None:
        names = ", ".join(each["name"] for each in listed(host)) or "none"
        raise UsageError(f"there is no scratch '{name}'; there are: {names}")
    try:
        _remove(host, name)
    except KeyboardInterrupt:
        raise InterruptedWorkError(f"interrupted: {_removal(host, name)} again removes what is left") from None


def remove_all(host: Host) -> list[str]:
    """Removes all scratch servers with their data; returns their names."""
    with answering():
        found = host.client.volumes.list(filters={"label": f"stack={host.stack}"})
    services = {str((each.attrs.get("Labels") or {}).get("service")) for each in found}
    names = {service.removeprefix(PREFIX) for service in services if service.startswith(PREFIX)}
    names |= {each["name"] for each in listed(host)}
    for name in sorted(names):
        remove(host, name)
    return sorted(names)


def _remove(host: Host, name: str) -> None:
    """Removes what there is of a scratch server."""
    container, volume = host.find(PREFIX + name), _volume(host, PREFIX + name)
    with answering():
        if container is not None:
            container.remove(force=True)
        if volume is not None:
            volume.remove()


def _discard(host: Host, name: str, reason: str) -> None:
    """Removes what there is of one that was not finished.

    Raises:
        BrokenError: it can't be removed; says how.
    """
    try:
        _remove(host, name)
    except (TtError, KeyboardInterrupt) as error:
        raise BrokenError(
            f"{reason}\nWhat was made of the scratch '{name}' may be left ({str(error) or 'interrupted again'}): "
            f"{_removal(host, name)} removes it"
        ) from None


def _removal(host: Host, name: str) -> str:
    return f"`./tt scratch remove {name} --stack {host.stack}`"


def _volume(host: Host, service: str) -> Any:  # noqa: ANN401 - the client's type, or None
    with answering():
        try:
            return host.client.volumes.get(f"{NAMESPACE}-{host.stack}-{service}")
        except docker.errors.NotFound:
            return None


def _env(container: Container) -> dict[str, str]:
    return dict(str(each).split("=", 1) for each in container.attrs["Config"]["Env"])
