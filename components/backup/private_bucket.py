"""A private bucket in AWS S3, all of whose resources are protected."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pulumi
import pulumi_aws as aws

#: Days after which the parts of an upload that was broken off are thrown away; pgBackRest leaves them.
ABORT_DAYS: Final = 7

#: Properties of a bucket that have resources of their own, for which S3 gives them back as the bucket's.
#: After a refresh the provider could take them for changes to undo (pulumi-aws issue 6244).
SEPARATE: Final = (
    "grants",
    "lifecycleRules",
    "logging",
    "objectLockConfiguration",
    "policy",
    "serverSideEncryptionConfiguration",
    "versioning",
)


@dataclass(frozen=True)
class PrivateBucket:
    """A bucket, and its parts one after the other.

    `name`: the bucket's own. `statements`: its policy's, in addition to those that require TLS 1.2.
    `lifecycle`: what S3 deletes by itself. `lock_days`: days for which an object is locked, or None for no Object
    Lock. `kms_key`: the key of AWS KMS that S3 encrypts with, or None for S3's own keys.
    """

    name: str
    lifecycle: Sequence[aws.s3.BucketLifecycleConfigurationRuleArgs]
    statements: Sequence[Mapping[str, Any]] = ()
    lock_days: int | None = None
    kms_key: str | None = None

    def make(self, resource_name: str, opts: pulumi.ResourceOptions) -> pulumi.Resource:
        """Registers the bucket's resources under `resource_name`, protected; returns the last one of them.

        What is destroyed or no longer in the program is forgotten only: nothing but a person deletes it.
        """
        bucket = aws.s3.Bucket(
            resource_name,
            bucket=self.name,
            # Set at creation, before there is an object without a lock.
            object_lock_enabled=self.lock_days is not None,
            force_destroy=False,
            opts=part(opts, ignore_changes=SEPARATE),
        )
        block = aws.s3.BucketPublicAccessBlock(
            resource_name,
            bucket=bucket.bucket,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=part(opts, bucket),
        )
        ownership = aws.s3.BucketOwnershipControls(
            resource_name,
            bucket=bucket.bucket,
            rule=aws.s3.BucketOwnershipControlsRuleArgs(object_ownership="BucketOwnerEnforced"),
            opts=part(opts, block),
        )
        policy = aws.s3.BucketPolicy(
            resource_name,
            bucket=bucket.bucket,
            policy=document([*encrypted_transport(self.name), *self.statements]),
            opts=part(opts, ownership),
        )
        encryption = aws.s3.BucketServerSideEncryptionConfiguration(
            resource_name, bucket=bucket.bucket, rules=[encryption_rule(self.kms_key)], opts=part(opts, policy)
        )
        versioning = aws.s3.BucketVersioning(
            resource_name,
            bucket=bucket.bucket,
            versioning_configuration=aws.s3.BucketVersioningVersioningConfigurationArgs(status="Enabled"),
            opts=part(opts, encryption),
        )
        # S3 takes a rule for noncurrent versions when there are versions.
        lifecycle = aws.s3.BucketLifecycleConfiguration(
            resource_name, bucket=bucket.bucket, rules=self.lifecycle, opts=part(opts, versioning)
        )
        if self.lock_days is None:
            return lifecycle
        return aws.s3.BucketObjectLockConfiguration(
            resource_name,
            bucket=bucket.bucket,
            rule=aws.s3.BucketObjectLockConfigurationRuleArgs(
                default_retention=aws.s3.BucketObjectLockConfigurationRuleDefaultRetentionArgs(
                    mode="GOVERNANCE", days=self.lock_days
                )
            ),
            opts=part(opts, lifecycle),
        )


def part(
    opts: pulumi.ResourceOptions, *first: pulumi.Resource, ignore_changes: Sequence[str] = ()
) -> pulumi.ResourceOptions:
    """Options of a part of a bucket, made when `first` are there.

    One after the other: S3 refuses changes of one bucket at the same time (terraform-provider-aws issue 7628).
    """
    return pulumi.ResourceOptions.merge(
        opts,
        pulumi.ResourceOptions(depends_on=first, protect=True, retain_on_delete=True, ignore_changes=[*ignore_changes]),
    )


def document(statements: Sequence[Mapping[str, Any]]) -> str:
    """The text of a policy document."""
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def encrypted_transport(bucket: str) -> list[dict[str, Any]]:
    """Statements of the bucket's policy that refuse requests in plain HTTP, and in a TLS older than 1.2."""
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


def bucket_arn(bucket: str) -> str:
    """The ARN of a bucket, in the regions that `backup.aws.region` takes."""
    return f"arn:aws:s3:::{bucket}"


def encryption_rule(kms_key: str | None) -> aws.s3.BucketServerSideEncryptionConfigurationRuleArgs:
    """How S3 encrypts objects whose upload names no encryption."""
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


def noncurrent_rule(id_: str, noncurrent_days: int) -> aws.s3.BucketLifecycleConfigurationRuleArgs:
    """Deletes what has not been current for so many days, and the delete markers and parts of uploads that are left."""
    return aws.s3.BucketLifecycleConfigurationRuleArgs(
        id=id_,
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


def expiration_rule(id_: str, days: int) -> aws.s3.BucketLifecycleConfigurationRuleArgs:
    """Deletes objects that are so many days old."""
    return aws.s3.BucketLifecycleConfigurationRuleArgs(
        id=id_,
        status="Enabled",
        filter=aws.s3.BucketLifecycleConfigurationRuleFilterArgs(),
        expiration=aws.s3.BucketLifecycleConfigurationRuleExpirationArgs(days=days),
    )
