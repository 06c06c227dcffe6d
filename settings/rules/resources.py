"""Memory, processes and parameters of the services that keep data."""

from collections.abc import Iterator
from operator import attrgetter
from typing import Final

from settings.blocks.postgres import PostgresTuning
from settings.errors import Path, key_text
from settings.rules.conflict import Conflict, Rule
from settings.stack import Settings
from settings.values.units import SIZE

OWN_PROCESSES: Final = 64
"""What PostgreSQL runs beside a process for each connection: at most 8 parallel workers, 8 of logical replication,
autovacuum's 3, some 10 of its own, and those of WAL archiving, health checks and `docker exec`."""

# The usual advice for a dedicated server is 25 %, and no more than 40 %: the rest serves connections and the file cache
# (PostgreSQL manual, "Resource Consumption", shared_buffers).
SHARED_BUFFERS_SHARE: Final = 0.40
# The other half is for connections, the file store's cache and the runtime.
MEMORY_STORE_SHARE: Final = 0.50
# Redis' own advice is to leave a quarter and more: fragmentation of 1.3 is common (redis.io, "Memory optimization").
CACHE_SHARE: Final = 0.75
# Parameters that the components set for the stack to work and to be safe, by name and by first letters.
OWN_PARAMETERS: Final = frozenset(
    {
        "config_file",
        "data_directory",
        "dynamic_library_path",
        "external_pid_file",
        "hba_file",
        "ident_file",
        "listen_addresses",
        "local_preload_libraries",
        "log_destination",
        "logging_collector",
        "password_encryption",
        "port",
        "session_preload_libraries",
        "shared_preload_libraries",
        "wal_level",
    }
)
OWN_PARAMETER_FAMILIES: Final = (
    "archive_",
    "include",
    "krb_",
    "log_file",
    "recovery_",
    "restore_",
    "ssl",
    "unix_socket_",
)


def reservations_fit(settings: Settings) -> Iterator[Conflict]:
    """No service reserves more memory than it may use."""
    for service, resources in settings.limits():
        limit = (*service.block, "resources", "memory")
        if resources.memory_reservation > resources.memory:
            yield Conflict(
                (*service.block, "resources", "memory_reservation"),
                f"must be at most {key_text(limit)} ({SIZE.format(resources.memory)})",
                (limit,),
            )


def _share_of_memory(settings: Settings, path: Path, share: float) -> Iterator[Conflict]:
    """The amount of memory at `path` is at most that share of what the container of its block may use."""
    limit = (path[0], "resources", "memory")
    memory = attrgetter(".".join(limit))(settings)
    most = int(memory * share)
    if attrgetter(".".join(path))(settings) > most:
        yield Conflict(
            path,
            f"must be at most {SIZE.format(most)}, {share:.0%} of {key_text(limit)} ({SIZE.format(memory)})",
            (limit,),
        )


def shared_buffers_fit(settings: Settings) -> Iterator[Conflict]:
    """PostgreSQL's cache leaves most of the container's memory to all else."""
    return _share_of_memory(settings, ("postgres", "tuning", "shared_buffers"), SHARED_BUFFERS_SHARE)


def connections_fit(settings: Settings) -> Iterator[Conflict]:
    """PostgreSQL runs a process for each connection, beside its own and those that archive."""
    connections, pids = settings.postgres.tuning.max_connections, settings.postgres.resources.pids
    most = pids - OWN_PROCESSES
    if connections > most:
        limit = ("postgres", "resources", "pids")
        yield Conflict(
            ("postgres", "tuning", "max_connections"),
            f"must be at most {most}, {OWN_PROCESSES} less than {key_text(limit)} ({pids})",
            (limit,),
        )


def maintenance_fits_shared_memory(settings: Settings) -> Iterator[Conflict]:
    """A parallel index build keeps maintenance_work_mem in /dev/shm (pgvector's HNSW does)."""
    memory, shared = settings.postgres.tuning.maintenance_work_mem, settings.postgres.shm_size
    if memory > shared:
        limit = ("postgres", "shm_size")
        yield Conflict(
            ("postgres", "tuning", "maintenance_work_mem"),
            f"must be at most {key_text(limit)} ({SIZE.format(shared)}), where parallel index builds keep it",
            (limit,),
        )


def memory_store_fits(settings: Settings) -> Iterator[Conflict]:
    """JetStream's memory streams leave half of the container's memory to all else."""
    return _share_of_memory(settings, ("nats", "max_memory_store"), MEMORY_STORE_SHARE)


def cache_fits(settings: Settings) -> Iterator[Conflict]:
    """Redis' keys and values leave enough of the container's memory to its clients' buffers and to fragmentation."""
    if settings.redis is not None:
        yield from _share_of_memory(settings, ("redis", "max_memory"), CACHE_SHARE)


def parameters_are_free(settings: Settings) -> Iterator[Conflict]:
    """`parameters` sets nothing that has a key of its own or that the program needs to set."""
    tuning: Path = ("postgres", "tuning")
    for name in settings.postgres.tuning.parameters:
        path = (*tuning, "parameters", name)
        if name in PostgresTuning.model_fields:
            yield Conflict(path, f"has a key of its own: {key_text((*tuning, name))}")
        elif name in OWN_PARAMETERS or name.startswith(OWN_PARAMETER_FAMILIES):
            yield Conflict(path, "is set by the program and can't be changed; remove it")


RULES: Final[tuple[Rule, ...]] = (
    reservations_fit,
    shared_buffers_fit,
    connections_fit,
    maintenance_fits_shared_memory,
    memory_store_fits,
    cache_fits,
    parameters_are_free,
)
