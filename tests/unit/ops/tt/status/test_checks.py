"""What `tt status` asks beside the containers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ops.tt.host.differences import CONTAINER, NETWORK, VOLUME, Difference, Kind
from ops.tt.host.docker_host import Result
from ops.tt.project import DataVolumes, Project
from ops.tt.status import checks
from toolchain.process.steps import ROOT


@pytest.mark.parametrize(
    ("queue", "said"),
    [
        (None, None),
        ({}, None),
        ({"waiting": 0, "oldest_seconds": 0.0, "not_in_nats": 0}, None),
        ({"waiting": 9000, "oldest_seconds": checks.QUEUE_LIMIT - 1, "not_in_nats": 9000}, None),
        ({"waiting": 2, "oldest_seconds": 3600.0, "not_in_nats": 0}, "oldest for 1 h; `make logs SERVICE=worker"),
        ({"waiting": 2, "oldest_seconds": 3600.0, "not_in_nats": 2}, "2 jobs are not in NATS; `make logs SERVICE=api"),
    ],
)  # fmt: skip
def test_tasks_that_wait_too_long_are_a_problem(queue: Mapping[str, Any] | None, said: str | None) -> None:
    problem = checks.queue_problem(queue, "dev")
    assert (problem is None) if said is None else (said in str(problem))


class FakeHost:
    """NATS' own answer, and the sizes of volumes."""

    stack = "dev"

    def __init__(self, answer: str = "", sizes: Mapping[str, int | None] | None = None) -> None:
        self._answer, self._sizes = answer, sizes or {}

    def run(self, _service: str, _command: object) -> Result:
        return Result(0, self._answer, "")

    def volumes(self) -> Mapping[str, int | None]:
        return self._sizes


@pytest.mark.parametrize(
    ("used", "limit", "full"), [(0, 1 << 30, False), (1 << 20, 1 << 21, False), (1 << 20, 1 << 20, True), (2, 1, True)]
)
def test_a_full_nats_names_the_setting(used: int, limit: int, full: bool) -> None:
    """With less room than its streams have it takes no job, and is healthy."""
    host: Any = FakeHost(json.dumps({"config": {"max_storage": limit}, "storage": used}))
    problem = checks.nats_problem(host)
    assert (problem is not None) is full
    if problem:
        assert "tasktracker:nats.max_file_store SIZE --stack dev" in problem


@pytest.mark.parametrize("answer", ["", "{}", '{"storage": 1, "config": null}', "nonsense"])
def test_a_nats_that_says_nothing_is_no_full_one(answer: str) -> None:
    host: Any = FakeHost(answer)
    assert checks.nats_problem(host) is None


def test_kept_volumes_with_nothing_in_them_are_a_problem() -> None:
    sizes = {"tasktracker-dev-postgres-data": 0, "tasktracker-dev-postgres-data-2": 5}
    host: Any = FakeHost(sizes=sizes)
    found = list(checks.kept_problems(host, DataVolumes(3, (1, 2, 4))))
    assert len(found) == 1
    assert "tasktracker-dev-postgres-data is empty" in found[0]
    assert "`./tt volumes remove 1 --stack dev`" in found[0]


@pytest.mark.parametrize(("policy", "is_said"), [("always", False), ("no", True)])
def test_a_stopped_service_with_the_policy_of_a_job_is_a_problem(
    monkeypatch: pytest.MonkeyPatch, policy: str, is_said: bool
) -> None:
    """`docker update --restart no`: of its container alone it is a job that has ended."""
    monkeypatch.setattr(checks, "compare", lambda *_: SimpleNamespace(missing=[], refusal=None))
    monkeypatch.setattr(
        checks, "differences", lambda *_: [Difference(Kind.STOPPED, CONTAINER, "tasktracker-dev-worker")]
    )
    host: Any = FakeHost()
    config = {"HostConfig": {"RestartPolicy": {"Name": policy}}}
    host.client = SimpleNamespace(api=SimpleNamespace(inspect_container=lambda _: config))
    line = "the container tasktracker-dev-worker is stopped: `make up STACK=dev` puts that right"
    assert list(checks.state_problems(Project(ROOT, "dev"), host, [])) == [line] * is_said


def test_a_name_that_another_container_has_is_not_said_to_be_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "tasktracker-dev-postgres"
    refusal = f"the Docker host has containers. Nothing was changed.\n  the container {name}\nAfter an update:"
    monkeypatch.setattr(checks, "compare", lambda *_: SimpleNamespace(missing=[], refusal=refusal))
    monkeypatch.setattr(checks, "differences", lambda *_: [Difference(Kind.MISSING, CONTAINER, name)])
    assert list(checks.state_problems(Project(ROOT, "dev"), cast(Any, FakeHost()), [])) == [
        f"the Docker host has containers (the container {name}): `make preview STACK=dev` says what to do"
    ]


def test_what_of_the_state_is_not_on_the_host_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    refusal = "the Docker host has data. Nothing was changed.\n  the volume x has no label\nIt may be live data"
    compared = SimpleNamespace(missing=["tasktracker-dev-uploads"], refusal=refusal)
    monkeypatch.setattr(checks, "compare", lambda *_: compared)
    found = [
        Difference(Kind.MISSING, VOLUME, "tasktracker-dev-uploads"),
        Difference(Kind.MISSING, CONTAINER, "tasktracker-dev-api"),
        Difference(Kind.STOPPED, CONTAINER, "tasktracker-dev-nats"),
        Difference(Kind.DISCONNECTED, CONTAINER, "tasktracker-dev-worker", {"name": "tasktracker-dev-data"}),
        Difference(Kind.MISSING, NETWORK, "tasktracker-dev-edge"),
    ]
    monkeypatch.setattr(checks, "differences", lambda *_: found)
    host: Any = FakeHost()
    config = {"HostConfig": {"RestartPolicy": {"Name": "always"}}}
    host.client = SimpleNamespace(api=SimpleNamespace(inspect_container=lambda _: config))
    preview, up = "`make preview STACK=dev` says what to do", "`make up STACK=dev` puts that right"
    assert list(checks.state_problems(Project(ROOT, "dev"), host, [])) == [
        f"the data volume tasktracker-dev-uploads is gone from the Docker host: {preview}",
        f"the Docker host has data (the volume x has no label): {preview}",
        f"the container tasktracker-dev-api is not there: {up}",
        f"the container tasktracker-dev-worker is not on the network tasktracker-dev-data: {up}",
        f"the network tasktracker-dev-edge is not there: {up}",
    ]
