"""Drills: proof, by schedule, that what is in the repository can be restored."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from components.backup.backups import METRICS_PATH, crontab
from components.core.context import Context
from components.core.naming import SYSTEM
from components.core.options import child_after
from components.data.postgres import DATA_PATH, SOCKET_PATH, USER, Archive, Postgres
from components.runtime.volumes import RuntimeVolume
from components.runtime.workload import Attachment, HealthCheck, Mount, Workload, WorkloadArgs
from settings.blocks.backup import BackupSettings
from settings.image_ref import ImageRef

#: Seconds for the drill's own server to stop; its data are thrown away.
STOP_TIMEOUT = 30

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
        settings, drill, archive = args.settings, args.settings.drill, args.archive
        scratch = RuntimeVolume("drill-scratch", args.context.naming, name, pulumi.ResourceOptions(parent=self))
        workload = Workload(
            name,
            WorkloadArgs(
                context=args.context,
                service=name,
                image=args.image,
                user=USER,
                resources=drill.resources,
                command=["drills"],
                env={
                    "ARCHIVE_TIMEOUT": str(settings.archive_timeout),
                    "MAX_DRILL_AGE": str(drill.max_age),
                    "MAX_WAL_AGE": str(settings.max_wal_age),
                    "POSTGRES_DB": args.postgres.database,
                },
                files={
                    "crontab": crontab(settings.schedule.time_zone, {"drill --json": drill.schedule}),
                    **archive.reader_files,
                },
                mounts=[
                    Mount(scratch, DATA_PATH),
                    Mount(args.postgres.socket, SOCKET_PATH, read_only=True),
                    Mount(args.metrics, METRICS_PATH),
                ],
                networks=[Attachment(archive.network(args.context.networks))],
                health=HealthCheck(["drill-health"], interval=HEALTH_INTERVAL),
                stop_timeout=STOP_TIMEOUT,
                wait_timeout=drill.start_timeout,
            ),
            child_after(self, opts),
        )
        self.container_name = workload.container_name
        self.register_outputs({"container_name": self.container_name})
