"""The types of the resources in S3."""

from __future__ import annotations

import re
from typing import Final


def _types(name: str) -> tuple[str, str]:
    """The type of a resource, and the one it had before version 7 of the provider."""
    return f"aws:s3/{name}:{name[0].upper()}{name[1:]}", f"aws:s3/{name}V2:{name[0].upper()}{name[1:]}V2"


BUCKETS: Final = _types("bucket")
DIRECTORY_BUCKET: Final = "aws:s3/directoryBucket:DirectoryBucket"
#: Buckets that have no Object Lock: those of S3 Express One Zone, of S3 on Outposts and of Lightsail.
WITHOUT_LOCK: Final = (DIRECTORY_BUCKET, "aws:s3control/bucket:Bucket", "aws:lightsail/bucket:Bucket")
ACL: Final = _types("bucketAcl")
ENCRYPTION: Final = _types("bucketServerSideEncryptionConfiguration")
LIFECYCLE: Final = _types("bucketLifecycleConfiguration")
LOGGING: Final = _types("bucketLogging")
OBJECT_LOCK: Final = _types("bucketObjectLockConfiguration")
VERSIONING: Final = _types("bucketVersioning")
OWNERSHIP_CONTROLS: Final = "aws:s3/bucketOwnershipControls:BucketOwnershipControls"
BUCKET_POLICY: Final = "aws:s3/bucketPolicy:BucketPolicy"
PUBLIC_ACCESS_BLOCK: Final = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
ACCOUNT_PUBLIC_ACCESS_BLOCK: Final = "aws:s3/accountPublicAccessBlock:AccountPublicAccessBlock"
ACCESS_POINT: Final = "aws:s3/accessPoint:AccessPoint"
MULTI_REGION_ACCESS_POINT: Final = "aws:s3control/multiRegionAccessPoint:MultiRegionAccessPoint"
OBJECT_COPY: Final = "aws:s3/objectCopy:ObjectCopy"
OBJECTS: Final = ("aws:s3/bucketObject:BucketObject", "aws:s3/bucketObjectv2:BucketObjectv2", OBJECT_COPY)

#: Policies that let somebody reach a bucket, beside the bucket's own.
ACCESS_POLICIES: Final = {
    ACCESS_POINT: "policy",
    "aws:s3control/accessPointPolicy:AccessPointPolicy": "policy",
    "aws:s3control/multiRegionAccessPointPolicy:MultiRegionAccessPointPolicy": "details.policy",
    "aws:s3control/objectLambdaAccessPointPolicy:ObjectLambdaAccessPointPolicy": "policy",
}

#: The ARN of what is in S3 under a name.
S3_ARN: Final = re.compile(r"arn:(?:aws[a-z-]*|\*):s3:::(.+)", re.DOTALL)
