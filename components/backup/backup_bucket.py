"""The bucket in AWS S3 that the program makes for a stack's backups, the log of who used it, and the two keys to it.

How pgBackRest, versions, the lifecycle and Object Lock go together:

- pgBackRest overwrites a few small files (`backup.info`, `archive.info` and their copies) and deletes what has expired.
  It never names a version, so that S3 keeps the old one in either case, and a deletion makes a delete marker. Object
  Lock allows both. An upload to a bucket with a default retention has to carry a checksum: pgBackRest sends
  Content-MD5, in all versions but 2.55.0 (pgbackrest pull request 2615).
- Whatever is current stays: `expire` of pgBackRest alone says what has expired, since only it knows which backups and
  WAL belong together. S3 deletes a version when it has been noncurrent for `noncurrent_days` and its lock has ended,
  and then the delete marker that was left.
- The writer may not delete versions, nor change retentions. So a stolen key hides backups at worst: they can be had
  back for `noncurrent_days`, with the option `repo-target-time` of pgBackRest and the reader's key. Object Lock holds
  the same against those who may delete versions, for as long as a restore may need them. Its mode is GOVERNANCE:
  who has s3:BypassGovernanceRetention, which nobody is given here, can still end a lock, such as one of ten years
  that was meant to be ten days.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pulumi
import pulumi_aws as aws
from pydantic import TypeAdapter, ValidationError

from components.backup.private_bucket import PrivateBucket, bucket_arn, document, expiration_rule, noncurrent_rule, part
from components.backup.repository import Keys
from components.core.naming import SYSTEM, Naming
from settings.blocks.backup import AwsBucketSettings
from settings.errors import key_text
from settings.limits import LIMITS
from settings.values.backups import Bucket

SERVICE: Final = "backups"

#: Where the repository is in the bucket: what pgBackRest keeps, and the folder of the files' backups beside it.
FOLDER: Final = "repository"

#: The bucket that S3 writes the access log of the backups' bucket to. It has no Object Lock: S3 could not write to it.
LOGS: Final = "logs"

#: The longest name of a bucket.
LONGEST_NAME: Final = 63

#: What pgBackRest asks of S3 to write a repository ("S3-Compatible Object Store Support" in its user guide).
WRITES: Final = ("s3:GetObject", "s3:PutObject", "s3:DeleteObject")

#: The same to read one, as it is and as it was.
READS: Final = ("s3:GetObject", "s3:GetObjectVersion")


@dataclass(frozen=True)
class BackupBucketArgs:
    """`lock_days`: days for which an object is locked, or None for a bucket with no Object Lock."""

    naming: Naming
    settings: AwsBucketSettings
    lock_days: int | None


class BackupBucket(pulumi.ComponentResource):
    """A private, encrypted, versioned bucket, with a user that writes backups and one that only reads them.

    A second bucket has its access log. Credentials for AWS are those of the environment that the program runs in, as
    for the AWS CLI. All of both buckets is protected, with their policies, lifecycles and locks. Even what is
    unprotected and destroyed, or no longer in the config, is forgotten only: nothing but a person deletes backups. The
    two users go. `pulumi up --replace URN` of an access key rotates it: the old one goes last.

    Raises `pulumi.RunError` where a bucket can't have its name.
    """

    name: str
    region: str
    folder: str
    """The repository's folder in the bucket."""
    writer: Keys
    """Lists, reads, writes, and hides (deletes with no version) what is in the folder."""
    reader: Keys
    """Lists and reads what is in the folder, and its earlier versions."""

    def __init__(self, name: str, args: BackupBucketArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"{SYSTEM}:components:BackupBucket", name, None, opts)
        settings = args.settings
        provider = aws.Provider(
            "aws",
            region=settings.region,
            default_tags=aws.ProviderDefaultTagsArgs(tags=args.naming.labels(SERVICE)),
            opts=pulumi.ResourceOptions(parent=self),
        )
        number = account(provider)
        self.name = settings.bucket or default_name(args.naming, number)
        self.region, self.folder = settings.region, FOLDER
        logs = logs_name(self.name, settings.log_bucket)
        own = pulumi.ResourceOptions(parent=self, provider=provider)
        whole = PrivateBucket(
            self.name,
            [noncurrent_rule(SERVICE, settings.noncurrent_days)],
            lock_days=args.lock_days,
            kms_key=settings.kms_key,
        ).make(SERVICE, own)
        ready = PrivateBucket(
            logs,
            [noncurrent_rule(LOGS, LIMITS.noncurrent_days), expiration_rule("age", settings.log_days)],
            [log_statement(logs, self.name, number)],
        ).make(LOGS, own)
        aws.s3.BucketLogging(
            SERVICE,
            bucket=self.name,
            target_bucket=logs,
            target_prefix=f"{SERVICE}/",
            opts=part(own, whole, ready),
        )
        users = pulumi.ResourceOptions.merge(own, pulumi.ResourceOptions(depends_on=[whole]))
        self.writer = identity("backups-writer", args.naming, writer_statements(self.name, settings.kms_key), users)
        self.reader = identity("backups-reader", args.naming, reader_statements(self.name, settings.kms_key), users)
        self.register_outputs({"name": self.name})


def account(provider: aws.Provider) -> str:
    """The number of the AWS account that the credentials belong to; raises `pulumi.RunError` if there are none."""
    try:
        return aws.get_caller_identity(opts=pulumi.InvokeOptions(provider=provider)).account_id
    # The SDK has no type of its own for what a provider answers.
    except Exception as error:
        raise pulumi.RunError(
            f"{key_text(('backup', 'aws'))}: AWS doesn't say which account this is; check its credentials, such as"
            f" AWS_PROFILE: {error}"
        ) from None


def default_name(naming: Naming, account: str) -> str:
    """The name of a bucket that is given none; raises `pulumi.RunError` where S3 wouldn't take it."""
    name = naming.bucket(SERVICE, account)
    try:
        TypeAdapter(Bucket).validate_python(name)
    except ValidationError:
        raise pulumi.RunError(
            f"{key_text(('backup', 'aws', 'bucket'))}: is required, since S3 takes no bucket {name}: at most"
            f" {LONGEST_NAME} lower-case letters, digits and hyphens"
        ) from None
    return name


def logs_name(bucket: str, given: str | None) -> str:
    """The name of the bucket for the access log of `bucket`; raises `pulumi.RunError` where that would be the same."""
    if given == bucket:
        raise pulumi.RunError(
            f'{key_text(("backup", "aws", "log_bucket"))} = "{given}": must be another bucket than that of the backups:'
            " a log of itself would never end"
        )
    suffix = f"-{LOGS}"
    return given or bucket[: LONGEST_NAME - len(suffix)].rstrip("-") + suffix


def identity(name: str, naming: Naming, statements: Sequence[Mapping[str, Any]], opts: pulumi.ResourceOptions) -> Keys:
    """A user that may do what `statements` say, with a key."""
    user = aws.iam.User(name, name=naming.user(name), opts=opts)
    # In the user itself: a policy of its own could be given to others.
    policy = aws.iam.UserPolicy(name, name=SERVICE, user=user.name, policy=document(statements), opts=opts)
    key = aws.iam.AccessKey(
        name, user=user.name, opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[policy]))
    )
    return Keys(key.id, pulumi.Output.secret(key.secret))


def writer_statements(bucket: str, kms_key: str | None) -> list[dict[str, Any]]:
    """What who takes backups may do."""
    return [
        list_statement(bucket, "s3:ListBucket"),
        objects_statement(bucket, *WRITES),
        # The parts of a large object are decrypted to be joined.
        *kms_statements(kms_key, "kms:GenerateDataKey", "kms:Decrypt"),
    ]


def reader_statements(bucket: str, kms_key: str | None) -> list[dict[str, Any]]:
    """What who restores may do."""
    return [
        list_statement(bucket, "s3:ListBucket", "s3:ListBucketVersions"),
        objects_statement(bucket, *READS),
        *kms_statements(kms_key, "kms:Decrypt"),
    ]


def list_statement(bucket: str, *actions: str) -> dict[str, Any]:
    """Lets somebody list the folder, and hear that an object isn't there (404 in place of 403)."""
    return {
        "Sid": "List",
        "Effect": "Allow",
        "Action": actions,
        "Resource": bucket_arn(bucket),
        "Condition": {"StringLike": {"s3:prefix": f"{FOLDER}/*"}},
    }


def objects_statement(bucket: str, *actions: str) -> dict[str, Any]:
    """Lets somebody do something with the folder's objects."""
    return {"Sid": "Objects", "Effect": "Allow", "Action": actions, "Resource": f"{bucket_arn(bucket)}/{FOLDER}/*"}


def kms_statements(key: str | None, *actions: str) -> list[dict[str, Any]]:
    """Lets somebody use the key that the bucket is encrypted with, if there is one, through S3 alone."""
    if key is None:
        return []
    region = key.split(":")[3]
    return [
        {
            "Sid": "Key",
            "Effect": "Allow",
            "Action": actions,
            "Resource": key,
            "Condition": {"StringEquals": {"kms:ViaService": f"s3.{region}.amazonaws.com"}},
        }
    ]


def log_statement(logs: str, bucket: str, account: str) -> dict[str, Any]:
    """Lets S3 deliver the access log of `bucket`, and of no other ("Enabling server access logging" in its guide)."""
    return {
        "Sid": "AccessLog",
        "Effect": "Allow",
        "Principal": {"Service": "logging.s3.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": f"{bucket_arn(logs)}/{SERVICE}/*",
        "Condition": {
            "ArnLike": {"aws:SourceArn": bucket_arn(bucket)},
            "StringEquals": {"aws:SourceAccount": account},
        },
    }
