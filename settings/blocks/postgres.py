"""The block `postgres`."""

from typing import Annotated

from pydantic import Field

from settings.blocks.block import DAY, HOUR, MINUTE, Block, Cpus, PostgresMemory, Reservation, Resources, StartTimeout
from settings.services import SERVICES
from settings.values.addresses import Port
from settings.values.amounts import Megabytes, Milliseconds, Seconds
from settings.values.backups import BackupLabel, Moment
from settings.values.postgres import Identifier, ParameterName, ParameterValue, VolumeNumber
from settings.values.units import GB, MB, TB


class PostgresResources(Resources):
    """What the postgres container may take of its host."""

    cpus: Cpus = SERVICES["postgres"].needs.cpus
    memory: PostgresMemory = SERVICES["postgres"].needs.memory
    memory_reservation: Reservation = SERVICES["postgres"].needs.reserved


class PostgresTuning(Block):
    """Parameters of PostgreSQL, by PostgreSQL's own names."""

    max_connections: Annotated[int, Field(ge=10, le=10_000)] = 200
    """Connections that clients may hold at once."""
    shared_buffers: Annotated[Megabytes, Field(ge=1 * MB, le=1 * TB)] = 256 * MB
    """PostgreSQL's own cache; at most 40 % of the container's memory."""
    effective_cache_size: Annotated[Megabytes, Field(ge=1 * MB, le=4 * TB)] = 1 * GB
    """What the planner takes the file cache to hold; reserves nothing."""
    work_mem: Annotated[Megabytes, Field(ge=1 * MB, le=1 * TB)] = 4 * MB
    """Memory of one sort or hash before it goes to disk; a query may use it several times."""
    maintenance_work_mem: Annotated[Megabytes, Field(ge=1 * MB, le=1 * TB)] = 64 * MB
    """Memory of one VACUUM or CREATE INDEX."""
    log_min_duration_statement: Annotated[Milliseconds, Field(ge=0, le=DAY * 1000)] = 1000
    """Statements that take longer are logged; 0ms logs all."""
    log_connections: bool = True
    """Log each connection."""
    log_disconnections: bool = True
    """Log the end of each session, with its duration."""
    log_lock_waits: bool = True
    """Log waits for a lock that are longer than deadlock_timeout."""
    log_checkpoints: bool = True
    """Log checkpoints."""
    parameters: dict[ParameterName, ParameterValue] = {}
    """Further parameters, by PostgreSQL's name in lower case."""


class RestoreSettings(Block):
    """A data volume that is made from backups: of PostgreSQL as it was at one time, or at the end of one backup. While
    the block is there the job `restore` makes the volume, once. PostgreSQL runs on undisturbed, or starts when it is
    done where the volume is the one in use: so a new host begins from the backups of another."""

    volume: VolumeNumber
    """Number of the volume. One that holds a database already is left as it is, and the job fails."""
    to: Moment | None = None
    """Time that the database is taken back to, or latest: all that is in the repository."""
    set: BackupLabel | None = None
    """Backup that the database is taken back to the end of, in place of a time."""
    # 100 MB/s make 2 TB in this time, and WAL is replayed on top.
    timeout: Annotated[Seconds, Field(ge=1 * MINUTE, le=7 * DAY)] = 6 * HOUR
    """Time that the job may take."""


class PostgresSettings(Block):
    """The stack's PostgreSQL."""

    resources: PostgresResources = PostgresResources()
    """What the container may take of its host."""
    # Recovery after a crash replays the WAL first.
    start_timeout: StartTimeout = 5 * MINUTE
    database: Identifier = "tasktracker"
    """Name of the database."""
    user: Identifier = "tasktracker"
    """Name of the role that the app logs in with; it owns the database and is no superuser."""
    tuning: PostgresTuning = PostgresTuning()
    """Parameters of PostgreSQL."""
    shm_size: Annotated[Megabytes, Field(ge=64 * MB, le=1 * TB)] = 256 * MB
    """Size of /dev/shm, which parallel queries need; counts as the container's memory when used."""
    debug_port: Port | None = None
    """Port on 127.0.0.1 of the host that leads to PostgreSQL; dev only."""
    volume: VolumeNumber = 1
    """Number of the data volume in use. Number 1 is the Docker volume postgres-data, number 2 postgres-data-2."""
    kept_volumes: list[VolumeNumber] = []
    """Numbers of the data volumes that were in use before a restore and are kept. Each is protected: to have one
    deleted, first pulumi state unprotect it, then remove its number."""
    restore: RestoreSettings | None = None
    """A data volume that is made from backups."""
