"""Everything that `Pulumi.<stack>.yaml` may say, and what follows from it."""

from collections.abc import Iterator
from typing import Any, Final, Literal

from settings.blocks.app import ApiSettings, AppSecret, DashboardSettings, WorkerSettings
from settings.blocks.backup import BackupSettings
from settings.blocks.block import Block, Resources
from settings.blocks.docker_host import DockerHostSettings, RegistrySettings
from settings.blocks.images import ImageSettings
from settings.blocks.nats import NatsSettings
from settings.blocks.network import NetworkSettings
from settings.blocks.nginx import NginxSettings
from settings.blocks.object_store import ObjectStoreSettings
from settings.blocks.postgres import PostgresSettings
from settings.blocks.redis import RedisSettings
from settings.blocks.release import ReleaseSettings
from settings.blocks.tunnel import TunnelSettings
from settings.services import SERVICES, ServiceInfo
from settings.values.addresses import HostName
from settings.values.backups import StateBackend
from settings.values.image_ref import ImageRef
from settings.values.images import Registry
from settings.values.secrets import SecretName

Environment = Literal["dev", "staging", "prod"]

WATCH: Final = 30
"""Seconds for which a new release is watched, and WebSockets to the one before stay, where the config does not say."""


class StackConfig(Block):
    """Everything that `Pulumi.<stack>.yaml` may hold for this project, but for secrets."""

    environment: Environment
    """What the stack is for; staging and prod refuse what is fine in dev."""
    domain: HostName = "localhost"
    """Host name that users type."""
    images: ImageSettings
    """The images that the stack runs."""
    docker_host: DockerHostSettings | None = None
    """The Docker host that the stack runs on."""
    registries: dict[Registry, RegistrySettings] = {}
    """The registries that want a login, by their addresses."""
    network: NetworkSettings = NetworkSettings()
    """The subnets of the stack's networks."""
    postgres: PostgresSettings = PostgresSettings()
    """PostgreSQL."""
    nats: NatsSettings = NatsSettings()
    """NATS."""
    api: ApiSettings = ApiSettings()
    """The HTTP API."""
    worker: WorkerSettings = WorkerSettings()
    """The worker."""
    dashboard: DashboardSettings = DashboardSettings()
    """The dashboard."""
    nginx: NginxSettings = NginxSettings()
    """The reverse proxy."""
    release: ReleaseSettings = ReleaseSettings()
    """How a new release of api, worker and dashboard takes the place of the one before."""
    backup: BackupSettings = BackupSettings()
    """Backups of PostgreSQL."""
    object_store: ObjectStoreSettings = ObjectStoreSettings()
    """The S3 service for backups."""
    redis: RedisSettings | None = None
    """A cache for the app."""
    tunnel: TunnelSettings | None = None
    """The way in through Cloudflare, in place of a published port."""
    app_secrets: dict[SecretName, AppSecret] = {}
    """Further secrets of the app, by the name of the config secret that holds each. api and worker find the secret
    some_name in the file /etc/tasktracker/some-name, and that path in the variable SOME_NAME_FILE."""
    state_backend: StateBackend | None = None
    """Where the stack's state is; in the folder .state if nothing is said. Written by make state, which moves it."""


class Settings(StackConfig):
    """The validated settings of a stack: its config, and the names of the secrets that came with it.

    Values of secrets are not here: components ask `pulumi.Config().require_secret(name)` for them.
    """

    secrets: frozenset[str] = frozenset()
    """Names of the config secrets that are set, each checked for its form."""

    @property
    def registry_secrets(self) -> frozenset[str]:
        """The names of the secrets that hold passwords of registries."""
        return frozenset(registry.password for registry in self.registries.values())

    @property
    def external_database(self) -> bool:
        """Whether the app uses a PostgreSQL outside the stack (config secret `database_url`)."""
        return "database_url" in self.secrets

    @property
    def has_own_database(self) -> bool:
        """Whether the stack has a PostgreSQL of its own."""
        return not self.external_database

    def resources_of(self, service: ServiceInfo) -> Resources | None:
        """What each container of a service may take of its host; None where the stack has no block for it."""
        block: Any = self
        for key in service.block:
            block = getattr(block, key)
        resources: Resources | None = None if block is None else block.resources
        return resources

    def limits(self) -> Iterator[tuple[ServiceInfo, Resources]]:
        """The services that the stack has a block for, be they switched on or not, with their `resources`."""
        for service in SERVICES.values():
            if (resources := self.resources_of(service)) is not None:
                yield service, resources

    def has(self, service: ServiceInfo) -> bool:
        """Whether the stack runs a service."""
        has_block = self.resources_of(service) is not None
        return has_block and (service.condition is None or bool(getattr(self, service.condition)))

    @property
    def images_in_use(self) -> dict[str, ImageRef]:
        """The images that the stack's containers are made from, by their keys in `images`."""
        return {service.key: image for service, image in self.images.given() if self.has(service)}

    @property
    def served_hosts(self) -> list[str]:
        """The hosts that requests may be for, without repetitions."""
        published = self.nginx.publish.address
        names = [self.domain, *self.nginx.hosts]
        if self.tunnel is not None:
            administrators = self.tunnel.administrators
            names += [*self.tunnel.hostnames, *(administrators.hostnames if administrators else ())]
        elif published.is_loopback:
            names += ["localhost", str(published), "[::1]"]
        elif not published.is_unspecified:
            names.append(str(published))
        return [*dict.fromkeys(names)]

    @property
    def keeps_previous(self) -> bool:
        """Whether the release before stays beside the one that serves."""
        keep = self.release.keep_previous
        return self.environment != "dev" if keep is None else keep

    @property
    def watch(self) -> int:
        """Seconds for which the answers of a new release are watched."""
        return self._or_default(self.release.watch)

    @property
    def drain(self) -> int:
        """Seconds for which WebSockets to the release before stay."""
        return self._or_default(self.release.drain)

    def _or_default(self, seconds: int | None) -> int:
        return (0 if self.environment == "dev" else WATCH) if seconds is None else seconds

    @property
    def has_backups(self) -> bool:
        """Whether the stack takes backups: of its own PostgreSQL only."""
        return self.backup.enabled and not self.external_database

    @property
    def has_drills(self) -> bool:
        """Whether the stack tries its backups out by schedule."""
        return self.has_backups and self.backup.drill.enabled

    @property
    def has_file_backups(self) -> bool:
        """Whether the stack backs up its uploads and NATS' streams."""
        return self.has_backups and self.backup.files.enabled

    @property
    def has_object_store(self) -> bool:
        """Whether the stack has an object store: to keep its backups in, or objects of the app."""
        return self.has_own_repository or self.object_store.app_bucket is not None

    @property
    def has_own_repository(self) -> bool:
        """Whether the stack keeps its backups in its own object store."""
        return self.has_backups and self.backup.repository == "object_store"

    @property
    def object_lock_days(self) -> int | None:
        """Days for which what is in the bucket in AWS is locked; None where it isn't."""
        aws = self.backup.aws
        if aws is None or self.environment != "prod":
            return None
        return aws.object_lock_days or self.backup.needed_days

    @property
    def hsts(self) -> bool:
        """Whether browsers are told to come by HTTPS only: in dev it would keep them from every plain localhost."""
        return self.environment != "dev"

    @property
    def has_debug_ports(self) -> bool:
        """Whether a store publishes a port for the people on the host."""
        ports = (self.postgres.debug_port, self.nats.debug_port, self.nats.debug_monitor_port)
        return any(port is not None for port in ports)
