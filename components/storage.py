"""Where a stack keeps objects: its own S3 service, or a bucket elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from components.backup.backups import Repository, backup_passphrase, bucket_in_aws, bucket_inside, bucket_outside
from components.core.context import Context
from components.data.object_store import ObjectStore, ObjectStoreArgs
from settings import Settings
from settings.blocks.object_store import OWN_BUCKET
from settings.services import SERVICES


@dataclass(frozen=True)
class Backed:
    """What backups are written to, and what they are encrypted with.

    `ready` is what must be there before anything is written.
    """

    repository: Repository
    passphrase: pulumi.Output[str]
    ready: tuple[pulumi.Resource, ...]


@dataclass(frozen=True)
class Storage:
    """`object_store` is the stack's own S3 service, and `backed` the place for backups; None where it has none."""

    object_store: ObjectStore | None
    backed: Backed | None


def storage(context: Context, settings: Settings, opts: pulumi.ResourceOptions) -> Storage:
    """What the settings ask for."""
    object_store = (
        ObjectStore(
            "object-store",
            ObjectStoreArgs(context, settings.object_store, settings.images.of(SERVICES["object-store"]), OWN_BUCKET),
            opts,
        )
        if settings.has_object_store
        else None
    )
    found = _repository(context, settings, object_store, opts)
    if found is None:
        return Storage(object_store, None)
    repository, ready = found
    return Storage(object_store, Backed(repository, backup_passphrase(settings.secrets, opts), ready))


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
