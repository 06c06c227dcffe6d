"""Drills: proof, by schedule, that what is in the repository can be restored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from components.backup.backups import METRICS, METRICS_PATH, crontab
from components.core.context import Context
from components.core.naming import SYSTEM
from components.core.options import child_after
from components.core.runtime import Given
from components.data.postgres import DATA_PATH, SOCKET, SOCKET_PATH, Archive, Postgres
from components.runtime.volumes import RuntimeVolume
from components.spec.container import Attachment, HealthCheck, Limits, Mount, ServiceSpec
from settings.blocks.backup import BackupSettings
from settings.services import SERVICES
from settings.values.image_ref import ImageRef

#: Seconds for the drill's own server to stop; its data are thrown away.
STOP_TIMEOUT = 30

#: The name of the volume that it restores into.
SCRATCH = "drill-scratch"

#: Seconds between health checks: what they read changes when a drill begins or ends.
HEALTH_INTERVAL = 10


@dataclass(frozen=True)
class DrillsArgs:
    """`image` is PostgreSQL's, since a drill runs a server. `metrics` is where drills say how they went."""

    context: Context
    settings: BackupSettings
    image: ImageRef
    archive: Archive
    postgres: Postgres
    metrics: RuntimeVolume


class Drills(pulumi.ComponentResource):
    """What restores the latest state on schedule, checks it, and is healthy as long as that succeeds.

    It can only read the repository, sees nothing of the database's volume, and reaches PostgreSQL through
    its socket, as backups do.
    """

    container_name: pulumi.Output[str]

    def __init__(self, name: str, args: DrillsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"{SYSTEM}:components:Drills", name, None, opts)
        settings, archive = args.settings, args.archive
        scratch = RuntimeVolume(SCRATCH, args.context.naming, name, pulumi.ResourceOptions(parent=self))
        files = {
            "crontab": crontab(settings.schedule.time_zone, {"drill --json": settings.drill.schedule}),
            **archive.reader_files,
        }
        workload = args.context.runtime.service(
            name,
            spec(settings, args.image, [*files], database=args.postgres.database, network=archive.network),
            Given(files=files, volumes={SCRATCH: scratch, SOCKET: args.postgres.socket, METRICS: args.metrics}),
            child_after(self, opts),
        )
        self.container_name = workload.container_name
        self.register_outputs({"container_name": self.container_name})


def spec(
    settings: BackupSettings, image: ImageRef, files: Sequence[str], *, database: str, network: str
) -> ServiceSpec:
    """What tries the backups out; `network` leads to the repository."""
    drill = settings.drill
    return ServiceSpec(
        service=SERVICES["drills"].name,
        image=image,
        user=SERVICES["drills"].user,
        limits=Limits.of(drill.resources),
        command=["drills"],
        env={
            "ARCHIVE_TIMEOUT": str(settings.archive_timeout),
            "MAX_DRILL_AGE": str(drill.max_age),
            "MAX_WAL_AGE": str(settings.max_wal_age),
            "POSTGRES_DB": database,
        },
        files=files,
        mounts=[
            Mount(SCRATCH, DATA_PATH),
            Mount(SOCKET, SOCKET_PATH, read_only=True),
            Mount(METRICS, METRICS_PATH),
        ],
        networks=[Attachment(network)],
        health=HealthCheck(["drill-health"], interval=HEALTH_INTERVAL),
        stop_timeout=STOP_TIMEOUT,
        wait_timeout=drill.start_timeout,
    )
