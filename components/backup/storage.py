"""Where a stack keeps its backups: in its own S3 service, or in a bucket elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi

from components.backup.repository import Repository, backup_passphrase, bucket_inside, bucket_outside
from components.core.context import Context
from components.core.part import Assembly, Part
from components.data.object_store import ObjectStore
from settings import Settings

if TYPE_CHECKING:
    from components.backup.backup_bucket import BackupBucket


@dataclass(frozen=True)
class BackupTarget:
    """What backups are written to, and what they are encrypted with.

    `ready` is what must be there before anything is written.
    """

    repository: Repository
    passphrase: pulumi.Output[str]
    ready: tuple[pulumi.Resource, ...]


def part(stack: Assembly) -> Part | None:
    """Where backups go, where the stack takes any."""
    settings, opts = stack.settings, stack.options()
    found = _repository(stack.context, settings, stack.find(ObjectStore), opts)
    if found is None:
        return None
    repository, ready = found
    stack.keep(BackupTarget(repository, backup_passphrase(settings.secrets, opts), ready))
    return Part()


def _repository(
    context: Context, settings: Settings, object_store: ObjectStore | None, opts: pulumi.ResourceOptions
) -> tuple[Repository, tuple[pulumi.Resource, ...]] | None:
    """Where backups go, and what must be there first."""
    if settings.has_own_repository and object_store is not None:
        return bucket_inside(object_store), (object_store,)
    if settings.has_backups and settings.backup.s3 is not None:
        return bucket_outside(settings.backup.s3, settings.secrets), ()
    if settings.has_backups and settings.backup.aws is not None:
        # Who keeps nothing in AWS needs neither the time to import its package nor its plugin.
        from components.backup.backup_bucket import BackupBucket, BackupBucketArgs  # noqa: PLC0415

        bucket = BackupBucket(
            "backup-bucket", BackupBucketArgs(context.naming, settings.backup.aws, settings.object_lock_days), opts
        )
        return bucket_in_aws(bucket), (bucket,)
    return None


def bucket_in_aws(bucket: BackupBucket) -> Repository:
    """The repository in the bucket that the program makes in AWS."""
    return Repository(
        bucket=bucket.name,
        host=f"s3.{bucket.region}.amazonaws.com",
        port=443,
        region=bucket.region,
        path=f"/{bucket.folder}",
        uri_style="host",
        writer=bucket.writer,
        reader=bucket.reader,
        outside=True,
    )
