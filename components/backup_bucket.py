"""The bucket in AWS S3 that the program makes for a stack's backups, and the two keys to it.

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

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pulumi
import pulumi_aws as aws
from pydantic import TypeAdapter, ValidationError

from components.backups import Keys
from components.naming import SYSTEM, Naming
from settings.errors import key_text
from settings.models import AwsBucketSettings
from settings.values import Bucket

SERVICE: Final = "backups"

#: Where the repository is in the bucket: what pgBackRest keeps, and the folder of the files' backups beside it.
FOLDER: Final = "repository"

#: Days after which the parts of an upload that was broken off are thrown away; pgBackRest leaves them.
ABORT_DAYS: Final = 7

#: What pgBackRest asks of S3 to write a repository ("S3-Compatible Object Store Support" in its user guide).
WRITES: Final = ("s3:GetObject", "s3:PutObject", "s3:DeleteObject")

#: The same to read one, as it is and as it was.
READS: Final = ("s3:GetObject", "s3:GetObjectVersion")

#: Properties of a bucket that have resources of their own, for which S3 gives them back as the bucket's.
#: After a refresh the provider could take them for changes to undo (pulumi-aws issue 6244).
SEPARATE: Final = (
    "grants",
    "lifecycleRules",
    "objectLockConfiguration",
    "policy",
    "serverSideEncryptionConfiguration",
    "versioning",
)


@dataclass(frozen=True)
class BackupBucketArgs:
    """`lock_days`: days for which an object is locked, or None for a bucket with no Object Lock."""

    naming: Naming
    settings: AwsBucketSettings
    lock_days: int | None


class BackupBucket(pulumi.ComponentResource):
    """A private, encrypted, versioned bucket, with a user that writes backups and one that only reads them.

    Credentials for AWS are those of the environment that the program runs in, as for the AWS CLI. All of the bucket is
    protected, with its policy, lifecycle and locks. Even what is unprotected and destroyed, or no longer in the config,
    is forgotten only: nothing but a person deletes backups. The two users go. `pulumi up --replace URN` of an access
    key rotates it: the old one goes last.

    Raises `pulumi.RunError` where the bucket can't have a name.
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
        self.name = settings.bucket or default_name(args.naming, account(provider))
        self.region, self.folder = settings.region, FOLDER

        # One after the other: S3 refuses changes of one bucket at the same time (terraform-provider-aws issue 7628).
        def after(*first: pulumi.Resource, ignore_changes: Sequence[str] = ()) -> pulumi.ResourceOptions:
            return pulumi.ResourceOptions(
                parent=self,
                provider=provider,
                protect=True,
                retain_on_delete=True,
                depends_on=first,
                ignore_changes=[*ignore_changes],
            )

        bucket = aws.s3.Bucket(
            SERVICE,
            bucket=self.name,
            # S3 has it from the start, before there is an object without a lock.
            object_lock_enabled=args.lock_days is not None,
            force_destroy=False,
            opts=after(ignore_changes=SEPARATE),
        )
        block = aws.s3.BucketPublicAccessBlock(
            SERVICE,
            bucket=bucket.bucket,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=after(bucket),
        )
        ownership = aws.s3.BucketOwnershipControls(
            SERVICE,
            bucket=bucket.bucket,
            rule=aws.s3.BucketOwnershipControlsRuleArgs(object_ownership="BucketOwnerEnforced"),
            opts=after(block),
        )
        policy = aws.s3.BucketPolicy(
            SERVICE, bucket=bucket.bucket, policy=document(encrypted_transport(self.name)), opts=after(ownership)
        )
        encryption = aws.s3.BucketServerSideEncryptionConfiguration(
            SERVICE, bucket=bucket.bucket, rules=[encryption_rule(settings.kms_key)], opts=after(policy)
        )
        versioning = aws.s3.BucketVersioning(
            SERVICE,
            bucket=bucket.bucket,
            versioning_configuration=aws.s3.BucketVersioningVersioningConfigurationArgs(status="Enabled"),
            opts=after(encryption),
        )
        # S3 takes a rule for noncurrent versions when there are versions.
        whole: pulumi.Resource = aws.s3.BucketLifecycleConfiguration(
            SERVICE, bucket=bucket.bucket, rules=[lifecycle_rule(settings.noncurrent_days)], opts=after(versioning)
        )
        if args.lock_days is not None:
            whole = aws.s3.BucketObjectLockConfiguration(
                SERVICE,
                bucket=bucket.bucket,
                rule=aws.s3.BucketObjectLockConfigurationRuleArgs(
                    default_retention=aws.s3.BucketObjectLockConfigurationRuleDefaultRetentionArgs(
                        mode="GOVERNANCE", days=args.lock_days
                    )
                ),
                opts=after(whole),
            )
        users = pulumi.ResourceOptions(parent=self, provider=provider, depends_on=[whole])
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
            f"{key_text(('backup', 'aws', 'bucket'))}: is required, since S3 takes no bucket {name}: at most 63"
            " lower-case letters, digits and hyphens"
        ) from None
    return name


def identity(name: str, naming: Naming, statements: Sequence[Mapping[str, Any]], opts: pulumi.ResourceOptions) -> Keys:
    """A user that may do what `statements` say, with a key."""
    user = aws.iam.User(name, name=naming.user(name), opts=opts)
    # In the user itself: a policy of its own could be given to others.
    policy = aws.iam.UserPolicy(name, name=SERVICE, user=user.name, policy=document(statements), opts=opts)
    key = aws.iam.AccessKey(
        name, user=user.name, opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[policy]))
    )
    return Keys(key.id, pulumi.Output.secret(key.secret))


def document(statements: Sequence[Mapping[str, Any]]) -> str:
    """The text of a policy document."""
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def encrypted_transport(bucket: str) -> list[dict[str, Any]]:
    """Statements of the bucket's policy: nobody comes in plain HTTP, or in a TLS older than 1.2."""
    everything = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [bucket_arn(bucket), f"{bucket_arn(bucket)}/*"],
    }
    return [
        {"Sid": "TlsOnly", **everything, "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
        {"Sid": "NoOldTls", **everything, "Condition": {"NumericLessThan": {"s3:TlsVersion": "1.2"}}},
    ]


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


def bucket_arn(bucket: str) -> str:
    """The ARN of a bucket, in the regions that `backup.aws.region` takes."""
    return f"arn:aws:s3:::{bucket}"


def encryption_rule(kms_key: str | None) -> aws.s3.BucketServerSideEncryptionConfigurationRuleArgs:
    """How S3 encrypts what comes with no wish of its own."""
    return aws.s3.BucketServerSideEncryptionConfigurationRuleArgs(
        apply_server_side_encryption_by_default=(
            aws.s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs(
                sse_algorithm="aws:kms" if kms_key else "AES256", kms_master_key_id=kms_key
            )
        ),
        # One request to KMS for many objects.
        bucket_key_enabled=kms_key is not None,
        # S3's own default for new buckets. Left out, it could come back as a change (terraform-provider-aws 47320).
        blocked_encryption_types=["SSE-C"],
    )


def lifecycle_rule(noncurrent_days: int) -> aws.s3.BucketLifecycleConfigurationRuleArgs:
    """What S3 deletes by itself: never what is current."""
    return aws.s3.BucketLifecycleConfigurationRuleArgs(
        id=SERVICE,
        status="Enabled",
        # Every object; without a filter the provider warns.
        filter=aws.s3.BucketLifecycleConfigurationRuleFilterArgs(),
        noncurrent_version_expiration=aws.s3.BucketLifecycleConfigurationRuleNoncurrentVersionExpirationArgs(
            noncurrent_days=noncurrent_days
        ),
        # With `days` beside it, which S3 refuses, the provider would never be done (pulumi-aws issue 2128).
        expiration=aws.s3.BucketLifecycleConfigurationRuleExpirationArgs(expired_object_delete_marker=True),
        abort_incomplete_multipart_upload=aws.s3.BucketLifecycleConfigurationRuleAbortIncompleteMultipartUploadArgs(
            days_after_initiation=ABORT_DAYS
        ),
    )
