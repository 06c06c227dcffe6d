"""PostgreSQL with pgvector, tuned from config."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network
from urllib.parse import quote

import pulumi

from components.core.context import Context
from components.core.naming import SYSTEM, Naming
from components.core.options import child_after
from components.core.rendering import render
from components.core.runtime import Given
from components.runtime.volumes import DataVolume, RuntimeVolume
from components.secrets.generated import GeneratedSecret
from components.spec.container import (
    DATA,
    DEBUG,
    DEBUG_ADDRESS,
    EGRESS,
    MOUNT_PATH,
    Attachment,
    HealthCheck,
    Limits,
    Mount,
    PublishedPort,
    ServiceSpec,
)
from settings.blocks.postgres import PostgresSettings
from settings.commands import removal_of
from settings.errors import Path, key_text
from settings.services import SERVICES
from settings.values.image_ref import ImageRef

PORT = 5432
DATA_PATH = "/var/lib/postgresql"
#: Names of its volumes in specs.
CLUSTER, SOCKET = "postgres-data", "postgres-socket"

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

    @property
    def network(self) -> str:
        """The network that leads to the repository."""
        return EGRESS if self.outside else DATA


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
        networks = args.context.networks
        debug = settings.debug_port is not None and networks.debug is not None
        # The app is on `egress` too, and is let in from the network `data` alone.
        clients = [networks.data.args.subnet, *([networks.debug.args.subnet] if networks.debug and debug else [])]
        files: dict[str, pulumi.Input[str]] = {
            "postgresql.conf": server_config(settings, archive.timeout if archive else None),
            "pg_hba.conf": access_rules(settings, clients),
            "postgres-password": superuser_password.value,
            "app-password": app_password.value,
            **(archive.files if archive else {}),
        }
        self.data = args.data
        self.socket = RuntimeVolume(SOCKET, args.context.naming, name, child)
        workload = args.context.runtime.service(
            name,
            spec(settings, args.image, [*files], calls_out=archive is not None and archive.outside),
            Given(files=files, volumes={CLUSTER: self.data, SOCKET: self.socket}),
            child_after(self, opts),
        )
        self.database_url = app_password.value.apply(lambda password: database_url(settings, name, password))
        self.database = settings.database
        self.container, self.container_name = workload.container, workload.container_name
        self.register_outputs({"container_name": self.container_name})


def spec(settings: PostgresSettings, image: ImageRef, files: Sequence[str], *, calls_out: bool) -> ServiceSpec:
    """The server. With `calls_out` its archive is outside the host."""
    debug = [] if settings.debug_port is None else [PublishedPort(PORT, settings.debug_port, DEBUG_ADDRESS)]
    return ServiceSpec(
        service=SERVICES["postgres"].name,
        image=image,
        user=SERVICES["postgres"].user,
        limits=Limits.of(settings.resources),
        env={
            "POSTGRES_DB": settings.database,
            "APP_USER": settings.user,
            "POSTGRES_PASSWORD_FILE": f"{MOUNT_PATH}/postgres-password",
            "APP_PASSWORD_FILE": f"{MOUNT_PATH}/app-password",
        },
        files=files,
        mounts=[Mount(CLUSTER, DATA_PATH), Mount(SOCKET, SOCKET_PATH)],
        networks=[
            Attachment(DATA),
            *([Attachment(DEBUG)] if debug else []),
            *([Attachment(EGRESS, named=False)] if calls_out else []),
        ],
        ports=debug,
        health=HealthCheck(["pg_isready", "-q", "-h", "127.0.0.1", "-U", settings.user, "-d", settings.database]),
        shm_size=settings.shm_size,
        stop_timeout=STOP_TIMEOUT,
        wait_timeout=settings.start_timeout,
    )


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
