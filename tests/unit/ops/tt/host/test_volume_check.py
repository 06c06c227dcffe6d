"""What is wrong with data volumes: gone, another's, or empty."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import docker
import pytest

from components.data import postgres
from ops.tt.backup.database import DATA_PATH
from ops.tt.host.docker_host import Host
from ops.tt.host.ownership import compare
from ops.tt.host.volume_check import CLUSTER_FILE, has_cluster, problems
from ops.tt.project import Project
from settings.ownership import DATA_VOLUME

MINE = "3f9a"
NAMES = {number: f"tasktracker-dev-postgres-data{f'-{number}' if number > 1 else ''}" for number in (1, 2, 3)}
UPLOADS = "tasktracker-dev-uploads"


class Api:
    """Docker's API on a host with some volumes; `inside` has their files, and `users` the containers that have them."""

    def __init__(self) -> None:
        self.labels = {name: {"stack": "dev", "identity": MINE} for name in (*NAMES.values(), UPLOADS)}
        self.inside = {key: [CLUSTER_FILE] for key in NAMES.values()}
        self.users = {name: f"user of {name}" for name in NAMES.values()}
        self.sizes: dict[str, int] = {}

    def volumes(self) -> dict[str, Any]:
        return {"Volumes": [{"Name": name, "Labels": labels} for name, labels in self.labels.items()]}

    def networks(self) -> list[Any]:
        return []

    def containers(self, *, all: bool, filters: dict[str, str] | None = None) -> list[dict[str, Any]]:
        assert all
        name = (filters or {}).get("volume")
        if name not in self.users:
            return []
        mounts = [{"Name": name, "Destination": "/data"}, {"Destination": "/bind"}]
        return [{"Id": name, "Names": [self.users[name]], "Mounts": mounts}]

    def get_archive(self, container: str, path: str) -> tuple[list[bytes], dict[str, Any]]:
        if self.users[container] == "gone":
            raise docker.errors.NotFound("404", explanation=f"No such container: {container}")
        if path.removeprefix("/data/") not in self.inside[container]:
            raise docker.errors.NotFound("404", explanation=f"Could not find the file {path} in container {container}")
        return [b"17\n"], {}

    def df(self) -> dict[str, Any]:
        return {"Volumes": [{"Name": name, "UsageData": {"Size": size}} for name, size in self.sizes.items()]}


@pytest.fixture
def api() -> Api:
    return Api()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "Pulumi.dev.yaml").write_text("config:\n  tasktracker:postgres: {volume: 3, kept_volumes: [1, 2]}\n")
    return Project(tmp_path, "dev")


def host(api: Api) -> Host:
    return cast(Host, SimpleNamespace(stack="dev", client=SimpleNamespace(api=api)))


def found(project: Project, api: Api) -> list[str]:
    resources = [
        {"urn": f"urn:pulumi:dev::tasktracker::{DATA_VOLUME}::{name}", "outputs": {"name": name, "identity": MINE}}
        for name in (*NAMES.values(), UPLOADS)
    ]
    return problems(project, host(api), compare(project, host(api), resources))


def test_the_file_that_is_looked_for_is_where_the_program_has_the_cluster() -> None:
    assert f"{DATA_PATH}/{CLUSTER_FILE}" == f"{postgres.CLUSTER_PATH}/PG_VERSION"


def test_nothing_is_wrong(project: Project, api: Api) -> None:
    assert found(project, api) == []


def test_a_volume_that_is_gone_is_named_with_what_to_do(project: Project, api: Api) -> None:
    for name in (NAMES[1], NAMES[3], UPLOADS):
        del api.labels[name]
    assert found(project, api) == [
        f"{NAMES[1]}, kept after a restore, is gone from the Docker host: `./tt volumes remove 1 --stack dev` takes it"
        " out of the config",
        f"{NAMES[3]} is gone from the Docker host: `make preview STACK=dev` says what to do",
        f"{UPLOADS} is gone from the Docker host: `make preview STACK=dev` says what to do",
    ]


def test_one_that_docker_made_in_its_place_is_named(project: Project, api: Api) -> None:
    api.labels[NAMES[2]] = {}
    [problem] = found(project, api)
    assert problem.startswith(f"the volume {NAMES[2]} is not the one that this state made")


def test_one_without_a_database_is_named(project: Project, api: Api) -> None:
    for number in (2, 3):
        api.inside[NAMES[number]] = ["lost+found"]
    kept, used = found(project, api)
    assert f"{NAMES[2]}, kept after a restore, has no database in it" in kept
    assert "`./tt volumes remove 2 --stack dev`" in kept
    assert f"{NAMES[3]}, which PostgreSQL uses, has no database in it" in used
    assert "`./tt restore --latest --stack dev" in used


@pytest.mark.parametrize("user", [None, "gone"])
@pytest.mark.parametrize(("size", "known"), [(0, False), (4096, None), (-1, None), (None, None)])
def test_of_a_volume_that_no_container_has_only_the_size_tells(
    api: Api, user: str | None, size: int | None, known: bool | None
) -> None:
    del api.users[NAMES[2]]
    if user:
        api.users[NAMES[2]] = user
    if size is not None:
        api.sizes = {NAMES[1]: 0, NAMES[2]: size}
    assert has_cluster(host(api), NAMES[2]) is known


@pytest.mark.parametrize(("files", "known"), [([CLUSTER_FILE], True), ([], False)])
def test_a_file_is_looked_for_through_a_container(api: Api, files: list[str], known: bool) -> None:
    api.inside[NAMES[2]] = files
    assert has_cluster(host(api), NAMES[2]) is known
