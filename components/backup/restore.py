"""Makes a data volume of PostgreSQL from its backups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi

from components.core.context import Context
from components.core.naming import SYSTEM
from components.core.options import child_after
from components.core.runtime import Given
from components.data.postgres import CLUSTER, DATA_PATH, STOP_TIMEOUT, Archive
from components.runtime.volumes import DataVolume
from components.spec.container import Attachment, JobSpec, Limits, Mount
from settings.blocks.postgres import PostgresSettings, RestoreSettings
from settings.services import SERVICES
from settings.values.image_ref import ImageRef


@dataclass(frozen=True)
class RestoreArgs:
    """What is restored into `data`, and whence. `settings` and `image` are those of the server that will have it."""

    context: Context
    restore: RestoreSettings
    settings: PostgresSettings
    image: ImageRef
    archive: Archive
    data: DataVolume


class Restore(pulumi.ComponentResource):
    """The one-shot restore into a volume that no server has; it can only read the backups.

    It leaves a volume as it is that holds a cluster already, and succeeds if that is what it has restored
    itself: so it may run again, as it does with another image.
    """

    container_name: pulumi.Output[str]

    def __init__(self, name: str, args: RestoreArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"{SYSTEM}:components:Restore", name, None, opts)
        settings, archive = args.settings, args.archive
        job = args.context.runtime.job(
            name,
            spec(args.restore, settings, args.image, [*archive.reader_files], network=archive.network),
            Given(files=archive.reader_files, volumes={CLUSTER: args.data}),
            child_after(self, opts),
        )
        self.container_name = job.container_name
        self.register_outputs({"container_name": self.container_name})


def spec(
    restore: RestoreSettings, settings: PostgresSettings, image: ImageRef, files: Sequence[str], *, network: str
) -> JobSpec:
    """The job; `network` leads to the repository."""
    return JobSpec(
        service="restore",
        image=image,
        user=SERVICES["postgres"].user,
        # It runs a server, which replays the WAL.
        limits=Limits.of(settings.resources),
        command=["restore"],
        env={"POSTGRES_DB": settings.database, **target(restore)},
        files=files,
        mounts=[Mount(CLUSTER, DATA_PATH)],
        networks=[Attachment(network)],
        shm_size=settings.shm_size,
        stop_timeout=STOP_TIMEOUT,
        timeout=restore.timeout,
    )


def target(restore: RestoreSettings) -> Mapping[str, str]:
    """The variable that tells the job what to restore: a time, or the end of one backup."""
    targets = {"RESTORE_TO": restore.to, "RESTORE_SET": restore.set}
    return {name: value for name, value in targets.items() if value is not None}
