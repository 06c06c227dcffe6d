"""The stack's own S3 service, as the program registers it."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.unit.components.conftest import DEV, STASH, Run

S3 = {"bucket": "tasks-backups", "endpoint": "s3.example.com", "region": "eu-1"}
KEYS = {"s3_access_key": "AKIAEXAMPLE", "s3_secret_key": 40 * "s"}


@pytest.fixture
def dev(run: Callable[..., Run]) -> Run:
    return run(DEV)


def test_it_has_its_keys_and_certificates_as_files(dev: Run) -> None:
    files = dev.uploads("object-store")
    server = dev.one(STASH, "object-store-certificate").inputs["input"]
    assert files == {
        "access-key": "backups",
        "secret-key": dev.one(STASH, "object-store-secret-key").inputs["input"],
        "reader-access-key": "backups-reader",
        "reader-secret-key": dev.one(STASH, "object-store-reader-secret-key").inputs["input"],
        "server.crt": server["certificate"],
        "server.key": server["key"],
        "ca.crt": dev.one(STASH, "object-store-authority").inputs["input"]["certificate"],
    }


APP_BUCKET = json.dumps({"app_bucket": "attachments"})


@pytest.mark.parametrize("backup", ["{}", json.dumps({"repository": "s3", "s3": S3}), '{"enabled": false}'])
def test_the_app_has_a_bucket_of_its_own(run: Callable[..., Run], backup: str) -> None:
    keys = KEYS if "s3" in backup else {}
    result = run({**DEV, "object_store": APP_BUCKET, "backup": backup}, keys)
    secret = result.one(STASH, "object-store-app-secret-key").inputs["input"]
    files = result.uploads("object-store")
    assert (files["app-access-key"], files["app-secret-key"]) == ("app", secret)
    assert "APP_BUCKET=attachments" in result.container("object-store")["envs"]
    for service in ("api", "worker"):
        assert result.uploads(service)["object-store-secret-key"] == secret
        assert result.uploads(service)["object-store-ca"] == files["ca.crt"]
        environment = result.container(service)["envs"]
        assert "OBJECT_STORE_URL=https://object-store:7070" in environment
        assert "OBJECT_STORE_BUCKET=attachments" in environment
        assert "OBJECT_STORE_SECRET_KEY_FILE=/etc/tasktracker/object-store-secret-key" in environment
    assert secret not in str([each.inputs["envs"] for each in result.running])


def test_without_a_bucket_the_app_has_no_key(dev: Run) -> None:
    assert not [name for name in dev.uploads("api") if "object" in name]


def test_the_authoritys_key_is_in_no_file(dev: Run) -> None:
    key = dev.one(STASH, "object-store-authority").inputs["input"]["key"]
    assert "PRIVATE KEY" in key
    assert not [each.name for each in dev.resources if each.type != STASH and key in str(each.inputs)]


def test_it_is_reached_from_the_data_network_alone(dev: Run) -> None:
    inputs = dev.container("object-store")
    assert [(net["name"], net["aliases"]) for net in inputs["networksAdvanced"]] == [
        ("tasktracker-test-data", ["object-store"])
    ]
    assert not inputs.get("ports")


def test_its_objects_are_on_a_volume(dev: Run) -> None:
    mounts = {mount["target"]: mount["source"] for mount in dev.container("object-store")["mounts"]}
    assert mounts["/var/lib/objects"] == "tasktracker-test-objects"


def test_its_environment_has_names_only(dev: Run) -> None:
    assert dev.container("object-store")["envs"] == ["BUCKET=backups", "REGION=local"]


def test_its_settings_reach_the_container(run: Callable[..., Run]) -> None:
    result = run({**DEV, "object_store": json.dumps({"resources": {"memory": "512MB"}, "start_timeout": "45s"})})
    inputs = result.container("object-store")
    assert (inputs["memory"], inputs["waitTimeout"]) == (512, 45)


@pytest.mark.parametrize(
    ("config", "secrets"),
    [
        ({"backup": json.dumps({"enabled": False})}, {}),
        ({"backup": json.dumps({"repository": "s3", "s3": S3})}, KEYS),
        ({}, {"database_url": "postgresql://user:password@db.example.com:5432/tasks"}),
    ],
    ids=["no backups", "another repository", "another database"],
)
def test_without_backups_of_its_own_a_stack_has_none(
    run: Callable[..., Run], config: dict[str, str], secrets: dict[str, str]
) -> None:
    result = run({**DEV, **config}, secrets)
    assert not [each.name for each in result.resources if "object" in each.name]
    assert "object-store" not in result.platform.containers
