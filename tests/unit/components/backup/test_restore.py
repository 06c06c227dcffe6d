"""Restores: into which volume, with what, and before or beside PostgreSQL; on mocks."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

import pulumi
import pytest
from pulumi.runtime.rpc import deserialize_properties, is_rpc_secret

from components.core.naming import Naming
from tests.unit.components.backup.test_backups import KEYS, OUTSIDE
from tests.unit.components.conftest import CONTAINER, DEV, VOLUME, Run, pgbackrest_options, run_program
from tests.unit.components.core.test_options import needs

LATEST = {"volume": 2, "to": "latest"}


def config(**postgres: object) -> dict[str, str]:
    """A stack in dev with these settings of PostgreSQL."""
    return {**DEV, "postgres": json.dumps(postgres)}


@pytest.fixture
def beside(run: Callable[..., Run]) -> Run:
    """A restore into one more volume."""
    return run(config(restore=LATEST))


@pytest.fixture
def new_host(run: Callable[..., Run]) -> Run:
    """A restore into the volume in use."""
    return run(config(restore={**LATEST, "volume": 1}))


def volumes(run: Run) -> dict[str, bool]:
    """The data volumes of PostgreSQL, and whether each is protected."""
    return {
        each.inputs["name"].removeprefix("tasktracker-test-"): each.request.protect
        for each in run.all(VOLUME)
        if each.name.startswith("postgres-data")
    }


def test_it_is_a_job_of_postgres_image_with_postgres_limits(beside: Run) -> None:
    inputs, postgres = beside.container("restore"), beside.container("postgres")
    assert inputs["command"] == ["restore"]
    assert inputs["restart"] == "no"
    assert inputs["start"] is inputs["mustRun"] is False
    for key in ("image", "user", "memory", "cpus", "shmSize"):
        assert inputs[key] == postgres[key]


@pytest.mark.parametrize(
    ("target", "env"),
    [
        ({"to": "latest"}, "RESTORE_TO=latest"),
        ({"to": "2026-11-20T14:05:00+01:00"}, "RESTORE_TO=2026-11-20T14:05:00+01:00"),
        ({"set": "20261120-020000F"}, "RESTORE_SET=20261120-020000F"),
    ],
)
def test_it_is_told_what_to_restore(run: Callable[..., Run], target: Mapping[str, str], env: str) -> None:
    inputs = run(config(restore={"volume": 2, **target})).container("restore")
    assert inputs["envs"] == ["POSTGRES_DB=tasktracker", env]


def test_it_only_reads_the_repository(beside: Run) -> None:
    files = beside.uploads("restore")
    assert files.keys() == {"pgbackrest.conf", "repository-ca.crt"}
    assert pgbackrest_options(files["pgbackrest.conf"])["global"]["repo1-s3-key"] == "backups-reader"
    assert files["pgbackrest.conf"] == beside.uploads("drills")["pgbackrest.conf"]
    uploads = deserialize_properties(beside.one(CONTAINER, "restore-files").request.object)["uploads"]
    assert is_rpc_secret(uploads)


def test_it_reaches_the_repository_alone(run: Callable[..., Run], beside: Run) -> None:
    assert beside.networks("restore") == {"data"}
    outside = run({**OUTSIDE, "postgres": json.dumps({"restore": LATEST})}, KEYS)
    assert outside.networks("restore") == {"egress"}


def test_it_comes_after_the_object_store(beside: Run, new_host: Run) -> None:
    for run in (beside, new_host):
        assert {"Container object-store", "Container restore-files"} <= needs(run.one(CONTAINER, "restore"))


def test_one_more_volume_leaves_postgres_alone(beside: Run) -> None:
    assert beside.mounts("restore")["/var/lib/postgresql"] == ("tasktracker-test-postgres-data-2", False)
    assert beside.mounts("postgres")["/var/lib/postgresql"] == ("tasktracker-test-postgres-data", False)
    for each in beside.resources:
        if each.name not in ("restore", "restore-files"):
            assert not {name for name in needs(each) if name.endswith(("restore", "restore-files"))}, each.name


def test_postgres_on_the_volume_itself_waits_for_the_job_to_end(new_host: Run) -> None:
    assert new_host.mounts("restore")["/var/lib/postgresql"] == new_host.mounts("postgres")["/var/lib/postgresql"]
    assert {"Container restore", "Stash restore", "Container object-store"} <= needs(
        new_host.one(CONTAINER, "postgres")
    )


@pytest.mark.parametrize(
    ("postgres", "expected"),
    [
        ({}, {"postgres-data": True}),
        ({"restore": LATEST}, {"postgres-data": True, "postgres-data-2": False}),
        ({"restore": {**LATEST, "volume": 1}}, {"postgres-data": True}),
        ({"volume": 2, "kept_volumes": [1]}, {"postgres-data": True, "postgres-data-2": True}),
        (
            {"volume": 2, "kept_volumes": [1], "restore": {**LATEST, "volume": 3}},
            {"postgres-data": True, "postgres-data-2": True, "postgres-data-3": False},
        ),
    ],
)
def test_only_a_volume_that_was_never_in_use_may_go(
    run: Callable[..., Run], postgres: Mapping[str, object], expected: Mapping[str, bool]
) -> None:
    assert volumes(run(config(**postgres))) == expected


def test_a_kept_volume_that_is_nowhere_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a new stack whose file is from one before: it would be empty, with nothing to go back to."""
    warnings: list[str] = []
    monkeypatch.setattr(Naming, "may_have", lambda _self, volume: volume != "postgres-data")
    monkeypatch.setattr(pulumi.log, "warn", warnings.append)
    result = run_program(config(volume=2, kept_volumes=[1]), {})
    assert volumes(result) == {"postgres-data-2": True}
    assert "postgres-kept" not in {each.name for each in result.resources}
    assert warnings == [
        "tasktracker:postgres.kept_volumes names 1, neither in the state nor on the Docker host: there is nothing to"
        " keep, so take it out of the config, `./tt pulumi config rm --path tasktracker:postgres.kept_volumes"
        " --stack test`"
    ]
    warnings.clear()
    run_program(config(volume=2, kept_volumes=[3, 1]), {})
    assert [each.split(": ")[0] for each in warnings] == [
        "tasktracker:postgres.kept_volumes names 1, neither in the state nor on the Docker host"
    ]
    assert warnings[0].endswith("take it out of the config, by hand")


def test_another_volume_in_use_is_mounted_by_postgres_and_backups(run: Callable[..., Run]) -> None:
    result = run(config(volume=2, kept_volumes=[1]))
    for service in ("postgres", "backups"):
        assert result.mounts(service)["/var/lib/postgresql"][0] == "tasktracker-test-postgres-data-2"
    assert "restore" not in {each.name for each in result.resources}


def test_what_is_kept_has_a_container_that_is_never_started(run: Callable[..., Run]) -> None:
    # `docker volume prune` deletes what no container has.
    kept = run(config(volume=4, kept_volumes=[3, 1], restore={**LATEST, "volume": 5}))
    inputs = kept.container("postgres-kept")
    assert inputs["start"] is inputs["mustRun"] is False
    assert (inputs["restart"], inputs["networkMode"], inputs["command"]) == ("no", "none", ["true"])
    assert kept.mounts("postgres-kept") == {
        "/kept/1": ("tasktracker-test-postgres-data", True),
        "/kept/3": ("tasktracker-test-postgres-data-3", True),
    }
    # The provider would take no other volume in place of one.
    assert kept.one(CONTAINER, "postgres-kept").request.replaceOnChanges == ["mounts"]
    assert kept.one(CONTAINER, "postgres-kept").request.deleteBeforeReplace is True
    assert "postgres-kept" not in kept.platform.containers
    assert "postgres-kept" not in {each.name for each in run(config(volume=2)).resources}


def test_the_first_volume_is_the_one_that_postgres_had_as_its_child(run: Callable[..., Run]) -> None:
    component = run(DEV).one("tasktracker:components:DataVolume", "postgres-data")
    (alias,) = component.request.aliases
    assert alias.spec.parentUrn.endswith("Platform$tasktracker:components:Postgres::postgres")


def test_outputs(run: Callable[..., Run], beside: Run) -> None:
    assert beside.platform.postgres["volume"] == 1
    assert list(beside.platform.postgres["volumes"]) == ["1", "2"]
    assert "restore" in beside.platform.containers
    assert "restore" not in run(DEV).platform.containers
