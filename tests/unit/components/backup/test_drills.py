"""Drills: what they may read and reach, on mocks."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.unit.components.backup.test_backups import KEYS, OUTSIDE
from tests.unit.components.conftest import DEV, VOLUME, Run, pgbackrest_options

READER = {"s3_reader_access_key": "AKIAREADER", "s3_reader_secret_key": "a/reading+key="}


@pytest.fixture
def dev(run: Callable[..., Run]) -> Run:
    return run(DEV)


def test_they_are_taken_with_postgres_own_image(dev: Run) -> None:
    inputs = dev.container("drills")
    assert inputs["command"] == ["drills"]
    assert inputs["image"] == dev.container("postgres")["image"]
    assert inputs["user"] == dev.container("postgres")["user"]
    assert inputs["envs"] == [
        "ARCHIVE_TIMEOUT=60",
        "MAX_DRILL_AGE=691200",
        "MAX_WAL_AGE=300",
        "POSTGRES_DB=tasktracker",
    ]


def test_they_see_no_data_of_postgres(dev: Run) -> None:
    of_postgres, of_drills = dev.mounts("postgres"), dev.mounts("drills")
    assert of_drills == {
        "/var/lib/postgresql": ("tasktracker-test-drill-scratch", False),
        "/run/postgresql": (of_postgres["/run/postgresql"][0], True),
        "/var/lib/metrics": (dev.mounts("backups")["/var/lib/metrics"][0], False),
        "/etc/tasktracker": ("tasktracker-test-drills-files", True),
    }


@pytest.mark.parametrize("name", ["drill-scratch", "backup-metrics"])
def test_what_they_write_is_no_data(dev: Run, name: str) -> None:
    assert dev.one(VOLUME, name).request.protect is False


def test_they_only_read_the_repository(dev: Run) -> None:
    found = pgbackrest_options(dev.uploads("drills")["pgbackrest.conf"])
    store = dev.uploads("object-store")
    assert found["global"]["repo1-s3-key"] == store["reader-access-key"] == "backups-reader"
    assert found["global"]["repo1-s3-key-secret"] == store["reader-secret-key"]
    assert store["secret-key"] not in str(dev.uploads("drills"))
    assert dev.uploads("drills")["repository-ca.crt"] == dev.uploads("backups")["repository-ca.crt"]
    # All else is the same: where it is, and what it is encrypted with.
    writer = pgbackrest_options(dev.uploads("backups")["pgbackrest.conf"])
    for options in (found, writer):
        for key in ("repo1-s3-key", "repo1-s3-key-secret"):
            options.remove_option("global", key)
    assert found == writer


def test_a_repository_outside_may_have_a_reader(run: Callable[..., Run]) -> None:
    result = run(OUTSIDE, {**KEYS, **READER})
    for service, keys in {"drills": READER, "backups": KEYS, "postgres": KEYS}.items():
        found = pgbackrest_options(result.uploads(service)["pgbackrest.conf"])["global"]
        assert (found["repo1-s3-key"], found["repo1-s3-key-secret"]) == tuple(keys.values())
    assert result.networks("drills") == {"egress"}


def test_a_repository_outside_has_one_pair_of_keys_at_least(run: Callable[..., Run]) -> None:
    result = run(OUTSIDE, KEYS)
    assert result.uploads("drills")["pgbackrest.conf"] == result.uploads("backups")["pgbackrest.conf"]


def test_crontab(run: Callable[..., Run]) -> None:
    backup = {"schedule": {"time_zone": "Europe/Berlin"}, "drill": {"schedule": "30 3 1 * *"}}
    lines = run({**DEV, "backup": json.dumps(backup)}).uploads("drills")["crontab"].splitlines()
    assert lines[1:] == ["CRON_TZ=Europe/Berlin", "30 3 1 * * drill --json"]


def test_they_can_be_left_out(run: Callable[..., Run]) -> None:
    result = run({**DEV, "backup": '{"drill": {"enabled": false}}'})
    names = {each.name for each in result.resources}
    assert "backups" in names
    assert not {"drills", "drill-scratch"} & names
    assert "drills" not in result.platform.containers
