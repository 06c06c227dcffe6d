"""Drills: proof, by schedule, that what is in the repository can be restored."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi

from components.backup.sidecar import METRICS, Sidecar, SidecarArgs, crontab, sidecar_spec
from components.core.naming import SYSTEM
from components.core.options import child_after
from components.core.runtime import Given
from components.data.postgres import DATA_PATH, SOCKET
from components.runtime.volumes import RuntimeVolume
from components.spec.container import Mount, ServiceSpec
from settings.blocks.backup import BackupSettings
from settings.services import SERVICES
from settings.values.image_ref import ImageRef

#: The name of the volume that it restores into.
SCRATCH = "drill-scratch"


class Drills(pulumi.ComponentResource):
    """What restores the latest state on schedule, checks it, and is healthy as long as that succeeds.

    It can only read the repository, sees nothing of the database's volume, and reaches PostgreSQL through
    its socket, as backups do.
    """

    container_name: pulumi.Output[str]

    def __init__(self, name: str, args: SidecarArgs, opts: pulumi.ResourceOptions | None = None) -> None:
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
    sidecar = Sidecar(
        service=SERVICES["drills"],
        resources=drill.resources,
        start_timeout=drill.start_timeout,
        command="drills",
        health="drill-health",
        env={"MAX_DRILL_AGE": str(drill.max_age)},
        data=Mount(SCRATCH, DATA_PATH),
    )
    return sidecar_spec(sidecar, settings, image, files, database=database, network=network)
