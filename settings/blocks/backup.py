"""The block `backup`."""

from typing import Annotated, Literal

from pydantic import Field

from settings.blocks.block import (
    DAY,
    HOUR,
    MINUTE,
    WEEK_DAYS,
    Block,
    Cpus,
    Memory,
    PostgresMemory,
    Reservation,
    Resources,
    StartTimeout,
)
from settings.limits import LIMITS
from settings.services import SERVICES
from settings.values.addresses import HostName, ServerPort
from settings.values.amounts import Seconds
from settings.values.backups import AwsRegion, Bucket, FileSet, KmsKey, Region, RepositoryPath
from settings.values.schedule import Schedule, TimeZone


class BackupResources(Resources):
    """What the backups container may take of its host."""

    cpus: Cpus = SERVICES["backups"].needs.cpus
    memory: Memory = SERVICES["backups"].needs.memory
    memory_reservation: Reservation = SERVICES["backups"].needs.reserved


class DrillResources(Resources):
    """What the drills container may take of its host."""

    cpus: Cpus = SERVICES["drills"].needs.cpus
    memory: PostgresMemory = SERVICES["drills"].needs.memory
    memory_reservation: Reservation = SERVICES["drills"].needs.reserved


class FileBackupResources(Resources):
    """What the container of the files' backups may take of its host."""

    cpus: Cpus = SERVICES["file-backups"].needs.cpus
    memory: Memory = SERVICES["file-backups"].needs.memory
    memory_reservation: Reservation = SERVICES["file-backups"].needs.reserved


class BackupSchedule(Block):
    """When backups are taken, beside the WAL, which is archived as it is written."""

    full: Schedule = "0 2 * * 0"
    """Full backups: every database file."""
    differential: Schedule = "0 2 * * 1-6"
    """Differential backups: what has changed since the last full one."""
    time_zone: TimeZone = "UTC"
    """Time zone of the schedule."""


class BackupRetention(Block):
    """What the repository keeps. A full backup goes, with its differentials and its WAL, when neither of the two wants
    it."""

    full: Annotated[int, Field(ge=1, le=1000)] = 2
    """Full backups without errors that are kept at least."""
    days: Annotated[int, Field(ge=1, le=3650)] = 7
    """Days that a restore can go back to at least, once there are backups as old."""


class S3Repository(Block):
    """A bucket outside the stack. Its keys are the secrets s3_access_key and s3_secret_key, and the certificate of a
    private authority that its server has to be checked with is s3_ca_certificate. What only reads, restores and drills,
    has the secrets s3_reader_access_key and s3_reader_secret_key where they are set."""

    bucket: Bucket
    """Name of the bucket."""
    endpoint: HostName
    """Host of the S3 service, such as s3.eu-central-1.amazonaws.com."""
    port: ServerPort = 443
    """Port of the S3 service, for HTTPS."""
    region: Region
    """Region of the bucket."""
    path: RepositoryPath = "/"
    """Folder of the bucket that holds the repository; each stack has one of its own."""
    uri_style: Literal["host", "path"] = "host"
    """Whether the bucket is in the host's name, as with AWS, or in the path, as with most others."""


class AwsBucketSettings(Block):
    """A bucket in AWS S3 that the program makes, protects and never empties, with two keys for it alone: one that
    writes backups, and one that only reads them."""

    region: AwsRegion
    """Region of the bucket."""
    bucket: Bucket | None = None
    """Name of the bucket; without one it is tasktracker-STACK-backups-ACCOUNT, with the number of the AWS account."""
    noncurrent_days: Annotated[int, Field(ge=LIMITS.noncurrent_days, le=3650)] = 30
    """Days for which what was deleted or overwritten, by mistake or with a stolen key, can be had back. Expired
    backups are kept, and paid for, as long."""
    object_lock_days: Annotated[int, Field(ge=LIMITS.object_lock_days, le=3650)] | None = None
    """Days for which S3 itself refuses to delete what was written, unless somebody may bypass its governance mode; prod
    only, where it can be changed but not be switched off. Without it, as long as a restore may need what was written:
    retention.days and a week, or retention.full weeks if that is longer. Set it where full backups are rarer than
    weekly."""
    log_bucket: Bucket | None = None
    """Name of the bucket, made by the program, for the access log: who listed, read, wrote or deleted what, and when.
    Without one it is the bucket's with -logs at its end."""
    log_days: Annotated[int, Field(ge=LIMITS.noncurrent_days, le=3650)] = 90
    """Days for which the access log is kept."""
    kms_key: KmsKey | None = None
    """Key of AWS KMS, in the bucket's region, that S3 encrypts with on top of the backups' own encryption. Its policy
    has to let the account's IAM policies say who uses it. Without one S3 uses keys of its own (AES256)."""


class DrillSettings(Block):
    """Drills: the latest backup is restored beside PostgreSQL, checked and thrown away, to prove that it can be."""

    enabled: bool = True
    """Take drills, where there are backups."""
    schedule: Schedule = "0 4 * * 0"
    """When drills are taken, in backup.schedule.time_zone."""
    # A week between two drills, and a day for one that the host slept through.
    max_age: Annotated[Seconds, Field(ge=1 * HOUR, le=366 * DAY)] = 8 * DAY
    """Age of the last drill at which the container is unhealthy. One that is due by then is taken at once."""
    resources: DrillResources = DrillResources()
    """What the container may take of its host."""
    start_timeout: StartTimeout = 2 * MINUTE


class FileRestoreSettings(Block):
    """Sets of files that are brought back. While the block is there the job `file-restore` does it, once. What is
    there now is saved as sets of its own first."""

    uploads: FileSet | None = None
    """Set that the uploads are restored from. Files that came since stay."""
    nats: FileSet | None = None
    """Set that NATS' streams are restored from, messages and consumers. Streams that came since stay."""
    timeout: Annotated[Seconds, Field(ge=1 * MINUTE, le=7 * DAY)] = 6 * HOUR
    """Time that the job may take."""


class FileBackupSettings(Block):
    """Backups of the uploads and of NATS' streams, to the repository of PostgreSQL's, encrypted with the same
    passphrase. Sets stay for backup.retention.days."""

    enabled: bool = True
    """Take them, where there are backups."""
    # Only what has changed is read and sent, and a queue's messages are of use for hours, not for days.
    schedule: Schedule = "0 * * * *"
    """When they are taken, in backup.schedule.time_zone."""
    # Three of the schedule.
    max_age: Annotated[Seconds, Field(ge=10 * MINUTE, le=90 * DAY)] = 3 * HOUR
    """Age of the last good one at which the container is unhealthy. One that is due by then is taken at once."""
    restore: FileRestoreSettings | None = None
    """What is brought back."""
    resources: FileBackupResources = FileBackupResources()
    """What the container may take of its host."""
    start_timeout: StartTimeout = 5 * MINUTE


class BackupSettings(Block):
    """Backups of the stack's PostgreSQL: scheduled ones and the WAL between them, encrypted, in an S3 repository."""

    enabled: bool = True
    """Archive the WAL and take backups."""
    repository: Literal["object_store", "s3", "aws"] = "object_store"
    """Where backups go: the stack's own object store, the bucket of backup.s3, or a bucket in AWS that the program
    makes as backup.aws says. For that it takes the credentials that the AWS CLI would (AWS_PROFILE, AWS_ACCESS_KEY_ID,
    a role of the host)."""
    s3: S3Repository | None = None
    """The bucket outside the stack."""
    aws: AwsBucketSettings | None = None
    """The bucket in AWS that the program makes."""
    schedule: BackupSchedule = BackupSchedule()
    """When backups are taken."""
    retention: BackupRetention = BackupRetention()
    """What is kept."""
    archive_timeout: Annotated[Seconds, Field(ge=10, le=HOUR)] = 1 * MINUTE
    """Time after which WAL is archived though its segment isn't full: what the loss of the host can cost."""
    max_wal_age: Annotated[Seconds, Field(ge=1 * MINUTE, le=DAY)] = 5 * MINUTE
    """Time that WAL may wait for the archive before the container is unhealthy."""
    # A day between two backups, and two hours for one to be taken.
    max_backup_age: Annotated[Seconds, Field(ge=1 * HOUR, le=90 * DAY)] = 26 * HOUR
    """Age of the last backup at which the container is unhealthy. A backup that is due by then is taken at once, such
    as after a night with the host switched off."""
    processes: Annotated[int, Field(ge=1, le=64)] = 2
    """Files that are compressed and sent at the same time."""
    resources: BackupResources = BackupResources()
    """What the container may take of its host."""
    start_timeout: StartTimeout = 5 * MINUTE
    drill: DrillSettings = DrillSettings()
    """Restores that are tried out."""
    files: FileBackupSettings = FileBackupSettings()
    """Backups of the uploads and of NATS' streams."""

    @property
    def needed_days(self) -> int:
        """How old what a restore needs can be, with a full backup every week.

        A full backup goes when a newer one is old enough, and `retention.full` newer ones are there.
        """
        return max(self.retention.days + WEEK_DAYS, self.retention.full * WEEK_DAYS)
