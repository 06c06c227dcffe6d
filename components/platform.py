"""A whole Task Tracker environment."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pulumi

from components.app.api import Api, ApiArgs
from components.app.app import UPLOADS, AppArgs, app_files
from components.app.dashboard import Dashboard, DashboardArgs
from components.app.migrations import Migrations, MigrationsArgs
from components.app.worker import Worker, WorkerArgs
from components.backup.file_backups import FileBackups, FileBackupsArgs
from components.core.certificates import KeyPair, configured_key_pair
from components.core.context import Context
from components.core.naming import SYSTEM, Naming
from components.core.network import Networks
from components.core.pids import PidsLimits
from components.core.provider import provider_of, with_provider
from components.core.secrets import GeneratedSecret, secret
from components.data.nats import Nats, NatsArgs
from components.data.redis import Redis, RedisArgs
from components.database import database
from components.edge.nginx import Nginx, NginxArgs
from components.preflight.ownership import Owner, keep_identity
from components.runtime.docker_host import DockerHost
from components.runtime.volumes import DataVolume
from components.storage import storage
from settings import Settings
from settings.app_files import file_name
from settings.services import SERVICES


@dataclass(frozen=True)
class PlatformArgs:
    """`stack` names the environment on its Docker host, and `owner` tells its things from those of other states."""

    stack: str
    settings: Settings
    owner: Owner = field(default_factory=Owner)


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
        settings, images = args.settings, args.settings.images
        naming = Naming(args.stack, args.owner.identity, args.owner.origins, args.owner.known)
        provider = provider_of(naming, settings)
        super().__init__(
            f"{SYSTEM}:components:Platform", name, None, with_provider(opts, provider) if provider else opts
        )
        child = pulumi.ResourceOptions(parent=self)
        # The first of all: what carries it is made later.
        keep_identity(args.owner, self)

        def after(*parts: pulumi.Resource) -> pulumi.ResourceOptions:
            return pulumi.ResourceOptions(parent=self, depends_on=list(parts))

        networks = Networks("networks", naming, settings.network, debug=settings.has_debug_ports, opts=child)
        context = Context(
            naming,
            networks,
            GeneratedSecret("digest-key", opts=child).value,
            PidsLimits("pids-limits", child),
            DockerHost,
            args.owner.orders,
        )
        nats = Nats(
            "nats", NatsArgs(context, settings.nats, images.of(SERVICES["nats"]), settings.has_file_backups), child
        )
        stores: list[pulumi.Resource] = [nats]
        containers: dict[str, pulumi.Output[str]] = {"nats": nats.container_name}
        objects = storage(context, settings, child)
        object_store, backed = objects.object_store, objects.backed
        if object_store is not None:
            containers["object-store"] = object_store.container_name
            if settings.object_store.app_bucket is not None:
                stores.append(object_store)
        redis: Redis | None = None
        if settings.redis is not None:
            redis = Redis("redis", RedisArgs(context, settings.redis, images.of(SERVICES["redis"])), child)
            stores.append(redis)
            containers["redis"] = redis.container_name
        self.postgres = {}
        if settings.external_database:
            database_url = pulumi.Config().require_secret("database_url")
        else:
            own = database(context, settings, backed, self)
            stores.append(own.postgres)
            containers.update(own.containers)
            database_url, self.postgres = own.postgres.database_url, own.volumes

        uploads = DataVolume(UPLOADS, naming, "app", child)
        if settings.has_file_backups and backed is not None:
            file_backups = FileBackups(
                "file-backups",
                FileBackupsArgs(
                    context,
                    settings.backup,
                    images.of(SERVICES["file-backups"]),
                    backed.repository,
                    backed.passphrase,
                    uploads,
                    nats,
                ),
                after(*backed.ready, nats),
            )
            containers["file-backups"] = file_backups.container_name
            if settings.backup.files.restore is not None:
                # What is restored is there before the app works on it.
                stores.append(file_backups)

        migrations = Migrations(
            "migrations",
            MigrationsArgs(
                context,
                images.of(SERVICES["api"]),
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
            app_files(
                [
                    {
                        "database-url": database_url,
                        "nats-url": nats.url,
                        "encryption-key": secret(
                            "encryption_key",
                            settings.secrets,
                            # What it encrypted is lost without it.
                            lambda: GeneratedSecret("encryption-key", protect=True, opts=child),
                        ),
                    },
                    object_store.app_files if object_store else {},
                    {"redis-url": redis.url} if redis else {},
                ],
                {file_name(key): config.require_secret(key) for key in sorted(settings.app_secrets)},
            ),
            env=object_store.app_env if object_store else {},
        )
        ready = after(migrations)
        api = Api("api", ApiArgs(app, settings.api, images.of(SERVICES["api"])), ready)
        worker = Worker("worker", WorkerArgs(app, settings.worker, images.of(SERVICES["worker"])), ready)
        dashboard = Dashboard(
            "dashboard",
            DashboardArgs(context, settings.dashboard, images.of(SERVICES["dashboard"])),
            child,
        )
        tunnel = settings.tunnel
        nginx = Nginx(
            "nginx",
            NginxArgs(
                context,
                settings.nginx,
                images.of(SERVICES["nginx"]),
                settings.domain,
                settings.served_hosts,
                api.upstream,
                dashboard.upstream,
                key_pair=self._key_pair(settings),
                hsts=settings.hsts,
                tunnel=tunnel is not None,
            ),
            after(api, dashboard),
        )
        if tunnel is not None:
            # Its package takes seconds to import, and most stacks have none.
            from components.edge.tunnel import Tunnel, TunnelArgs  # noqa: PLC0415

            way_in = Tunnel(
                "tunnel",
                TunnelArgs(
                    context, tunnel, images.of(SERVICES["cloudflared"]), settings.domain, nginx.origin, settings.secrets
                ),
                after(nginx),
            )
            containers.update(way_in.containers)
        context.pids.set()
        self.url = nginx.url
        self.containers = {
            **containers,
            "migrations": migrations.container_name,
            "api": api.container_name,
            "worker": worker.container_name,
            "dashboard": dashboard.container_name,
            "nginx": nginx.container_name,
        }
        self.versions = {service.name: image.release for service, image in images.given()}
        self.networks = networks.names
        self.register_outputs({"url": self.url})

    def _key_pair(self, settings: Settings) -> pulumi.Output[KeyPair] | None:
        """What nginx serves TLS with, if it does."""
        if not settings.nginx.tls:
            return None
        if settings.nginx.certificate == "secrets":
            return configured_key_pair()
        # Its package takes seconds to import, and most stacks have none.
        from components.edge.origin_certificate import OriginCertificate  # noqa: PLC0415

        return OriginCertificate("origin-certificate", settings.domain, pulumi.ResourceOptions(parent=self)).key_pair
