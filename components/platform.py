"""A whole Task Tracker environment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pulumi

from components.api import Api, ApiArgs
from components.app import AppArgs
from components.backups import (
    Backups,
    BackupsArgs,
    Repository,
    archive,
    backup_passphrase,
    bucket_in_aws,
    bucket_inside,
    bucket_outside,
)
from components.certificates import configured_key_pair
from components.context import Context
from components.dashboard import Dashboard, DashboardArgs
from components.drills import Drills, DrillsArgs
from components.file_backups import FileBackups, FileBackupsArgs
from components.migrations import Migrations, MigrationsArgs
from components.naming import SYSTEM, Naming, release
from components.nats import Nats, NatsArgs
from components.network import Networks
from components.nginx import Nginx, NginxArgs
from components.object_store import ObjectStore, ObjectStoreArgs
from components.postgres import Postgres, PostgresArgs, data_volumes
from components.restore import Restore, RestoreArgs
from components.secrets import GeneratedSecret, secret
from components.volumes import DataVolume, RuntimeVolume
from components.worker import Worker, WorkerArgs
from settings import Settings
from settings.models import OWN_BUCKET


@dataclass(frozen=True)
class PlatformArgs:
    """`stack` names the environment on its Docker host."""

    stack: str
    settings: Settings


class Platform(pulumi.ComponentResource):
    """Networks, stores, app and front door of one stack, started in that order, each when healthy."""

    url: str
    containers: dict[str, pulumi.Output[str]]
    """Container name by service."""
    versions: dict[str, str]
    """Release (tag or digest of the image) by service."""
    networks: dict[str, pulumi.Output[str]]
    """Docker network name by network."""
    postgres: dict[str, Any]
    """The number of PostgreSQL's data volume (`volume`) and the Docker volumes by number (`volumes`)."""

    def __init__(self, name: str, args: PlatformArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"{SYSTEM}:components:Platform", name, None, opts)
        settings, images = args.settings, args.settings.images
        naming = Naming(args.stack)
        child = pulumi.ResourceOptions(parent=self)

        def after(*parts: pulumi.Resource) -> pulumi.ResourceOptions:
            return pulumi.ResourceOptions(parent=self, depends_on=list(parts))

        networks = Networks("networks", naming, settings.network, debug=settings.has_debug_ports, opts=child)
        context = Context(naming, networks, GeneratedSecret("digest-key", opts=child).value)
        nats = Nats("nats", NatsArgs(context, settings.nats, images.nats, settings.has_file_backups), child)
        stores: list[pulumi.Resource] = [nats]
        containers: dict[str, pulumi.Output[str]] = {"nats": nats.container_name}
        self.postgres = {}
        repository: Repository | None = None
        # WAL is archived while PostgreSQL runs, and for the last time as it stops.
        ready_for_wal = child
        object_store: ObjectStore | None = None
        if settings.has_object_store:
            object_store = ObjectStore(
                "object-store",
                ObjectStoreArgs(context, settings.object_store, images.object_store, OWN_BUCKET),
                child,
            )
            if settings.object_store.app_bucket is not None:
                stores.append(object_store)
            containers["object-store"] = object_store.container_name
        if settings.has_own_repository and object_store is not None:
            repository, ready_for_wal = bucket_inside(object_store), after(object_store)
        elif settings.has_backups and settings.backup.s3 is not None:
            repository = bucket_outside(settings.backup.s3, settings.secrets)
        elif settings.has_backups and settings.backup.aws is not None:
            # Who keeps nothing in AWS needs neither the time to import its package nor its plugin.
            from components.backup_bucket import BackupBucket, BackupBucketArgs  # noqa: PLC0415

            backup_bucket = BackupBucket(
                "backup-bucket", BackupBucketArgs(naming, settings.backup.aws, settings.object_lock_days), child
            )
            repository, ready_for_wal = bucket_in_aws(backup_bucket), after(backup_bucket)
        passphrase = backup_passphrase(settings.secrets, child) if repository else None
        database_url: pulumi.Output[str]
        if settings.external_database:
            database_url = pulumi.Config().require_secret("database_url")
        else:
            wal = archive(settings.backup, repository, passphrase) if repository and passphrase else None
            volumes = data_volumes(settings.postgres, naming, self)
            self.postgres = {
                "volume": settings.postgres.volume,
                "volumes": {str(number): volume.name for number, volume in volumes.items()},
            }
            ready_for_data = ready_for_wal
            if wal is not None and (asked := settings.postgres.restore) is not None:
                restore = Restore(
                    "restore",
                    RestoreArgs(context, asked, settings.postgres, images.postgres, wal, volumes[asked.volume]),
                    ready_for_wal,
                )
                containers["restore"] = restore.container_name
                if asked.volume == settings.postgres.volume:
                    ready_for_data = pulumi.ResourceOptions.merge(ready_for_wal, after(restore))
            postgres = Postgres(
                "postgres",
                PostgresArgs(context, settings.postgres, images.postgres, volumes[settings.postgres.volume], wal),
                ready_for_data,
            )
            stores.append(postgres)
            database_url = postgres.database_url
            containers["postgres"] = postgres.container_name
            if wal is not None:
                metrics = RuntimeVolume("backup-metrics", naming, "backups", child)
                backups = Backups(
                    "backups",
                    BackupsArgs(context, settings.backup, images.postgres, wal, postgres, metrics),
                    after(postgres),
                )
                containers["backups"] = backups.container_name
                if settings.has_drills:
                    drills = Drills(
                        "drills",
                        DrillsArgs(context, settings.backup, images.postgres, wal, postgres, metrics),
                        after(backups),
                    )
                    containers["drills"] = drills.container_name

        uploads = DataVolume("uploads", naming, "app", child)
        if settings.has_file_backups and repository is not None and passphrase is not None:
            file_backups = FileBackups(
                "file-backups",
                FileBackupsArgs(context, settings.backup, images.file_backups, repository, passphrase, uploads, nats),
                pulumi.ResourceOptions.merge(ready_for_wal, after(nats)),
            )
            containers["file-backups"] = file_backups.container_name
            if settings.backup.files.restore is not None:
                # What is restored is there before the app works on it.
                stores.append(file_backups)

        migrations = Migrations(
            "migrations",
            MigrationsArgs(
                context,
                images.api,
                settings.api.resources,
                database_url,
                settings.external_database,
            ),
            after(*stores),
        )
        config = pulumi.Config()
        app = AppArgs(
            context,
            uploads,
            {
                "database-url": database_url,
                "nats-url": nats.url,
                "encryption-key": secret(
                    "encryption_key",
                    settings.secrets,
                    # What it encrypted is lost without it.
                    lambda: GeneratedSecret("encryption-key", protect=True, opts=child),
                ),
                **{key.replace("_", "-"): config.require_secret(key) for key in sorted(settings.app_secrets)},
                **(object_store.app_files if object_store else {}),
            },
            env=object_store.app_env if object_store else {},
        )
        ready = after(migrations)
        api = Api("api", ApiArgs(app, settings.api, images.api), ready)
        worker = Worker("worker", WorkerArgs(app, settings.worker, images.worker), ready)
        dashboard = Dashboard(
            "dashboard",
            DashboardArgs(context, settings.dashboard, images.dashboard),
            child,
        )
        nginx = Nginx(
            "nginx",
            NginxArgs(
                context,
                settings.nginx,
                images.nginx,
                settings.domain,
                api.upstream,
                dashboard.upstream,
                key_pair=configured_key_pair() if settings.nginx.tls else None,
                hsts=settings.environment != "dev",
            ),
            after(api, dashboard),
        )
        self.url = nginx.url
        self.containers = {
            **containers,
            "migrations": migrations.container_name,
            "api": api.container_name,
            "worker": worker.container_name,
            "dashboard": dashboard.container_name,
            "nginx": nginx.container_name,
        }
        self.versions = {
            service.replace("_", "-"): release(str(reference)) for service, reference in images.model_dump().items()
        }
        self.networks = networks.names
        self.register_outputs({"url": self.url})
