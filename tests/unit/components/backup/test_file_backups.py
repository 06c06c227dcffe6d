"""Backups of files: what takes them and what restores them is given, on mocks and as texts."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from pulumi.runtime.rpc import deserialize_properties, is_rpc_secret

from components.backup.file_backups import keys_file, repository_env
from components.backup.repository import Keys, Repository
from components.data.nats import server_config
from settings.blocks.nats import NatsSettings
from tests.unit.components.backup.test_backups import KEYS, OUTSIDE
from tests.unit.components.conftest import CONTAINER, DEV, Run

RESTORE = {**DEV, "backup": json.dumps({"files": {"restore": {"uploads": "latest", "nats": "0123abcd"}}})}


@pytest.fixture
def dev(run: Callable[..., Run]) -> Run:
    return run(DEV)


def environment(run: Run, service: str) -> dict[str, str]:
    return dict(each.split("=", 1) for each in run.container(service)["envs"])


def test_it_only_reads_the_uploads_as_the_one_user_that_may(dev: Run) -> None:
    found = dev.mounts("file-backups")
    assert found["/var/lib/tasktracker"] == ("tasktracker-test-uploads", True)
    assert found["/var/lib/file-backups"] == ("tasktracker-test-file-backups-work", False)
    assert dev.container("file-backups")["user"] == dev.container("api")["user"]


def test_it_has_the_passphrase_and_the_keys_of_the_databases_backups(dev: Run) -> None:
    files = dev.uploads("file-backups")
    conf = dev.uploads("backups")["pgbackrest.conf"]
    assert f"repo1-cipher-pass={files['passphrase']}\n" in conf
    keys = json.loads(files["s3.json"])["aliases"]["s3"]
    assert f"repo1-s3-key={keys['accessKey']}\n" in conf
    assert f"repo1-s3-key-secret={keys['secretKey']}\n" in conf
    assert files["repository-ca.crt"] == dev.uploads("object-store")["ca.crt"]


def test_a_repository_inside(dev: Run) -> None:
    assert environment(dev, "file-backups") == {
        "BUCKET_LOOKUP": "path",
        "BUCKET_URL": "https://object-store:7070/backups",
        "MAX_AGE": "10800",
        "PREFIX": "files",
        "REGION": "local",
        "RESTIC_REPOSITORY": "s3:https://object-store:7070/backups/files",
        "RETENTION_COUNT": "2",
        "RETENTION_DAYS": "7",
    }
    assert dev.networks("file-backups") == {"data"}


def test_a_repository_outside(run: Callable[..., Run]) -> None:
    outside = run(OUTSIDE, KEYS)
    found = environment(outside, "file-backups")
    assert found["BUCKET_URL"] == "https://acme-backups.s3.eu-1.example.com:443"
    assert found["BUCKET_LOOKUP"] == "dns"
    assert found["PREFIX"] == "tasks%2Ffiles"
    assert found["RESTIC_REPOSITORY"] == "s3:https://s3.eu-1.example.com:443/acme-backups/tasks/files"
    assert outside.networks("file-backups") == {"data", "egress"}


def test_the_style_of_the_bucket_is_the_databases() -> None:
    nobody = Keys("", "")
    repository = Repository(
        bucket="b", host="s3.example.com", port=9000, region="r", writer=nobody, reader=nobody, path="/a/b"
    )
    assert repository_env(repository)["BUCKET_URL"] == "https://s3.example.com:9000/b"
    assert repository_env(repository)["RESTIC_REPOSITORY"] == "s3:https://s3.example.com:9000/b/a/b/files"


def test_keys_may_have_any_character() -> None:
    keys = json.loads(keys_file("id", 'a"b\\c#d;e'))["aliases"]["s3"]
    assert (keys["accessKey"], keys["secretKey"]) == ("id", 'a"b\\c#d;e')


def test_nats_knows_it_as_a_user_that_reads_snapshots_only(dev: Run) -> None:
    client = json.loads(dev.uploads("file-backups")["nats-context.json"])
    assert (client["url"], client["user"]) == ("nats://nats:4222", "backups")
    conf = dev.uploads("nats")["nats.conf"]
    assert client["password"] in conf
    app = server_config(NatsSettings(), "nats", "of-the-app")
    assert "of-the-app" in app
    assert "permissions" not in app
    mine = server_config(NatsSettings(), "nats", "of-the-app", "of-backups").partition("permissions")[2]
    assert "DELETE" not in mine
    assert "RESTORE" not in mine
    assert f'subscribe: ["{client["inbox_prefix"]}.>"]' in mine


def test_the_schedule_is_in_the_zone_of_the_databases(run: Callable[..., Run]) -> None:
    backup = {"schedule": {"time_zone": "Europe/Berlin"}, "files": {"schedule": "30 6 * * *"}}
    lines = run({**DEV, "backup": json.dumps(backup)}).uploads("file-backups")["crontab"].splitlines()
    assert lines[1:] == ["CRON_TZ=Europe/Berlin", "30 6 * * * files-backup"]


def test_without_it_nats_has_no_user_for_it(run: Callable[..., Run]) -> None:
    result = run({**DEV, "backup": '{"files": {"enabled": false}}'})
    assert "file-backups" not in {each.name for each in result.running}
    assert "backups" in {each.name for each in result.running}
    assert "_INBOX_backups" not in result.uploads("nats")["nats.conf"]


def test_nothing_restores_where_nothing_asks_for_it(dev: Run) -> None:
    assert "file-restore" not in {each.name for each in dev.all(CONTAINER)}


def test_a_restore_is_a_job_that_may_write(run: Callable[..., Run]) -> None:
    result = run(RESTORE)
    job = result.container("file-restore")
    assert job["command"] == ["files-restore", "--uploads", "latest", "--nats", "0123abcd"]
    assert result.mounts("file-restore")["/var/lib/tasktracker"] == ("tasktracker-test-uploads", False)
    assert (
        result.mounts("file-restore")["/var/lib/file-backups"] == result.mounts("file-backups")["/var/lib/file-backups"]
    )
    assert json.loads(result.uploads("file-restore")["nats-context.json"])["user"] == "tasktracker"
    assert job["restart"] == "no"


def test_a_restore_is_done_before_the_app_starts_and_before_the_next_backup(run: Callable[..., Run]) -> None:
    result = run(RESTORE)
    for service in ("file-backups", "migrations"):
        needed = " ".join(result.one(CONTAINER, service).request.dependencies)
        assert "Stash::file-restore" in needed, service


@pytest.mark.parametrize("service", ["file-backups", "file-restore"])
def test_files_are_secret(run: Callable[..., Run], service: str) -> None:
    inputs = deserialize_properties(run(RESTORE).one(CONTAINER, f"{service}-files").request.object)
    assert is_rpc_secret(inputs["uploads"])
