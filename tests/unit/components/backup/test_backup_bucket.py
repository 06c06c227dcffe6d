"""The bucket in AWS and its two users, on mocks."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pulumi
import pytest
from pulumi.runtime.rpc import deserialize_properties, is_rpc_secret

from components.backup.backup_bucket import default_name, logs_name
from components.core.naming import Naming
from settings import parse
from tests.unit.components.conftest import ACCESS_KEY, AWS_ACCOUNT, CONTAINER, PROD, Run, pgbackrest_options

BUCKET = "aws:s3/bucket:Bucket"
LIFECYCLE = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
LOCK = "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration"
ENCRYPTION = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
LOGGING = "aws:s3/bucketLogging:BucketLogging"
POLICY = "aws:s3/bucketPolicy:BucketPolicy"
USER_POLICY = "aws:iam/userPolicy:UserPolicy"

NAME = f"tasktracker-test-backups-{AWS_ACCOUNT}"
ARN = f"arn:aws:s3:::{NAME}"
KEY = f"arn:aws:kms:eu-central-1:{AWS_ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"


def config(environment: str = "prod", retention: dict[str, int] | None = None, **aws: Any) -> dict[str, str]:
    backup = {"repository": "aws", "aws": {"region": "eu-central-1", **aws}, "retention": retention or {}}
    return {**PROD, "environment": environment, "backup": json.dumps(backup)}


@pytest.fixture
def prod(run: Callable[..., Run]) -> Run:
    return run(config())


@pytest.fixture
def told(run: Callable[..., Run]) -> Run:
    """A bucket with all that a config can say of one."""
    return run(
        config(
            bucket="acme-backups",
            noncurrent_days=90,
            object_lock_days=20,
            kms_key=KEY,
            log_bucket="acme-logs",
            log_days=400,
        )
    )


def one(run: Run, type_: str, name: str = "backups") -> dict[str, Any]:
    return run.one(type_, name).inputs


def statements(run: Run, name: str) -> dict[str, dict[str, Any]]:
    """What a user may do, by the statement's id."""
    found = json.loads(one(run, USER_POLICY, name)["policy"])["Statement"]
    return {each["Sid"]: each for each in found}


def test_the_bucket_is_private_encrypted_and_versioned(prod: Run) -> None:
    assert one(prod, BUCKET) == {"bucket": NAME, "forceDestroy": False, "objectLockEnabled": True}
    blocks = one(prod, "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock")
    assert blocks.pop("bucket") == NAME
    assert list(blocks.values()) == [True] * 4
    assert one(prod, ENCRYPTION)["rules"] == [
        {
            "applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"},
            "bucketKeyEnabled": False,
            "blockedEncryptionTypes": ["SSE-C"],
        }
    ]
    assert one(prod, "aws:s3/bucketVersioning:BucketVersioning")["versioningConfiguration"] == {"status": "Enabled"}
    ownership = one(prod, "aws:s3/bucketOwnershipControls:BucketOwnershipControls")
    assert ownership["rule"] == {"objectOwnership": "BucketOwnerEnforced"}


def test_nobody_comes_without_good_tls(prod: Run) -> None:
    found = json.loads(one(prod, POLICY)["policy"])["Statement"]
    for each in found:
        assert (each["Effect"], each["Principal"], each["Action"]) == ("Deny", "*", "s3:*")
        assert each["Resource"] == [ARN, f"{ARN}/*"]
    assert [each["Condition"] for each in found] == [
        {"Bool": {"aws:SecureTransport": "false"}},
        {"NumericLessThan": {"s3:TlsVersion": "1.2"}},
    ]


def test_nothing_current_ever_expires(prod: Run, told: Run) -> None:
    (rule,) = one(prod, LIFECYCLE)["rules"]
    assert rule == {
        "id": "backups",
        "status": "Enabled",
        "filter": {},
        "noncurrentVersionExpiration": {"noncurrentDays": 30},
        "expiration": {"expiredObjectDeleteMarker": True},
        "abortIncompleteMultipartUpload": {"daysAfterInitiation": 7},
    }
    (rule,) = one(told, LIFECYCLE)["rules"]
    assert rule["noncurrentVersionExpiration"] == {"noncurrentDays": 90}


def test_objects_are_locked_in_prod(prod: Run, told: Run) -> None:
    for run, days in ((prod, 14), (told, 20)):
        assert one(run, LOCK)["rule"] == {"defaultRetention": {"mode": "GOVERNANCE", "days": days}}


@pytest.mark.parametrize(("retention", "days"), [({"days": 1}, 14), ({"days": 30}, 37), ({"full": 6}, 42)])
def test_objects_are_locked_for_as_long_as_they_may_be_needed(retention: dict[str, int], days: int) -> None:
    values = {f"tasktracker:{key}": value for key, value in config(retention=retention).items()}
    assert parse("test", values).object_lock_days == days


def test_no_lock_outside_prod(run: Callable[..., Run]) -> None:
    staging = run(config("staging"))
    assert one(staging, BUCKET)["objectLockEnabled"] is False
    assert staging.all(LOCK) == []


def test_all_of_the_bucket_is_protected_and_changes_one_by_one(prod: Run) -> None:
    parts = [each for each in prod.resources if each.type.startswith("aws:s3/")]
    assert all(each.request.protect and each.request.retainOnDelete for each in parts)
    for name, count in (("backups", 9), ("logs", 7)):
        chain = [each for each in parts if each.name == name]
        assert len(chain) == count
        for before, part in itertools.pairwise(chain):
            assert f"{before.type}::{name}" in " ".join(part.request.dependencies), part.type


def test_the_access_log_goes_to_a_bucket_of_its_own(prod: Run, told: Run) -> None:
    logs = f"{NAME}-logs"
    assert one(prod, LOGGING) == {"bucket": NAME, "targetBucket": logs, "targetPrefix": "backups/"}
    assert one(prod, BUCKET, "logs") == {"bucket": logs, "forceDestroy": False, "objectLockEnabled": False}
    # S3 delivers no log where only one key encrypts, nor to a bucket with a lock.
    (rule,) = one(told, ENCRYPTION, "logs")["rules"]
    assert rule["applyServerSideEncryptionByDefault"] == {"sseAlgorithm": "AES256"}
    assert [each.name for each in prod.all(LOCK)] == ["backups"]
    # Before the first line there is a bucket that may be written to.
    assert f"{LIFECYCLE}::logs" in " ".join(prod.one(LOGGING, "backups").request.dependencies)
    kept, aged = one(prod, LIFECYCLE, "logs")["rules"]
    assert kept["noncurrentVersionExpiration"] == {"noncurrentDays": 7}
    assert aged["expiration"] == {"days": 90}
    assert one(told, LIFECYCLE, "logs")["rules"][1]["expiration"] == {"days": 400}
    assert one(told, LOGGING)["targetBucket"] == "acme-logs"


def test_only_s3_writes_the_log_and_only_of_that_bucket(prod: Run) -> None:
    *tls, delivery = json.loads(one(prod, POLICY, "logs")["policy"])["Statement"]
    assert [each["Sid"] for each in tls] == ["TlsOnly", "NoOldTls"]
    assert delivery == {
        "Sid": "AccessLog",
        "Effect": "Allow",
        "Principal": {"Service": "logging.s3.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": f"{ARN}-logs/backups/*",
        "Condition": {"ArnLike": {"aws:SourceArn": ARN}, "StringEquals": {"aws:SourceAccount": AWS_ACCOUNT}},
    }


@pytest.mark.parametrize(
    ("bucket", "logs"),
    [
        ("acme-backups", "acme-backups-logs"),
        (63 * "a", f"{58 * 'a'}-logs"),
        (f"{57 * 'a'}-{5 * 'b'}", f"{57 * 'a'}-logs"),
    ],
)
def test_the_name_of_the_logs_bucket(bucket: str, logs: str) -> None:
    assert logs_name(bucket, None) == logs
    assert logs_name(bucket, "acme-logs") == "acme-logs"


def test_a_bucket_does_not_log_into_itself() -> None:
    with pytest.raises(pulumi.RunError, match=r'tasktracker:backup\.aws\.log_bucket = "acme": must be another bucket'):
        logs_name("acme", "acme")


def test_what_has_a_resource_of_its_own_is_no_change_of_the_bucket(prod: Run) -> None:
    assert "lifecycleRules" in prod.one(BUCKET, "backups").request.ignoreChanges


def test_the_provider_is_the_stacks_own(prod: Run) -> None:
    found = one(prod, "pulumi:providers:aws", "aws")
    assert found["region"] == "eu-central-1"
    assert json.loads(found["defaultTags"]) == {"tags": {"service": "backups", "stack": "test"}}
    for each in prod.resources:
        if each.type.startswith("aws:"):
            assert "pulumi:providers:aws::aws::" in each.request.provider, each.type


def test_the_writer_can_not_delete_versions(prod: Run) -> None:
    assert statements(prod, "backups-writer") == {
        "List": {
            "Sid": "List",
            "Effect": "Allow",
            "Action": ["s3:ListBucket"],
            "Resource": ARN,
            "Condition": {"StringLike": {"s3:prefix": "repository/*"}},
        },
        "Objects": {
            "Sid": "Objects",
            "Effect": "Allow",
            "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
            "Resource": f"{ARN}/repository/*",
        },
    }


def test_the_reader_reads_earlier_versions_too(prod: Run) -> None:
    found = statements(prod, "backups-reader")
    assert found["List"]["Action"] == ["s3:ListBucket", "s3:ListBucketVersions"]
    assert found["List"]["Condition"] == {"StringLike": {"s3:prefix": "repository/*"}}
    assert found["Objects"]["Action"] == ["s3:GetObject", "s3:GetObjectVersion"]
    assert found.keys() == {"List", "Objects"}


def test_a_kms_key(told: Run) -> None:
    (rule,) = one(told, ENCRYPTION)["rules"]
    assert rule["applyServerSideEncryptionByDefault"] == {"sseAlgorithm": "aws:kms", "kmsMasterKeyId": KEY}
    assert rule["bucketKeyEnabled"] is True
    for name, actions in (
        ("backups-writer", ["kms:GenerateDataKey", "kms:Decrypt"]),
        ("backups-reader", ["kms:Decrypt"]),
    ):
        key = statements(told, name)["Key"]
        assert (key["Action"], key["Resource"]) == (actions, KEY)
        assert key["Condition"] == {"StringEquals": {"kms:ViaService": "s3.eu-central-1.amazonaws.com"}}


def test_backups_go_to_the_bucket_with_the_writers_key(prod: Run) -> None:
    for service in ("postgres", "backups"):
        found = pgbackrest_options(prod.uploads(service)["pgbackrest.conf"])["global"]
        assert found["repo1-s3-bucket"] == NAME
        assert found["repo1-s3-endpoint"] == "s3.eu-central-1.amazonaws.com"
        assert found["repo1-s3-uri-style"] == "host"
        assert found["repo1-s3-region"] == "eu-central-1"
        assert found["repo1-path"] == "/repository"
        assert found["repo1-s3-key"] == "backups-writer-id"
        assert found["repo1-s3-key-secret"] == "secret of tasktracker-test-backups-writer"
        assert "repo1-storage-ca-file" not in found
    assert prod.networks("backups") == {"egress"}
    assert "object-store" not in {each.name for each in prod.running}
    # Nothing is written before the bucket is as it should be, and may be written to.
    needed = " ".join(prod.one(CONTAINER, "postgres").request.dependencies)
    assert f"{LOCK}::backups" in needed
    assert f"{USER_POLICY}::backups-writer" in needed


def test_who_only_restores_has_the_key_that_only_reads(prod: Run) -> None:
    found = pgbackrest_options(prod.uploads("drills")["pgbackrest.conf"])["global"]
    assert found["repo1-s3-key"] == "backups-reader-id"
    assert found["repo1-s3-key-secret"] == "secret of tasktracker-test-backups-reader"


@pytest.mark.parametrize("service", ["backups", "postgres"])
def test_the_key_is_secret(prod: Run, service: str) -> None:
    inputs = deserialize_properties(prod.one(CONTAINER, f"{service}-files").request.object)
    assert is_rpc_secret(inputs["uploads"])
    for each in prod.all(ACCESS_KEY):
        assert "secret" in each.request.additionalSecretOutputs


def test_a_given_name(told: Run) -> None:
    assert one(told, BUCKET)["bucket"] == "acme-backups"
    assert "arn:aws:s3:::acme-backups/*" in one(told, POLICY)["policy"]


@pytest.mark.parametrize("stack", ["Prod", "prod_2", 31 * "x"])
def test_a_stack_that_no_bucket_can_be_named_after(stack: str) -> None:
    with pytest.raises(pulumi.RunError, match=r"tasktracker:backup\.aws\.bucket: is required"):
        default_name(Naming(stack), AWS_ACCOUNT)


def test_who_has_no_bucket_does_not_load_aws() -> None:
    code = "import sys, components; sys.exit('pulumi_aws' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
