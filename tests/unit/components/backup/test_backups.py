"""Backups: what PostgreSQL and what takes them are told, on mocks and as texts."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from pulumi.runtime.proto.resource_pb2 import RegisterResourceRequest
from pulumi.runtime.rpc import deserialize_properties, is_rpc_secret

from components.backup.backups import backup_crontab
from components.backup.repository import Keys, Repository, repository_config
from components.data.postgres import server_config
from settings.blocks.backup import BackupRetention, BackupSchedule, BackupSettings
from settings.blocks.postgres import PostgresSettings
from tests.unit.components.conftest import CONTAINER, DEV, PROD, VOLUME, Run, pgbackrest_options

OUTSIDE = {
    **PROD,
    "backup": json.dumps(
        {
            "repository": "s3",
            "s3": {"bucket": "acme-backups", "endpoint": "s3.eu-1.example.com", "region": "eu-1", "path": "/tasks"},
        }
    ),
}
KEYS = {"s3_access_key": "AKIAEXAMPLE", "s3_secret_key": "a/secret+key="}
NOBODY = Keys("", "")
REPOSITORY = Repository(
    bucket="backups", host="object-store", port=7070, region="local", writer=NOBODY, reader=NOBODY, ca="PEM"
)


@pytest.fixture
def dev(run: Callable[..., Run]) -> Run:
    return run(DEV)


@pytest.fixture
def outside(run: Callable[..., Run]) -> Run:
    return run(OUTSIDE, KEYS)


def test_the_repository_is_the_stacks_own(dev: Run) -> None:
    found = pgbackrest_options(dev.uploads("backups")["pgbackrest.conf"])["global"]
    assert found["repo1-s3-endpoint"] == "object-store"
    assert found["repo1-s3-bucket"] == "backups"
    assert found["repo1-storage-verify-tls"] == "y"
    assert found["repo1-storage-ca-file"] == "/etc/tasktracker/repository-ca.crt"
    assert dev.uploads("backups")["repository-ca.crt"] == dev.uploads("object-store")["ca.crt"]
    assert found["repo1-s3-key-secret"] == dev.uploads("object-store")["secret-key"]
    assert found["repo1-cipher-type"] == "aes-256-cbc"
    assert len(found["repo1-cipher-pass"]) >= 43


def test_postgres_writes_where_backups_go(dev: Run) -> None:
    for name in ("pgbackrest.conf", "repository-ca.crt"):
        assert dev.uploads("postgres")[name] == dev.uploads("backups")[name]


def test_backups_are_taken_beside_postgres(dev: Run) -> None:
    inputs = dev.container("backups")
    assert inputs["command"] == ["backup"]
    assert inputs["image"] == dev.container("postgres")["image"]
    assert inputs["user"] == dev.container("postgres")["user"]
    assert inputs["envs"] == [
        "ARCHIVE_TIMEOUT=60",
        "MAX_BACKUP_AGE=93600",
        "MAX_WAL_AGE=300",
        "POSTGRES_DB=tasktracker",
        "RETENTION_DAYS=7",
        "RETENTION_FULL=2",
    ]


def test_backups_only_read_what_is_postgres(dev: Run) -> None:
    of_postgres, of_backups = dev.mounts("postgres"), dev.mounts("backups")
    for folder in ("/var/lib/postgresql", "/run/postgresql"):
        assert of_postgres[folder] == (of_backups[folder][0], False)
        assert of_backups[folder][1] is True
    assert of_backups.keys() == {"/var/lib/postgresql", "/run/postgresql", "/var/lib/metrics", "/etc/tasktracker"}


def test_the_socket_is_no_data(dev: Run) -> None:
    request: RegisterResourceRequest = dev.one(VOLUME, "postgres-socket").request
    assert request.protect is False


def test_an_inner_repository_opens_no_way_out(dev: Run) -> None:
    assert dev.networks("postgres") == dev.networks("backups") == {"data"}


def test_postgres_stops_before_the_store_that_its_last_wal_goes_to(dev: Run) -> None:
    def needed(name: str) -> str:
        return " ".join(dev.one(CONTAINER, name).request.dependencies)

    assert "::object-store" in needed("postgres")
    assert "::postgres" in needed("backups")


def test_a_repository_outside(outside: Run) -> None:
    found = pgbackrest_options(outside.uploads("postgres")["pgbackrest.conf"])["global"]
    assert found["repo1-s3-endpoint"] == "s3.eu-1.example.com"
    assert found["repo1-storage-port"] == "443"
    assert found["repo1-s3-bucket"] == "acme-backups"
    assert found["repo1-s3-region"] == "eu-1"
    assert found["repo1-s3-uri-style"] == "host"
    assert found["repo1-path"] == "/tasks"
    assert found["repo1-s3-key"] == KEYS["s3_access_key"]
    assert found["repo1-s3-key-secret"] == KEYS["s3_secret_key"]
    assert "repo1-storage-ca-file" not in found
    assert outside.networks("postgres") == {"data", "egress"}
    assert outside.networks("backups") == {"egress"}
    # The app is on both networks, and PostgreSQL lets it in from one.
    aliases = {net["name"]: net.get("aliases") for net in outside.container("postgres")["networksAdvanced"]}
    assert aliases == {"tasktracker-test-data": ["postgres"], "tasktracker-test-egress": None}
    assert "object-store" not in {each.name for each in outside.running}


def test_a_private_authority_of_a_repository_outside(run: Callable[..., Run]) -> None:
    certificate = "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIUSVGhYmJkZQ==\n-----END CERTIFICATE-----\n"
    result = run(OUTSIDE, {**KEYS, "s3_ca_certificate": certificate})
    assert result.uploads("backups")["repository-ca.crt"] == certificate


def test_a_given_passphrase_is_used(run: Callable[..., Run]) -> None:
    found = pgbackrest_options(run(DEV, {"backup_passphrase": 40 * "p"}).uploads("backups")["pgbackrest.conf"])
    assert found["global"]["repo1-cipher-pass"] == 40 * "p"


def test_no_backups(run: Callable[..., Run]) -> None:
    result = run({**DEV, "backup": '{"enabled": false}'})
    assert not {"backups", "drills", "file-backups", "object-store"} & {each.name for each in result.running}
    assert "archive" not in result.uploads("postgres")["postgresql.conf"]
    assert "pgbackrest.conf" not in result.uploads("postgres")


@pytest.mark.parametrize("service", ["backups", "postgres", "drills"])
def test_files_are_secret(dev: Run, service: str) -> None:
    inputs: dict[str, Any] = deserialize_properties(dev.one(CONTAINER, f"{service}-files").request.object)
    assert is_rpc_secret(inputs["uploads"])


def test_no_wal_is_dropped() -> None:
    text = repository_config(BackupSettings(), REPOSITORY, "id", "key", "pass")
    assert "archive-push-queue-max" not in text


def test_expiry_by_hand_keeps_what_is_asked_for() -> None:
    settings = BackupSettings(retention=BackupRetention(days=30))
    found = pgbackrest_options(repository_config(settings, REPOSITORY, "id", "key", "pass"))["global"]
    assert found["expire-auto"] == "n"
    assert found["repo1-retention-full-type"] == "time"
    assert found["repo1-retention-full"] == "30"


def test_the_cluster_is_where_the_image_has_it() -> None:
    found = pgbackrest_options(repository_config(BackupSettings(), REPOSITORY, "id", "key", "pass"))["main"]
    assert dict(found) == {
        "pg1-path": "/var/lib/postgresql/17/data",
        "pg1-port": "5432",
        "pg1-socket-path": "/run/postgresql",
    }


def test_archiving() -> None:
    text = server_config(PostgresSettings(), 90)
    assert re.findall(r"^archive_.*", text, re.MULTILINE) == [
        "archive_mode = on",
        # pgBackRest refuses to back up with a command that lacks its name.
        "archive_command = 'pgbackrest-archive %p'",
        "archive_timeout = '90s'",
    ]


def test_crontab() -> None:
    lines = backup_crontab(BackupSchedule(full="5 1 * * 6", time_zone="Europe/Berlin")).splitlines()
    assert lines[1:] == ["CRON_TZ=Europe/Berlin", "5 1 * * 6 backup-run full", "0 2 * * 1-6 backup-run diff"]
