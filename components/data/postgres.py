"""PostgreSQL with pgvector, tuned from config."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network
from urllib.parse import quote

import pulumi

from components.core.context import Context
from components.core.naming import SYSTEM, Naming
from components.core.network import Network, Networks
from components.core.options import child_after
from components.core.rendering import render
from components.core.secrets import GeneratedSecret
from components.runtime.files import MOUNT_PATH
from components.runtime.volumes import DataVolume, RuntimeVolume
from components.runtime.workload import (
    DEBUG_ADDRESS,
    Attachment,
    HealthCheck,
    Mount,
    PublishedPort,
    Workload,
    WorkloadArgs,
)
from settings.blocks.postgres import PostgresSettings
from settings.commands import removal_of
from settings.errors import Path, key_text
from settings.image_ref import ImageRef
from settings.services import SERVICES

PORT = 5432
USER = SERVICES["postgres"].user
DATA_PATH = "/var/lib/postgresql"
CLUSTER_PATH = f"{DATA_PATH}/17/data"
SOCKET_PATH = "/run/postgresql"

#: pgBackRest's name for the cluster in its repository.
STANZA = "main"

#: Seconds for a fast shutdown with its checkpoint; what is killed later recovers from its WAL.
STOP_TIMEOUT = 60


@dataclass(frozen=True)
class Archive:
    """Where the WAL goes.

    `timeout`: seconds after which a segment is archived that isn't full. `files`: pgBackRest's, by
    name. `reader_files`: the same for who only reads. `outside`: the repository is reached through the
    network `egress`.
    """

    timeout: int
    files: Mapping[str, pulumi.Input[str]]
    reader_files: Mapping[str, pulumi.Input[str]]
    outside: bool

    def network(self, networks: Networks) -> Network:
        """The network that leads to the repository."""
        return networks.egress if self.outside else networks.data


@dataclass(frozen=True)
class PostgresArgs:
    """The server's settings and image, the volume of its data, and its archive if it has one."""

    context: Context
    settings: PostgresSettings
    image: ImageRef
    data: DataVolume
    archive: Archive | None = None


def data_volumes(
    settings: PostgresSettings, naming: Naming, platform: pulumi.ComponentResource
) -> Mapping[int, DataVolume]:
    """The volumes of clusters by number: the one in use, those that are kept, and one that is being restored.

    They are there before `Postgres`, since a restore may have to be. Of those that are kept, one that is nowhere has
    nothing to keep: as in a new stack whose file has them from one before.
    """
    kept = [number for number in settings.kept_volumes if naming.may_have(_volume_name(number))]
    if nowhere := [number for number in settings.kept_volumes if number not in kept]:
        path: Path = ("postgres", "kept_volumes")
        how = f"`{removal_of(naming.stack, path)}`" if not kept else "by hand"
        pulumi.log.warn(
            f"{key_text(path)} names {', '.join(map(str, nowhere))}, neither in the state nor on the Docker host: there"
            f" is nothing to keep, so take it out of the config, {how}"
        )
    numbers = {settings.volume, *kept}
    restored = {settings.restore.volume} - numbers if settings.restore else set()
    # Where the volume was before there could be several.
    formerly = pulumi.Alias(parent=pulumi.create_urn("postgres", f"{SYSTEM}:components:Postgres", parent=platform))
    return {
        number: DataVolume(
            _volume_name(number),
            naming,
            "postgres",
            pulumi.ResourceOptions(parent=platform, aliases=[formerly] if number == 1 else None),
            # What a restore has made so far can be made again.
            protect=number in numbers,
        )
        for number in sorted(numbers | restored)
    }


def _volume_name(number: int) -> str:
    return "postgres-data" if number == 1 else f"postgres-data-{number}"


class Postgres(pulumi.ComponentResource):
    """The database server and the passwords of its two roles."""

    database: str
    database_url: pulumi.Output[str]
    container_name: pulumi.Output[str]
    container: pulumi.Resource
    data: DataVolume
    """The cluster's files."""
    socket: RuntimeVolume
    """The folder of the server's socket."""

    def __init__(self, name: str, args: PostgresArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"{SYSTEM}:components:Postgres", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        settings, archive = args.settings, args.archive
        superuser_password = GeneratedSecret("postgres-password", opts=child)
        app_password = GeneratedSecret("postgres-app-password", opts=child)
        clients = [args.context.networks.data.args.subnet]
        attachments = [Attachment(args.context.networks.data)]
        ports = []
        if settings.debug_port is not None and args.context.networks.debug is not None:
            clients.append(args.context.networks.debug.args.subnet)
            attachments.append(Attachment(args.context.networks.debug))
            ports.append(PublishedPort(PORT, settings.debug_port, DEBUG_ADDRESS))
        if archive is not None and archive.outside:
            # The app is on it too, and is let in from the network `data` alone.
            attachments.append(Attachment(args.context.networks.egress, named=False))
        self.data = args.data
        self.socket = RuntimeVolume("postgres-socket", args.context.naming, name, child)
        workload = Workload(
            name,
            WorkloadArgs(
                context=args.context,
                service=name,
                image=args.image,
                user=USER,
                resources=settings.resources,
                env={
                    "POSTGRES_DB": settings.database,
                    "APP_USER": settings.user,
                    "POSTGRES_PASSWORD_FILE": f"{MOUNT_PATH}/postgres-password",
                    "APP_PASSWORD_FILE": f"{MOUNT_PATH}/app-password",
                },
                files={
                    "postgresql.conf": server_config(settings, archive.timeout if archive else None),
                    "pg_hba.conf": access_rules(settings, clients),
                    "postgres-password": superuser_password.value,
                    "app-password": app_password.value,
                    **(archive.files if archive else {}),
                },
                mounts=[Mount(self.data, DATA_PATH), Mount(self.socket, SOCKET_PATH)],
                networks=attachments,
                ports=ports,
                health=HealthCheck(
                    ["pg_isready", "-q", "-h", "127.0.0.1", "-U", settings.user, "-d", settings.database]
                ),
                shm_size=settings.shm_size,
                stop_timeout=STOP_TIMEOUT,
                wait_timeout=settings.start_timeout,
            ),
            child_after(self, opts),
        )
        self.database_url = app_password.value.apply(lambda password: database_url(settings, name, password))
        self.database = settings.database
        self.container, self.container_name = workload.container, workload.container_name
        self.register_outputs({"container_name": self.container_name})


def database_url(settings: PostgresSettings, host: str, password: str) -> str:
    """The URL that the app connects with; user and password are percent-encoded."""
    user, password = quote(settings.user, safe=""), quote(password, safe="")
    return f"postgresql://{user}:{password}@{host}:{PORT}/{settings.database}"


def server_config(settings: PostgresSettings, archive_timeout: int | None = None) -> str:
    """postgresql.conf; with `archive_timeout` (seconds) WAL is archived."""
    return render(
        "postgresql.conf",
        tuning=settings.tuning,
        port=PORT,
        socket_path=SOCKET_PATH,
        archive_timeout=archive_timeout,
        quote=_literal,
    )


def access_rules(settings: PostgresSettings, clients: Sequence[IPv4Network]) -> str:
    """pg_hba.conf: the app's role from `clients`, by SCRAM; the superuser inside the container only."""
    return render(
        "pg_hba.conf",
        database=settings.database,
        user=settings.user,
        clients=[str(client) for client in clients],
    )


def _literal(value: str | float) -> str:
    """A value of postgresql.conf, quoted as its grammar wants."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, int | float):
        return str(value)
    return "'" + value.replace("'", "''") + "'"
