"""What ties several settings together: one function a rule.

Each takes settings whose single values are all valid and yields a `Conflict` for each thing that does not fit.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address
from itertools import combinations
from operator import attrgetter
from typing import Final

from settings.errors import Path, key_text
from settings.models import OWN_BUCKET, ImageSettings, NetworkSettings, PostgresTuning, Settings, StackConfig
from settings.secrets import BUILT_IN, GENERATED
from settings.units import SECONDS, SIZE

RESERVED_BLOCKS: Final = ("monitoring", "tunnel")
"""Names of feature blocks that this version does not have yet."""

TAKEN_NAMES: Final = frozenset({*StackConfig.model_fields, *RESERVED_BLOCKS, *BUILT_IN, *GENERATED})
"""What no secret of the app can be called."""

SET_SECRET: Final = "run pulumi config set --secret"  # noqa: S105 - a command, no secret

SERVICES: Final[tuple[Path, ...]] = (
    ("postgres",),
    ("nats",),
    ("api",),
    ("worker",),
    ("dashboard",),
    ("nginx",),
    ("backup",),
    ("backup", "drill"),
    ("backup", "files"),
    ("object_store",),
)
"""The blocks that have resources."""

# The usual advice for a dedicated server is 25 %, and no more than 40 %: the rest serves connections and the file cache
# (PostgreSQL manual, "Resource Consumption", shared_buffers).
SHARED_BUFFERS_SHARE: Final = 0.40
# The other half is for connections, the file store's cache and the runtime.
MEMORY_STORE_SHARE: Final = 0.50
# WAL waits for archive_timeout before it is even due.
WAL_AGE_TIMEOUTS: Final = 2

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


@dataclass(frozen=True)
class Conflict:
    """A setting that does not fit others.

    `also` names the others that the finding rests on: where one of them was refused, so that its default stands in,
    the finding means nothing and is dropped.
    """

    path: Path
    message: str
    also: tuple[Path, ...] = ()


Rule = Callable[[Settings], Iterator[Conflict]]

_ENVIRONMENT: Final[Path] = ("environment",)
_KEPT: Final[Path] = ("postgres", "kept_volumes")
_RESTORE: Final[Path] = ("postgres", "restore")
_READER_KEYS: Final = ("s3_reader_access_key", "s3_reader_secret_key")


def subnets_are_apart(settings: Settings) -> Iterator[Conflict]:
    """No two networks of the stack share an address."""
    for first, second in combinations(NetworkSettings.model_fields, 2):
        a, b = getattr(settings.network, first), getattr(settings.network, second)
        if a.overlaps(b):
            other = ("network", first)
            yield Conflict(
                ("network", second),
                f"overlaps {key_text(other)} ({a}); give each network a subnet of its own",
                (other,),
            )


def reservations_fit(settings: Settings) -> Iterator[Conflict]:
    """No service reserves more memory than it may use."""
    for service in SERVICES:
        resources = attrgetter(".".join(service))(settings).resources
        limit = (*service, "resources", "memory")
        if resources.memory_reservation > resources.memory:
            yield Conflict(
                (*service, "resources", "memory_reservation"),
                f"must be at most {key_text(limit)} ({SIZE.format(resources.memory)})",
                (limit,),
            )


def shared_buffers_fit(settings: Settings) -> Iterator[Conflict]:
    """PostgreSQL's cache leaves most of the container's memory to all else."""
    memory = settings.postgres.resources.memory
    most = int(memory * SHARED_BUFFERS_SHARE)
    if settings.postgres.tuning.shared_buffers > most:
        limit = ("postgres", "resources", "memory")
        yield Conflict(
            ("postgres", "tuning", "shared_buffers"),
            f"must be at most {SIZE.format(most)}, {SHARED_BUFFERS_SHARE:.0%} of {key_text(limit)}"
            f" ({SIZE.format(memory)})",
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
    memory = settings.nats.resources.memory
    most = int(memory * MEMORY_STORE_SHARE)
    if settings.nats.max_memory_store > most:
        limit = ("nats", "resources", "memory")
        yield Conflict(
            ("nats", "max_memory_store"),
            f"must be at most {SIZE.format(most)}, {MEMORY_STORE_SHARE:.0%} of {key_text(limit)}"
            f" ({SIZE.format(memory)})",
            (limit,),
        )


def ports_differ(settings: Settings) -> Iterator[Conflict]:
    """No two services publish the same port, on whatever address."""
    publish = settings.nginx.publish
    tls: Path = ("nginx", "tls")
    ports: dict[Path, int | None] = {
        ("nginx", "publish", "port"): publish.port,
        ("nginx", "publish", "tls_port"): publish.tls_port if settings.nginx.tls else None,
        **_debug_ports(settings),
    }
    for (first, a), (second, b) in combinations(ports.items(), 2):
        if a is not None and a == b:
            yield Conflict(second, f"is the port of {key_text(first)} too", (first, tls))


def debug_ports_are_for_dev(settings: Settings) -> Iterator[Conflict]:
    """PostgreSQL and NATS are never published outside dev."""
    for path, port in _debug_ports(settings).items():
        if port is not None and settings.environment != "dev":
            yield Conflict(
                path,
                f"is allowed in dev only, and this is {settings.environment}; remove it",
                (_ENVIRONMENT,),
            )


def images_are_pinned(settings: Settings) -> Iterator[Conflict]:
    """Outside dev an image is named by its digest, so that what was tested is what runs."""
    for service in ImageSettings.model_fields:
        if settings.environment != "dev" and "@sha256:" not in getattr(settings.images, service):
            yield Conflict(
                ("images", service),
                f"must end in a digest (@sha256:<64 hex digits>) in {settings.environment}",
                (_ENVIRONMENT,),
            )


def domain_is_public(settings: Settings) -> Iterator[Conflict]:
    """prod has a name that its users can reach and that a certificate can be had for."""
    if settings.environment == "prod" and _is_local(settings.domain):
        yield Conflict(
            ("domain",),
            "must be a public host name in prod: not localhost, an address or a .local name",
            (_ENVIRONMENT,),
        )


def parameters_are_free(settings: Settings) -> Iterator[Conflict]:
    """`parameters` sets nothing that has a key of its own or that the program needs to set."""
    tuning: Path = ("postgres", "tuning")
    for name in settings.postgres.tuning.parameters:
        path = (*tuning, "parameters", name)
        if name in PostgresTuning.model_fields:
            yield Conflict(path, f"has a key of its own: {key_text((*tuning, name))}")
        elif name in OWN_PARAMETERS or name.startswith(OWN_PARAMETER_FAMILIES):
            yield Conflict(path, "is set by the program and can't be changed; remove it")


def app_secrets_have_free_names(settings: Settings) -> Iterator[Conflict]:
    """A secret of the app takes no name that means something else."""
    for name in settings.app_secrets:
        if name in TAKEN_NAMES:
            yield Conflict(("app_secrets", name), "is a name that the program uses itself; choose another")


def app_secrets_are_given(settings: Settings) -> Iterator[Conflict]:
    """Each secret that the app asks for is there."""
    for name in settings.app_secrets:
        if name not in settings.secrets and name not in TAKEN_NAMES:
            asked: Path = ("app_secrets", name)
            yield Conflict((name,), f"is required by {key_text(asked)}; {SET_SECRET} {name}", (asked,))


def tls_secrets_are_given(settings: Settings) -> Iterator[Conflict]:
    """TLS comes with a certificate and its key."""
    tls: Path = ("nginx", "tls")
    for name in ("tls_certificate", "tls_key"):
        if settings.nginx.tls and name not in settings.secrets:
            yield Conflict((name,), f"is required by {key_text(tls)}; {SET_SECRET} {name}", (tls,))


def one_database(settings: Settings) -> Iterator[Conflict]:
    """With a database outside, the stack's own PostgreSQL does not exist and can't be set."""
    if settings.external_database and "postgres" in settings.model_fields_set:
        yield Conflict(
            ("postgres",),
            f"is for the stack's own PostgreSQL, which {key_text(('database_url',))} replaces; remove one of the two",
        )


def backups_are_of_own_database(settings: Settings) -> Iterator[Conflict]:
    """Only the stack's own PostgreSQL is backed up."""
    if settings.external_database and "backup" in settings.model_fields_set and settings.backup.enabled:
        yield Conflict(
            ("backup",),
            f"is for the stack's own PostgreSQL, which {key_text(('database_url',))} replaces; remove one of the two",
        )


def repository_is_described(settings: Settings) -> Iterator[Conflict]:
    """A bucket outside the stack is described where it is used, and nowhere else."""
    repository: Path = ("backup", "repository")
    for kind in ("s3", "aws"):
        used, given = settings.backup.repository == kind, getattr(settings.backup, kind) is not None
        path: Path = ("backup", kind)
        if used and not given:
            yield Conflict(path, f"is required by {key_text(repository)} ({kind})", (repository,))
        elif given and not used:
            yield Conflict(
                path, f"is used with {key_text(repository)}: {kind} only; set that, or remove it", (repository,)
            )


def object_lock_is_for_prod(settings: Settings) -> Iterator[Conflict]:
    """The bucket in AWS has Object Lock in prod, and only there."""
    if settings.backup.aws and settings.backup.aws.object_lock_days and settings.environment != "prod":
        yield Conflict(
            ("backup", "aws", "object_lock_days"),
            f"is for prod, whose bucket is the only one with a lock, and this is {settings.environment}; remove it",
            (_ENVIRONMENT,),
        )


def object_lock_ends_in_time(settings: Settings) -> Iterator[Conflict]:
    """Object Lock ends by the time that S3 should delete what has expired."""
    if settings.backup.aws is None or settings.backup.aws.object_lock_days is None:
        return
    most = settings.backup.needed_days + settings.backup.aws.noncurrent_days
    if settings.backup.aws.object_lock_days > most:
        kept: Path = ("backup", "aws", "noncurrent_days")
        retention: Path = ("backup", "retention")
        yield Conflict(
            ("backup", "aws", "object_lock_days"),
            f"must be at most {most}: backups are needed for {settings.backup.needed_days} days"
            f" ({key_text(retention)}) and kept for {settings.backup.aws.noncurrent_days} more ({key_text(kept)});"
            " nothing could delete them then",
            (kept, retention),
        )


def kms_key_is_in_reach(settings: Settings) -> Iterator[Conflict]:
    """S3 encrypts with keys of the bucket's own region."""
    aws = settings.backup.aws
    if aws and aws.kms_key and aws.kms_key.split(":")[3] != aws.region:
        region: Path = ("backup", "aws", "region")
        yield Conflict(("backup", "aws", "kms_key"), f"must be a key in {aws.region} ({key_text(region)})", (region,))


def repository_keys_are_given(settings: Settings) -> Iterator[Conflict]:
    """A bucket outside the stack comes with its keys."""
    repository: Path = ("backup", "repository")
    for name in ("s3_access_key", "s3_secret_key"):
        if settings.has_backups and settings.backup.repository == "s3" and name not in settings.secrets:
            yield Conflict(
                (name,),
                f"is required by {key_text(repository)} (s3); {SET_SECRET} {name}",
                (repository, ("backup", "enabled")),
            )


def the_apps_bucket_is_its_own(settings: Settings) -> Iterator[Conflict]:
    """The app's bucket is not the one of the backups."""
    if settings.object_store.app_bucket == OWN_BUCKET:
        yield Conflict(("object_store", "app_bucket"), "is the name of the bucket for backups; choose another")


def wal_has_time_to_arrive(settings: Settings) -> Iterator[Conflict]:
    """WAL that arrives when it should is no reason to be unhealthy."""
    least = WAL_AGE_TIMEOUTS * settings.backup.archive_timeout
    timeout: Path = ("backup", "archive_timeout")
    if settings.backup.max_wal_age < least:
        yield Conflict(
            ("backup", "max_wal_age"),
            f"must be at least {SECONDS.format(least)}, {WAL_AGE_TIMEOUTS} times {key_text(timeout)}"
            f" ({SECONDS.format(settings.backup.archive_timeout)})",
            (timeout,),
        )


def reader_keys_are_given(settings: Settings) -> Iterator[Conflict]:
    """What may only read a bucket outside the stack has both parts of its key."""
    repository: Path = ("backup", "repository")
    for name, other in (_READER_KEYS, _READER_KEYS[::-1]):
        if name in settings.secrets and settings.backup.repository != "s3":
            yield Conflict(
                (name,),
                f"is used with {key_text(repository)}: s3 only; set that, or run pulumi config rm {name}",
                (repository,),
            )
        elif name not in settings.secrets and other in settings.secrets and settings.backup.repository == "s3":
            yield Conflict((name,), f"is required by {key_text((other,))}; {SET_SECRET} {name}", (repository,))


def _needs_backups(settings: Settings, part: str) -> Iterator[Conflict]:
    """That the block `backup.<part>` is set and on, where there are no backups."""
    backup = settings.backup
    enabled: Path = ("backup", "enabled")
    if part in backup.model_fields_set and getattr(backup, part).enabled and not backup.enabled:
        yield Conflict(
            ("backup", part),
            f"is for backups, which {key_text(enabled)} (false) switches off; set that to true, or remove the {part}",
            (enabled,),
        )


def drills_have_backups(settings: Settings) -> Iterator[Conflict]:
    """Drills are of backups."""
    yield from _needs_backups(settings, "drill")


def kept_volumes_are_others(settings: Settings) -> Iterator[Conflict]:
    """A data volume is kept once, and is not the one in use."""
    kept = settings.postgres.kept_volumes
    in_use: Path = ("postgres", "volume")
    if settings.postgres.volume in kept:
        yield Conflict(
            _KEPT, f"must not name {key_text(in_use)} ({settings.postgres.volume}), which is in use", (in_use,)
        )
    elif len(set(kept)) < len(kept):
        yield Conflict(_KEPT, "must name each volume once")


def a_restore_leaves_kept_volumes(settings: Settings) -> Iterator[Conflict]:
    """What is restored goes to a volume that is not kept."""
    restore = settings.postgres.restore
    if restore is not None and restore.volume in settings.postgres.kept_volumes:
        yield Conflict(
            (*_RESTORE, "volume"),
            f"must be a number that {key_text(_KEPT)} does not name ({settings.postgres.kept_volumes})",
            (_KEPT,),
        )


def a_restore_has_one_target(settings: Settings) -> Iterator[Conflict]:
    """What is restored is one time or one backup."""
    restore = settings.postgres.restore
    if restore is not None and (restore.to is None) == (restore.set is None):
        yield Conflict(_RESTORE, "must have one of the keys to (a time, or latest) and set (the label of a backup)")


def a_restore_has_backups(settings: Settings) -> Iterator[Conflict]:
    """What is restored comes from the repository of the stack's backups."""
    enabled: Path = ("backup", "enabled")
    if settings.postgres.restore is not None and not settings.backup.enabled:
        yield Conflict(
            _RESTORE,
            f"is from backups, which {key_text(enabled)} (false) switches off; set that to true, or remove the restore",
            (enabled,),
        )


def file_backups_have_a_repository(settings: Settings) -> Iterator[Conflict]:
    """Backups of files go where PostgreSQL's go."""
    yield from _needs_backups(settings, "files")


def a_restore_of_files_has_a_set(settings: Settings) -> Iterator[Conflict]:
    """What is restored is named, and comes from backups that the stack takes."""
    files = settings.backup.files
    path: Path = ("backup", "files", "restore")
    enabled: Path = ("backup", "files", "enabled")
    if files.restore is None:
        return
    if files.restore.uploads is None and files.restore.nats is None:
        yield Conflict(path, "must have one of the keys uploads and nats, or both: the id of a set, or latest")
    elif not files.enabled:
        yield Conflict(
            path,
            f"is from backups, which {key_text(enabled)} (false) switches off; set that to true, or remove the restore",
            (enabled,),
        )


RULES: Final[tuple[Rule, ...]] = (
    subnets_are_apart,
    reservations_fit,
    shared_buffers_fit,
    maintenance_fits_shared_memory,
    memory_store_fits,
    ports_differ,
    debug_ports_are_for_dev,
    images_are_pinned,
    domain_is_public,
    parameters_are_free,
    app_secrets_have_free_names,
    app_secrets_are_given,
    tls_secrets_are_given,
    one_database,
    backups_are_of_own_database,
    repository_is_described,
    object_lock_is_for_prod,
    object_lock_ends_in_time,
    kms_key_is_in_reach,
    repository_keys_are_given,
    the_apps_bucket_is_its_own,
    wal_has_time_to_arrive,
    reader_keys_are_given,
    drills_have_backups,
    kept_volumes_are_others,
    a_restore_leaves_kept_volumes,
    a_restore_has_one_target,
    a_restore_has_backups,
    file_backups_have_a_repository,
    a_restore_of_files_has_a_set,
)


def conflicts(settings: Settings) -> Iterator[Conflict]:
    """What any rule finds."""
    for rule in RULES:
        yield from rule(settings)


def _debug_ports(settings: Settings) -> dict[Path, int | None]:
    return {
        ("postgres", "debug_port"): settings.postgres.debug_port,
        ("nats", "debug_port"): settings.nats.debug_port,
        ("nats", "debug_monitor_port"): settings.nats.debug_monitor_port,
    }


def _is_local(domain: str) -> bool:
    if domain.rpartition(".")[2] in ("localhost", "local"):
        return True
    try:
        IPv4Address(domain)
    except AddressValueError:
        return False
    return True
