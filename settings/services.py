"""The services that a stack may run: one row each, from which everything that lists services is derived.

A service's own settings are in `settings.blocks`, its component in `components`, its image in `images/<folder>`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from settings.errors import Path
from settings.releases import SLOTS
from settings.values.units import GB, MB


@dataclass(frozen=True)
class Needs:
    """What a service's container may take of its host where its config does not say: CPUs, and memory in MB.

    `reserved` is the memory that Docker tries to leave to the container when the host runs short.
    """

    cpus: float
    memory: int
    reserved: int


@dataclass(frozen=True, kw_only=True)
class ServiceInfo:
    """A service.

    Attributes:
        name: what its container is called, after `tasktracker-<stack>-`.
        folder: the folder of its image under `images/`.
        uid: the number of the user, and of the group, that it runs as: of the image's `USER`.
        needs: the defaults of its `resources`.
        block: the block of the config that has its `resources`.
        image: what its image is, as docs/configuration.md describes the key of the block `images`; empty where it runs
            the image of another service and has no such key.
        optional: whether a stack has it only where the config has its block.
        condition: the property of `Settings` that says whether a stack with its block has it; None where each has.
        local: whether dev has the image that is built on this machine where the config names none.
        replicas: how many containers of it there are; several are numbered from 1.
        slotted: whether it is part of a release, so that there is one of it in each slot that has a release.
        held: whether it runs in one slot alone: the switch to a release starts it, and stops that of the one before.
        secrets: names of the secrets that it makes for itself, which none of the app's may have.
        app_files: names of the files under /etc/tasktracker that it gives api and worker.
        app_files_with: the setting that a stack has `app_files` with; empty where it has them whenever it has the
            service.
    """

    name: str
    folder: str
    uid: int
    needs: Needs
    block: Path
    image: str = ""
    optional: bool = False
    condition: str | None = None
    local: bool = True
    replicas: int = 1
    slotted: bool = False
    held: bool = False
    secrets: tuple[str, ...] = ()
    app_files: tuple[str, ...] = ()
    app_files_with: Path = ()

    @property
    def key(self) -> str:
        """Its key in the block `images`."""
        return self.name.replace("-", "_")

    @property
    def user(self) -> str:
        """Its user as Docker takes it: `uid:gid`."""
        return f"{self.uid}:{self.uid}"

    @property
    def containers(self) -> tuple[str, ...]:
        """What its containers are called, after `tasktracker-<stack>-`."""
        if self.slotted:
            return tuple(f"{self.name}-{slot}" for slot in SLOTS)
        return (self.name,) if self.replicas == 1 else tuple(f"{self.name}-{n}" for n in range(1, self.replicas + 1))


_ROWS: Final = (
    ServiceInfo(
        name="postgres",
        folder="postgres",
        uid=10001,
        needs=Needs(2.0, 2 * GB, 512 * MB),
        block=("postgres",),
        image="PostgreSQL 17 with pgvector.",
        condition="has_own_database",
        secrets=("postgres_password", "app_password"),
        app_files=("database-url",),
    ),
    ServiceInfo(
        name="nats",
        folder="nats",
        uid=10002,
        needs=Needs(0.5, 512 * MB, 64 * MB),
        block=("nats",),
        image="NATS server with JetStream.",
        app_files=("nats-url",),
    ),
    ServiceInfo(
        name="api",
        folder="app",
        uid=10004,
        needs=Needs(1.0, 1 * GB, 256 * MB),
        block=("api",),
        image="The api and its migrations.",
        slotted=True,
        app_files=("encryption-key",),
    ),
    ServiceInfo(
        name="worker",
        folder="app",
        uid=10004,
        needs=Needs(2.0, 2 * GB, 512 * MB),
        block=("worker",),
        image="The worker; normally the image of the api.",
        slotted=True,
        held=True,
    ),
    ServiceInfo(
        name="dashboard",
        folder="dashboard",
        uid=10003,
        needs=Needs(0.5, 512 * MB, 128 * MB),
        block=("dashboard",),
        image="The dashboard's static files and the server for them.",
        slotted=True,
    ),
    ServiceInfo(
        name="nginx",
        folder="nginx",
        uid=10003,
        needs=Needs(0.5, 256 * MB, 64 * MB),
        block=("nginx",),
        image="The reverse proxy in front.",
    ),
    # A backup at half a CPU came to 30 MB/s, for TLS and the checks of what is stored.
    ServiceInfo(
        name="object-store",
        folder="object_store",
        uid=10005,
        needs=Needs(1.0, 256 * MB, 64 * MB),
        block=("object_store",),
        image="The S3 service for backups.",
        condition="has_object_store",
        app_files=("object-store-access-key", "object-store-secret-key", "object-store-ca"),
        app_files_with=("object_store", "app_bucket"),
    ),
    # zstd and AES at 1 CPU do some 100 MB/s; a process of pgBackRest takes 20 to 40 MB.
    ServiceInfo(
        name="backups",
        folder="postgres",
        uid=10001,
        needs=Needs(1.0, 256 * MB, 64 * MB),
        block=("backup",),
        condition="has_backups",
    ),
    # It restores, then runs a PostgreSQL of its own.
    ServiceInfo(
        name="drills",
        folder="postgres",
        uid=10001,
        needs=Needs(1.0, 512 * MB, 64 * MB),
        block=("backup", "drill"),
        condition="has_drills",
    ),
    # restic took 200 MB for 170 MB of files; its index is in memory, 1 GB for some 10 million files.
    ServiceInfo(
        name="file-backups",
        folder="file_backups",
        uid=10004,
        needs=Needs(1.0, 512 * MB, 64 * MB),
        block=("backup", "files"),
        image="What backs up files and NATS' streams.",
        condition="has_file_backups",
    ),
    ServiceInfo(
        name="redis",
        folder="redis",
        uid=10007,
        needs=Needs(0.5, 256 * MB, 64 * MB),
        block=("redis",),
        image="The Redis server; required with `redis`, and in dev the one built here.",
        optional=True,
        app_files=("redis-url",),
    ),
    # It holds four connections to Cloudflare and copies; 30 MB when idle. dev has no tunnel.
    ServiceInfo(
        name="cloudflared",
        folder="cloudflared",
        uid=10006,
        needs=Needs(0.5, 256 * MB, 64 * MB),
        block=("tunnel",),
        image="The tunnel's end on the host; required with a tunnel.",
        optional=True,
        local=False,
        replicas=2,
    ),
)

SERVICES: Final[Mapping[str, ServiceInfo]] = {row.name: row for row in _ROWS}
"""The services by name, in the order of the documents."""

HELD: Final = frozenset(service.name for service in _ROWS if service.held)
"""The services that the switch between releases starts and stops."""

WITH_IMAGES: Final[Mapping[str, ServiceInfo]] = {row.key: row for row in _ROWS if row.image}
"""Those that have a key in the block `images`, by that key."""
