"""What runs beside PostgreSQL for its backups, from its image: what takes them, and what tries them out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from components.core.context import Context
from components.core.rendering import render
from components.data.postgres import SOCKET, SOCKET_PATH, Archive, Postgres
from components.runtime.volumes import RuntimeVolume
from components.spec.container import Attachment, HealthCheck, Limits, Mount, ServiceSpec
from settings.blocks.backup import BackupSettings
from settings.blocks.block import Resources
from settings.services import ServiceInfo
from settings.values.image_ref import ImageRef

#: Where they leave their figures, as a Prometheus node exporter takes them.
METRICS_PATH = "/var/lib/metrics"

#: The name of the volume with them.
METRICS = "backup-metrics"

#: Seconds for a backup that runs to end in order, or for a drill's server: what is cut off costs no more than itself.
STOP_TIMEOUT = 30

#: Seconds between health checks: the status that they read is written each minute, or every ten seconds in trouble.
HEALTH_INTERVAL = 10


@dataclass(frozen=True)
class SidecarArgs:
    """`image` is PostgreSQL's: pgBackRest reads a cluster's files itself, and a drill runs a server. `metrics` is where
    they say how it went."""

    context: Context
    settings: BackupSettings
    image: ImageRef
    archive: Archive
    postgres: Postgres
    metrics: RuntimeVolume


@dataclass(frozen=True, kw_only=True)
class Sidecar:
    """How one differs from the other: what `settings` says of it, what it runs, and the volume that it works on.

    `env` comes beside the variables that both have. `start_timeout` is in seconds.
    """

    service: ServiceInfo
    resources: Resources
    start_timeout: int
    command: str
    health: str
    env: Mapping[str, str]
    data: Mount


def sidecar_spec(
    sidecar: Sidecar, settings: BackupSettings, image: ImageRef, files: Sequence[str], *, database: str, network: str
) -> ServiceSpec:
    """Its container; `network` leads to the repository, and PostgreSQL is reached through its socket."""
    return ServiceSpec(
        service=sidecar.service.name,
        image=image,
        user=sidecar.service.user,
        limits=Limits.of(sidecar.resources),
        command=[sidecar.command],
        env={
            "ARCHIVE_TIMEOUT": str(settings.archive_timeout),
            "MAX_WAL_AGE": str(settings.max_wal_age),
            "POSTGRES_DB": database,
            **sidecar.env,
        },
        files=files,
        mounts=[sidecar.data, Mount(SOCKET, SOCKET_PATH, read_only=True), Mount(METRICS, METRICS_PATH)],
        networks=[Attachment(network)],
        health=HealthCheck([sidecar.health], interval=HEALTH_INTERVAL),
        stop_timeout=STOP_TIMEOUT,
        wait_timeout=sidecar.start_timeout,
    )


def crontab(time_zone: str, jobs: Mapping[str, str]) -> str:
    """A schedule by command, as supercronic takes it."""
    return render("crontab", time_zone=time_zone, jobs=jobs)
