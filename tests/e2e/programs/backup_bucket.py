"""The program of a test: the bucket for backups, with nothing on a Docker host."""

import pulumi

from components.backup.backup_bucket import BackupBucket, BackupBucketArgs
from components.core.naming import Naming
from settings.reading.source import load

settings = load()
assert settings.backup.aws is not None
args = BackupBucketArgs(Naming(pulumi.get_stack()), settings.backup.aws, settings.object_lock_days)
bucket = BackupBucket("backup-bucket", args)
pulumi.export("writer", bucket.writer.secret_key)
