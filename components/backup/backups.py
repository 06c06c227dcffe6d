"""Backups of PostgreSQL by pgBackRest."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi

from components.backup.sidecar import METRICS, Sidecar, SidecarArgs, crontab, sidecar_spec
from components.core.naming import SYSTEM
from components.core.options import child_after
from components.core.runtime import Given
from components.data.postgres import CLUSTER, DATA_PATH, SOCKET
from components.spec.container import Mount, ServiceSpec
from settings.blocks.backup import BackupSchedule, BackupSettings
from settings.services import SERVICES
from settings.values.image_ref import ImageRef


class Backups(pulumi.ComponentResource):
    """What takes the backups, beside PostgreSQL, and is healthy as long as they and the WAL are in the repository.

    It sees the database's files read-only, and PostgreSQL through its socket, where the user of the
    operating system is who it says it is: so there is no password, and no access to Docker.
    """

    container_name: pulumi.Output[str]

    def __init__(self, name: str, args: SidecarArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"{SYSTEM}:components:Backups", name, None, opts)
        settings, postgres = args.settings, args.postgres
        files = {**args.archive.files, "crontab": backup_crontab(settings.schedule)}
        workload = args.context.runtime.service(
            name,
            spec(settings, args.image, [*files], database=postgres.database, network=args.archive.network),
            Given(
                files=files,
                volumes={CLUSTER: postgres.data, SOCKET: postgres.socket, METRICS: args.metrics},
                # With another data volume the server at the socket would be another one than the files here.
                follows=postgres.container,
            ),
            child_after(self, opts),
        )
        self.container_name = workload.container_name
        self.register_outputs({"container_name": self.container_name})


def spec(
    settings: BackupSettings, image: ImageRef, files: Sequence[str], *, database: str, network: str
) -> ServiceSpec:
    """What takes the backups; `network` leads to the repository."""
    sidecar = Sidecar(
        service=SERVICES["backups"],
        resources=settings.resources,
        start_timeout=settings.start_timeout,
        command="backup",
        health="backup-health",
        env={
            "MAX_BACKUP_AGE": str(settings.max_backup_age),
            "RETENTION_DAYS": str(settings.retention.days),
            "RETENTION_FULL": str(settings.retention.full),
        },
        data=Mount(CLUSTER, DATA_PATH, read_only=True),
    )
    return sidecar_spec(sidecar, settings, image, files, database=database, network=network)


def backup_crontab(schedule: BackupSchedule) -> str:
    """The schedule of backups."""
    return crontab(schedule.time_zone, {"backup-run full": schedule.full, "backup-run diff": schedule.differential})
