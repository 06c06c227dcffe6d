"""Compliant resources in AWS; a test changes one field of one of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from policies.aws.iam import POLICY, ROLE
from policies.aws.s3.types import (
    BUCKET_POLICY,
    BUCKETS,
    ENCRYPTION,
    LIFECYCLE,
    LOGGING,
    OBJECT_LOCK,
    OWNERSHIP_CONTROLS,
    PUBLIC_ACCESS_BLOCK,
    VERSIONING,
)
from policies.resource import Resource
from tests.policies.compliant import PROJECT, STACK, make

BUCKET_NAME = "tasktracker-prod-backups"
BUCKET_ARN = f"arn:aws:s3:::{BUCKET_NAME}"
BUCKET_URN = f"urn:pulumi:{STACK}::{PROJECT}::{BUCKETS[0]}::backups"
ACCOUNT = "123456789012"

TLS_ONLY: dict[str, Any] = {
    "Sid": "TlsOnly",
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:*",
    "Resource": [BUCKET_ARN, f"{BUCKET_ARN}/*"],
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}

#: What the backups' own role may do in the bucket, as the bucket's policy says it.
LET_IN: dict[str, Any] = {
    "Effect": "Allow",
    "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:role/backups"},
    "Action": ["s3:GetObject", "s3:PutObject"],
    "Resource": f"{BUCKET_ARN}/*",
}

#: The same, as the role's policy says it.
GRANT: dict[str, Any] = {
    "Effect": "Allow",
    "Action": ["s3:GetObject", "s3:PutObject", "s3:List*"],
    "Resource": [BUCKET_ARN, f"{BUCKET_ARN}/*"],
}

TRUST: dict[str, Any] = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}


def document(*statements: Any, **elements: Any) -> str:
    """The text of a policy document."""
    return json.dumps({"Version": "2012-10-17", **elements, "Statement": list(statements)})


def changed(statement: Mapping[str, Any], **elements: Any) -> dict[str, Any]:
    """A statement with other elements; None takes one away."""
    return {name: value for name, value in {**statement, **elements}.items() if value is not None}


_PROPERTIES: dict[str, dict[str, Any]] = {
    BUCKETS[0]: {"bucket": BUCKET_NAME, "objectLockEnabled": True, "forceDestroy": False, "tags": {"stack": STACK}},
    PUBLIC_ACCESS_BLOCK: {
        "bucket": BUCKET_NAME,
        "blockPublicAcls": True,
        "blockPublicPolicy": True,
        "ignorePublicAcls": True,
        "restrictPublicBuckets": True,
    },
    ENCRYPTION[0]: {
        "bucket": BUCKET_NAME,
        "rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}, "bucketKeyEnabled": True}],
    },
    VERSIONING[0]: {"bucket": BUCKET_NAME, "versioningConfiguration": {"status": "Enabled"}},
    LIFECYCLE[0]: {
        "bucket": BUCKET_NAME,
        "rules": [
            {
                "__defaults": [],
                "id": "backups",
                "status": "Enabled",
                "filter": {"__defaults": []},
                "abortIncompleteMultipartUpload": {"daysAfterInitiation": 7.0},
                "noncurrentVersionExpiration": {"noncurrentDays": 35.0},
            }
        ],
    },
    OWNERSHIP_CONTROLS: {"bucket": BUCKET_NAME, "rule": {"objectOwnership": "BucketOwnerEnforced"}},
    BUCKET_POLICY: {"bucket": BUCKET_NAME, "policy": document(TLS_ONLY, LET_IN)},
    OBJECT_LOCK[0]: {
        "bucket": BUCKET_NAME,
        "objectLockEnabled": "Enabled",
        "rule": {"defaultRetention": {"mode": "COMPLIANCE", "days": 35.0}},
    },
    LOGGING[0]: {"bucket": BUCKET_NAME, "targetBucket": "tasktracker-prod-logs", "targetPrefix": "backups/"},
    POLICY: {"name": "backups", "policy": document(GRANT)},
    ROLE: {"name": "backups", "assumeRolePolicy": document(TRUST)},
}


def aws(type_: str, changes: Mapping[str, Any] | None = None, **options: Any) -> Resource:
    """A compliant resource of a type, with changes; a bucket is protected."""
    return make(
        type_, _PROPERTIES.get(type_, {}), changes, **{"name": "backups", "protect": type_ in BUCKETS, **options}
    )


def bucket(changes: Mapping[str, Any] | None = None, **options: Any) -> Resource:
    """A compliant bucket, with changes."""
    return aws(BUCKETS[0], changes, **options)


#: What goes with every bucket, by the rule that demands it.
COMPANIONS = {
    "STACK-S3-PAB": PUBLIC_ACCESS_BLOCK,
    "STACK-S3-SSE": ENCRYPTION[0],
    "STACK-S3-VER": VERSIONING[0],
    "STACK-S3-LIFE": LIFECYCLE[0],
    "STACK-S3-ACL": OWNERSHIP_CONTROLS,
    "STACK-S3-POL": BUCKET_POLICY,
    "STACK-S3-LOCK": OBJECT_LOCK[0],
}


def whole_bucket() -> tuple[Resource, ...]:
    """A bucket with all that goes with it."""
    return (bucket(), *(aws(type_) for type_ in (*COMPANIONS.values(), LOGGING[0])))
