"""The stack's own PostgreSQL, with what backs it up, restores it and tries its backups out."""

from __future__ import annotations

import pulumi

from components.backup.backups import Backups
from components.backup.drills import Drills
from components.backup.repository import archive
from components.backup.restore import Restore, RestoreArgs
from components.backup.sidecar import METRICS, SidecarArgs
from components.backup.storage import BackupTarget
from components.core.part import Assembly, Part
from components.data.postgres import Archive, Postgres, PostgresArgs, data_volumes
from components.runtime.volumes import KeptVolumes, KeptVolumesArgs, RuntimeVolume
from settings.ownership import KEPT


def part(stack: Assembly) -> Part:
    """The database that the app uses: of the stack, or another one by its URL."""
    if stack.settings.external_database:
        return Part(files={"database-url": pulumi.Config().require_secret("database_url")}, outputs={"postgres": {}})
    settings, context = stack.settings, stack.context
    image = stack.image("postgres")
    number = settings.postgres.volume
    volumes = data_volumes(settings.postgres, context.naming, stack.parent)
    if kept := {each: volumes[each] for each in settings.postgres.kept_volumes if each in volumes}:
        KeptVolumes(KEPT, KeptVolumesArgs(context, "postgres", image, kept), stack.options())
    containers: dict[str, pulumi.Output[str]] = {}
    target = stack.find(BackupTarget)
    # WAL is archived while PostgreSQL runs, and for the last time as it stops.
    needed = list(target.ready) if target else []
    wal = archive(settings.backup, target.repository, target.passphrase) if target else None
    if wal is not None and (asked := settings.postgres.restore) is not None:
        restore = Restore(
            "restore",
            RestoreArgs(context, asked, settings.postgres, image, wal, volumes[asked.volume]),
            stack.options(*needed),
        )
        containers["restore"] = restore.container_name
        if asked.volume == number:
            needed.append(restore)
    postgres = Postgres(
        "postgres", PostgresArgs(context, settings.postgres, image, volumes[number], wal), stack.options(*needed)
    )
    containers["postgres"] = postgres.container_name
    if wal is not None:
        containers.update(_backups(stack, wal, postgres))
    named = {str(each): volume.name for each, volume in volumes.items()}
    return Part(
        containers=containers,
        files={"database-url": postgres.database_url},
        ready=[postgres],
        outputs={"postgres": {"volume": number, "volumes": named}},
    )


def _backups(stack: Assembly, wal: Archive, postgres: Postgres) -> dict[str, pulumi.Output[str]]:
    """Who takes backups, and who tries them out; names of their containers by service."""
    settings, context, image = stack.settings, stack.context, stack.image("postgres")
    metrics = RuntimeVolume(METRICS, context.naming, "backups", stack.options())
    args = SidecarArgs(context, settings.backup, image, wal, postgres, metrics)
    backups = Backups("backups", args, stack.options(postgres))
    if not settings.has_drills:
        return {"backups": backups.container_name}
    drills = Drills("drills", args, stack.options(backups))
    return {"backups": backups.container_name, "drills": drills.container_name}
