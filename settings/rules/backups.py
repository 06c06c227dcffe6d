"""The database, where its backups go and how long they stay, and what is restored."""

from collections.abc import Iterator
from typing import Final

from settings.blocks.backup import AwsBucketSettings, S3Repository
from settings.blocks.block import Block
from settings.blocks.object_store import OWN_BUCKET
from settings.errors import PULUMI, THIS_STACK, Path, key_text
from settings.rules.conflict import ENVIRONMENT, Conflict, Rule
from settings.stack import Settings
from settings.values.units import SECONDS

# WAL waits for archive_timeout before it is even due.
WAL_AGE_TIMEOUTS: Final = 2

_KEPT: Final[Path] = ("postgres", "kept_volumes")
_RESTORE: Final[Path] = ("postgres", "restore")
_BUCKETS: Final[dict[str, type[Block]]] = {"s3": S3Repository, "aws": AwsBucketSettings}
_READER_KEYS: Final = ("s3_reader_access_key", "s3_reader_secret_key")


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
    for kind, bucket in _BUCKETS.items():
        used, given = settings.backup.repository == kind, getattr(settings.backup, kind) is not None
        path: Path = ("backup", kind)
        if used and not given:
            required = [key for key, field in bucket.model_fields.items() if field.is_required()]
            message = f"is required by {key_text(repository)} ({kind})"
            yield from (Conflict((*path, key), message, (repository,), missing=True) for key in required)
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
            (ENVIRONMENT,),
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
                f"is required by {key_text(repository)} (s3)",
                (repository, ("backup", "enabled")),
                missing=True,
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
                f"is used with {key_text(repository)}: s3 only; set that, or run"
                f" {PULUMI} config rm {name} {THIS_STACK}",
                (repository,),
            )
        elif name not in settings.secrets and other in settings.secrets and settings.backup.repository == "s3":
            yield Conflict((name,), f"is required by {key_text((other,))}", (repository,), missing=True)


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


RULES: Final[tuple[Rule, ...]] = (
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
