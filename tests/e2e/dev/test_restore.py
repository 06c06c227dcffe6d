"""Restores by config alone, on the real engine: one that fails, and one that PostgreSQL waits for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from settings.ownership_text import CHANGED
from tests.e2e.support.stack import Stack, add_task, eventually, execute, is_done

pytestmark = [pytest.mark.engine, pytest.mark.docker, pytest.mark.nightly]


@pytest.fixture
def first_volume_again(stack: Stack) -> Iterator[None]:
    """Brings the stack back to the volume that it had, and removes the other, as an operator would."""
    yield
    resources = json.loads(stack.pulumi("stack", "export").stdout)["deployment"]["resources"]
    for urn in [each["urn"] for each in resources if each["urn"].endswith("Volume::postgres-data-2")]:
        stack.pulumi("state", "unprotect", urn, "--yes")
    stack.write_config()
    stack.pulumi("up", "--yes", "--skip-preview", env={CHANGED: "a test"})


def volumes(stack: Stack) -> set[str]:
    """The data volumes of PostgreSQL that Docker has."""
    prefix = f"tasktracker-{stack.name}-"
    names = {str(each.name).removeprefix(prefix) for each in stack.docker.volumes.list(filters=stack.filters)}
    return {name for name in names if name.startswith("postgres-data")}


def archive_all(stack: Stack) -> None:
    """Waits until what is written so far is in the repository."""

    def query(text: str) -> str:
        command = ("psql", "-XAtq", "-h", "/run/postgresql", "-U", "postgres", "-c", text)
        return execute(stack.container("postgres"), *command).strip()

    segment = query("SELECT pg_walfile_name(pg_switch_wal())")
    eventually(lambda: query("SELECT last_archived_wal FROM pg_stat_archiver") >= segment, 30, f"{segment} is archived")


def state(stack: Stack, service: str) -> dict[str, Any]:
    """What Docker says about a container's life."""
    found: dict[str, Any] = stack.container(service).attrs["State"]
    return found


def test_a_restore_that_fails_leaves_all_as_it_was(stack: Stack) -> None:
    before = stack.ids()
    stack.write_config({"postgres": {"restore": {"volume": 2, "to": "2020-02-02T02:02:02Z"}}})
    result = stack.up(check=False)
    assert result.returncode != 0
    assert f"tasktracker-{stack.name}-restore failed with exit code 65" in result.stdout
    assert "one can restore to" in result.stdout
    assert "Traceback" not in result.stdout
    assert {name: each for name, each in stack.ids().items() if name in before} == before
    # What it has made goes with the request.
    assert volumes(stack) == {"postgres-data", "postgres-data-2"}
    stack.write_config()
    stack.up()
    assert stack.ids() == before
    assert volumes(stack) == {"postgres-data"}


@pytest.mark.usefixtures("first_volume_again")
def test_postgres_starts_on_what_was_restored_before_it(stack: Stack) -> None:
    with stack.client() as client:
        task = add_task(client, "restored")
        eventually(lambda: is_done(client, task), 10, "the task is done")
        archive_all(stack)
        before = stack.ids()
        stack.write_config({"postgres": {"volume": 2, "kept_volumes": [1], "restore": {"volume": 2, "to": "latest"}}})
        stack.up()
        after = stack.ids()
        assert after.keys() - before.keys() == {"restore", "restore-files", "postgres-kept"}
        assert {name for name in before if before[name] != after[name]} == {"postgres", "backups"}
        assert state(stack, "restore")["FinishedAt"] < state(stack, "postgres")["StartedAt"]
        assert eventually(lambda: client.get(f"/api/tasks/{task}").raise_for_status(), 10, "the api is back")
        new = add_task(client, "after the restore")
        eventually(lambda: is_done(client, new), 10, "the worker works")
    stack.pulumi("preview", "--expect-no-changes", "--diff")
    stack.write_config({"postgres": {"volume": 2}})
    refused = stack.pulumi("preview", check=False)
    assert refused.returncode != 0
    assert "volume 1, which was kept after a restore" in refused.stdout
