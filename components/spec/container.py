"""Services and jobs as specs: frozen values without Pulumi, which `dataclasses.asdict` turns into JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from settings.blocks.block import Resources
from settings.releases import Slot
from settings.values.image_ref import ImageRef

#: Where every container finds its files.
MOUNT_PATH = "/etc/tasktracker"

#: The networks that a stack may have (see `components.core.network`).
EDGE, DATA, EGRESS, DEBUG = "edge", "data", "egress", "debug"

#: Debug ports are for the people who are on the host.
DEBUG_ADDRESS = "127.0.0.1"


@dataclass(frozen=True)
class HealthCheck:
    """A command that exits 0 when the service does its work.

    Seconds throughout. `interval` is short because Docker before 25.0 has no `start_interval`: it is
    how long every start waits for its first check. `start_period`: failures that don't count yet.
    """

    command: Sequence[str]
    interval: int = 3
    timeout: int = 5
    retries: int = 3
    start_period: int = 30


@dataclass(frozen=True)
class Attachment:
    """A network that a container is on, under its service's name, at a fixed address if given.

    `named` is false where it only calls out: one that is on two networks of it would find it by its name on either.
    """

    network: str
    address: str | None = None
    named: bool = True


@dataclass(frozen=True)
class PublishedPort:
    """Port `internal` of the container, reachable at `address`:`external` of the host."""

    internal: int
    external: int
    address: str


@dataclass(frozen=True)
class Mount:
    """A volume, by its name in the stack, and where the container finds it; another one writes what is `read_only`."""

    volume: str
    path: str
    read_only: bool = False


@dataclass(frozen=True)
class Limits:
    """What a container may take of its host: CPUs, memory in MB, processes and threads."""

    cpus: float
    memory: int
    memory_reservation: int
    pids: int

    @classmethod
    def of(cls, resources: Resources) -> Self:
        """Those of a block of the config."""
        return cls(resources.cpus, resources.memory, resources.memory_reservation, resources.pids)


@dataclass(frozen=True, kw_only=True)
class ContainerSpec:
    """What a container says about itself; all that is the same for every container is not here.

    `user` is `uid:gid`, numeric and not root. `files` are the names of the files under `/etc/tasktracker`. `tmpfs`
    lists folders of scratch space in memory. `stop_timeout` is how long, in seconds, a stop waits before it kills.
    `shm_size` is in MB. `slot` is the one that its release runs in, and `release` the id of that; None for what is part
    of none.
    """

    service: str
    image: ImageRef
    user: str
    limits: Limits
    networks: Sequence[Attachment]
    slot: Slot | None = None
    release: str | None = None
    command: Sequence[str] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    files: Sequence[str] = ()
    mounts: Sequence[Mount] = ()
    tmpfs: Sequence[str] = ("/tmp",)  # noqa: S108 - a folder in the container's own memory
    shm_size: int | None = None
    stop_timeout: int = 10


@dataclass(frozen=True, kw_only=True)
class ServiceSpec(ContainerSpec):
    """A service. `wait_timeout` is how long, in seconds, `up` waits for it to be healthy.

    `reload` says that the image reloads changed files by itself, by the manifest that comes with them (see
    `components.runtime.files`), so that a change replaces no container. Such an image has the command
    `await-files DIGEST`, which waits until the files of that digest are in use and fails, with the reason, if they
    won't be. With `held` the container is made and not started: the switch to its release does that.
    """

    health: HealthCheck
    wait_timeout: int
    held: bool = False
    ports: Sequence[PublishedPort] = ()
    reload: bool = False


@dataclass(frozen=True, kw_only=True)
class JobSpec(ContainerSpec):
    """A job. `timeout` is how long it may run, in seconds, before it is killed and has failed."""

    timeout: int
