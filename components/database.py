"""The stack's own PostgreSQL, with what backs it up, restores it and tries its backups out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pulumi

from components.backup.backups import METRICS, Backups, BackupsArgs, archive
from components.backup.drills import Drills, DrillsArgs
from components.backup.restore import Restore, RestoreArgs
from components.core.context import Context
from components.data.postgres import Archive, Postgres, PostgresArgs, data_volumes
from components.runtime.volumes import KeptVolumes, KeptVolumesArgs, RuntimeVolume
from components.storage import Backed
from settings import Settings
from settings.ownership import KEPT
from settings.services import SERVICES


@dataclass(frozen=True)
class Database:
    """`containers` are names by service; `volumes` is the stack output of that name, see `Platform.postgres`."""

    postgres: Postgres
    containers: dict[str, pulumi.Output[str]]
    volumes: dict[str, Any]


def database(context: Context, settings: Settings, backed: Backed | None, parent: pulumi.ComponentResource) -> Database:
    """What the settings ask for, each part after those that it needs."""

    def after(*parts: pulumi.Resource) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=parent, depends_on=list(parts))

    image = settings.images.of(SERVICES["postgres"])
    number = settings.postgres.volume
    volumes = data_volumes(settings.postgres, context.naming, parent)
    if kept := {each: volumes[each] for each in settings.postgres.kept_volumes if each in volumes}:
        KeptVolumes(KEPT, KeptVolumesArgs(context, "postgres", image, kept), after())
    containers: dict[str, pulumi.Output[str]] = {}
    # WAL is archived while PostgreSQL runs, and for the last time as it stops.
    needed = list(backed.ready) if backed else []
    wal = archive(settings.backup, backed.repository, backed.passphrase) if backed else None
    if wal is not None and (asked := settings.postgres.restore) is not None:
        restore = Restore(
            "restore",
            RestoreArgs(context, asked, settings.postgres, image, wal, volumes[asked.volume]),
            after(*needed),
        )
        containers["restore"] = restore.container_name
        if asked.volume == number:
            needed.append(restore)
    postgres = Postgres(
        "postgres", PostgresArgs(context, settings.postgres, image, volumes[number], wal), after(*needed)
    )
    containers["postgres"] = postgres.container_name
    if wal is not None:
        containers.update(_backups(context, settings, wal, postgres, parent))
    return Database(
        postgres,
        containers,
        {"volume": number, "volumes": {str(each): volume.name for each, volume in volumes.items()}},
    )


def _backups(
    context: Context, settings: Settings, wal: Archive, postgres: Postgres, parent: pulumi.ComponentResource
) -> dict[str, pulumi.Output[str]]:
    """Who takes backups, and who tries them out; names of their containers by service."""
    image = settings.images.of(SERVICES["postgres"])
    metrics = RuntimeVolume(METRICS, context.naming, "backups", pulumi.ResourceOptions(parent=parent))
    backups = Backups(
        "backups",
        BackupsArgs(context, settings.backup, image, wal, postgres, metrics),
        pulumi.ResourceOptions(parent=parent, depends_on=[postgres]),
    )
    if not settings.has_drills:
        return {"backups": backups.container_name}
    drills = Drills(
        "drills",
        DrillsArgs(context, settings.backup, image, wal, postgres, metrics),
        pulumi.ResourceOptions(parent=parent, depends_on=[backups]),
    )
    return {"backups": backups.container_name, "drills": drills.container_name}
