"""A whole Task Tracker environment."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from components.api import Api, ApiArgs
from components.app import AppArgs
from components.backups import Backups, BackupsArgs, Repository, archive, bucket_inside, bucket_outside
from components.context import Context
from components.dashboard import Dashboard, DashboardArgs
from components.migrations import Migrations, MigrationsArgs
from components.naming import SYSTEM, Naming, release
from components.nats import Nats, NatsArgs
from components.network import Networks
from components.nginx import Nginx, NginxArgs
from components.object_store import ObjectStore, ObjectStoreArgs
from components.postgres import Postgres, PostgresArgs
from components.secrets import GeneratedSecret, secret
from components.volumes import DataVolume
from components.worker import Worker, WorkerArgs
from settings import Settings

#: The bucket of the stack's own object store that backups go to.
BUCKET = "backups"


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

    def __init__(self, name: str, args: PlatformArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"{SYSTEM}:components:Platform", name, None, opts)
        settings, images = args.settings, args.settings.images
        naming = Naming(args.stack)
        child = pulumi.ResourceOptions(parent=self)

        def after(*parts: pulumi.Resource) -> pulumi.ResourceOptions:
            return pulumi.ResourceOptions(parent=self, depends_on=list(parts))

        networks = Networks("networks", naming, settings.network, debug=settings.has_debug_ports, opts=child)
        context = Context(naming, networks, GeneratedSecret("digest-key", opts=child).value)
        nats = Nats("nats", NatsArgs(context, settings.nats, images.nats), child)
        stores: list[pulumi.Resource] = [nats]
        containers: dict[str, pulumi.Output[str]] = {"nats": nats.container_name}
        repository: Repository | None = None
        # WAL is archived while PostgreSQL runs, and for the last time as it stops.
        ready_for_wal = child
        if settings.has_object_store:
            object_store = ObjectStore(
                "object-store",
                ObjectStoreArgs(context, settings.object_store, images.object_store, BUCKET),
                child,
            )
            containers["object-store"] = object_store.container_name
            repository, ready_for_wal = bucket_inside(object_store), after(object_store)
        elif settings.has_backups and settings.backup.s3 is not None:
            repository = bucket_outside(settings.backup.s3, settings.secrets)
        database_url: pulumi.Output[str]
        if settings.external_database:
            database_url = pulumi.Config().require_secret("database_url")
        else:
            wal = archive(settings.backup, repository, settings.secrets, child) if repository else None
            postgres = Postgres(
                "postgres",
                PostgresArgs(context, settings.postgres, images.postgres, wal),
                ready_for_wal,
            )
            stores.append(postgres)
            database_url = postgres.database_url
            containers["postgres"] = postgres.container_name
            if wal is not None:
                backups = Backups(
                    "backups",
                    BackupsArgs(context, settings.backup, images.postgres, wal, postgres),
                    after(postgres),
                )
                containers["backups"] = backups.container_name

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
            DataVolume("uploads", naming, "app", child),
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
            },
        )
        ready = after(migrations)
        api = Api("api", ApiArgs(app, settings.api, images.api), ready)
        worker = Worker("worker", WorkerArgs(app, settings.worker, images.worker), ready)
        dashboard = Dashboard(
            "dashboard",
            DashboardArgs(context, settings.dashboard, images.dashboard),
            child,
        )
        tunnel = settings.tunnel
        nginx = Nginx(
            "nginx",
            NginxArgs(
                context,
                settings.nginx,
                images.nginx,
                settings.domain,
                api.upstream,
                dashboard.upstream,
                tunnel=tunnel is not None,
            ),
            after(api, dashboard),
        )
        if tunnel is not None and images.cloudflared is not None:
            # Its package takes seconds to import, and most stacks have none.
            from components.tunnel import Tunnel, TunnelArgs  # noqa: PLC0415

            way_in = Tunnel(
                "tunnel",
                TunnelArgs(context, tunnel, images.cloudflared, settings.domain, nginx.origin, settings.secrets),
                after(nginx),
            )
            containers.update(way_in.containers)
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
            service.replace("_", "-"): release(reference) for service, reference in images if reference is not None
        }
        self.networks = networks.names
        self.register_outputs({"url": self.url})
