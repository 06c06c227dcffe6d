"""What a restore says before, and how what fails goes back."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import docker
import pytest

from ops.tt import times
from ops.tt.backup.backups import Repository, Target
from ops.tt.errors import BrokenError, FailedError, InterruptedWorkError, RefusedError
from ops.tt.operator import Operator
from ops.tt.output import Output
from ops.tt.project import Project
from ops.tt.restore.outcome import Outcome
from ops.tt.restore.plan import Plan, describe
from ops.tt.restore.restore import Change
from ops.tt.restore.unfinished import refuse_unfinished, unfinished_operations
from ops.tt.state.update_events import UpdateError
from tests.unit.ops.tt.backup.test_backups import TOLD

CONFIG = "config:\n  tasktracker:environment: prod # ours\n"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "Pulumi.yaml").write_text("name: tasktracker\n")
    (tmp_path / "Pulumi.prod.yaml").write_text(CONFIG)
    return Project(tmp_path, "prod")


class FakeVolumes:
    """A Docker host's volumes."""

    def __init__(self, *names: str) -> None:
        self.names = names

    def get(self, name: str) -> object:
        if name not in self.names:
            raise docker.errors.NotFound("no such volume")
        return object()


class FakeHost:
    """A host with some volumes and containers."""

    def __init__(self, stack: str, *volumes: str, **containers: Any) -> None:
        self.stack, self._containers = stack, containers
        # No container has the volumes, and their sizes are not known.
        api = SimpleNamespace(containers=lambda **_: [], df=lambda: {"Volumes": None})
        self.client = SimpleNamespace(volumes=FakeVolumes(*volumes), api=api)

    def find(self, service: str) -> Any:
        return self._containers.get(service)


class FakeEngine:
    """An engine that notes its updates, and fails some."""

    def __init__(self, project: Project, *failures: BaseException | None) -> None:
        self.project, self._failures = project, list(failures)
        self.updates: list[bytes] = []
        self.unprotected: list[str] = []

    def up(self, _message: str, **_options: object) -> None:
        self.updates.append(self.project.config_file.read_bytes())
        failure = self._failures.pop(0) if self._failures else None
        if failure is not None:
            raise failure

    def unprotect(self, volume: str) -> None:
        self.unprotected.append(volume)


def operator(project: Project, engine: FakeEngine, *volumes: str) -> Operator:
    made = SimpleNamespace(
        project=project,
        output=Output(json=False),
        yes=True,
        host=FakeHost("prod", *(volumes or ("tasktracker-prod-postgres-data",))),
        engine=engine,
    )
    return cast(Operator, made)


def run(operator: Operator, error: BaseException, volume: int | None = None) -> None:
    change = Change(operator)
    with change.or_back():
        change.write(b"config: {}\n")
        change.swapped_in = volume
        raise error


@pytest.mark.parametrize(
    ("error", "raised", "message"),
    [
        (
            UpdateError("the job failed"),
            FailedError,
            "the job failed\nThe running system and its config are as they were",
        ),
        (FailedError("no room"), FailedError, "no room"),
        (KeyboardInterrupt(), InterruptedWorkError, "interrupted; the running system"),
        (ZeroDivisionError("a bug"), ZeroDivisionError, "a bug"),
    ],
)
def test_whatever_fails_goes_back_byte_for_byte(
    project: Project, error: BaseException, raised: type[BaseException], message: str
) -> None:
    engine = FakeEngine(project)
    with pytest.raises(raised, match=message):
        run(operator(project, engine), error)
    assert project.config_file.read_text() == CONFIG
    assert engine.updates == [CONFIG.encode()]


@pytest.mark.parametrize("again", [UpdateError("Docker is gone"), RefusedError("another update is under way")])
def test_a_way_back_that_fails_too_is_told(project: Project, again: BaseException) -> None:
    with pytest.raises(BrokenError, match=r"first(.|\n)*Putting things back failed too(.|\n)*make up STACK=prod"):
        run(operator(project, FakeEngine(project, again)), UpdateError("first"))
    assert project.config_file.read_text() == CONFIG


def test_a_volume_that_was_to_be_used_is_given_up(project: Project) -> None:
    engine = FakeEngine(project)
    with pytest.raises(FailedError):
        run(operator(project, engine), UpdateError("not healthy"), volume=2)
    assert engine.unprotected == ["tasktracker-prod-postgres-data-2"]


def test_a_volume_that_was_kept_is_not_given_up(project: Project) -> None:
    project.config_file.write_text("config:\n  tasktracker:postgres: {volume: 3, kept_volumes: [2]}\n")
    engine = FakeEngine(project)
    with pytest.raises(FailedError):
        run(operator(project, engine, "tasktracker-prod-postgres-data-3"), UpdateError("no"), volume=2)
    assert engine.unprotected == []


def test_a_new_host_is_left_without_a_database(project: Project) -> None:
    # An update would begin with an empty one.
    engine = FakeEngine(project)
    with pytest.raises(FailedError):
        run(operator(project, engine, "another"), UpdateError("no such backup"))
    assert engine.updates == []
    assert project.config_file.read_text() == CONFIG


def plan(**changes: Any) -> Plan:
    repository = Repository.parse(json.dumps(TOLD))
    values: dict[str, Any] = {
        "target": Target(time=times.at(1500)), "volume": 3, "used": 2, "backup": repository.backups[0],
        "needed": 300 << 20, "free": 5 << 30, "safety": True, "unsafe_because": "", "also": (), "content": b"",
        "now": 5000.0, **changes,
    }  # fmt: skip
    return Plan(**values)


def test_a_plan_says_what_is_done_and_what_is_lost(project: Project) -> None:
    text = describe(plan(), project)
    for part in (
        "stack prod (prod) to 1970-01-01", "58 min 20 s ago", "20261120-020000F (full", "data volume 3",
        "300 MB, and 5 GB are free", "the last 58 min 20 s", "`./tt volumes use 2 --stack prod` goes back",
        "a backup is taken first",
    ):  # fmt: skip
        assert part in text


def test_a_plan_says_what_comes_along_and_what_is_not_safe(project: Project) -> None:
    text = describe(plan(safety=False, unsafe_because="PostgreSQL does not answer", also=["update api"]), project)
    assert "NO backup is taken first: PostgreSQL does not answer" in text
    assert "the update brings what is not up yet: update api" in text


def test_of_a_postgres_that_is_down_what_is_lost_is_what_it_had_not_archived(project: Project) -> None:
    text = describe(plan(target=Target(latest=True), safety=False, unsafe_because="PostgreSQL is down"), project)
    assert "what PostgreSQL had not archived" in text


@pytest.mark.parametrize(
    ("target", "lost"),
    [
        (Target(latest=True), "what is written from now until"),
        (Target(label="20261120-020000F"), "the last 1 h 6 min"),
    ],
)
def test_what_is_lost_depends_on_the_target(project: Project, target: Target, lost: str) -> None:
    assert lost in describe(plan(target=target), project)


def test_a_new_host_loses_nothing(project: Project) -> None:
    text = describe(plan(target=Target(latest=True), used=None, backup=None, volume=1), project)
    assert "nothing: there is no database here" in text
    assert "safety" in text


def container(status: str, volume: str = "tasktracker-prod-postgres-data") -> Any:
    return SimpleNamespace(status=status, attrs={"Mounts": [{"Type": "bind"}, {"Name": volume}]})


def problems(project: Project, **containers: Any) -> list[str]:
    host = FakeHost("prod", **containers)
    return list(unfinished_operations(project, cast(Any, host), project.volumes()))


def test_nothing_is_left_over(project: Project) -> None:
    assert problems(project, postgres=container("running")) == []
    assert problems(project) == []


def test_a_restore_that_was_cut_off_says_how_to_go_on(project: Project) -> None:
    project.config_file.write_text("config:\n  tasktracker:postgres: {restore: {volume: 2, to: latest}}\n")
    assert "`./tt restore --abort --stack prod`" in problems(project, postgres=container("running"))[0]
    assert "is running" in problems(project, restore=container("running"))[0]


def test_a_swap_that_was_cut_off_says_how_to_go_on(project: Project) -> None:
    project.config_file.write_text("config:\n  tasktracker:postgres: {volume: 2, kept_volumes: [1]}\n")
    [problem] = problems(project, postgres=container("running"))
    assert "`./tt restore --abort --stack prod` goes back" in problem
    assert "`./tt recover --stack prod` and `make up STACK=prod` finish it" in problem
    with pytest.raises(RefusedError, match="cut off"):
        refuse_unfinished(
            cast(Any, SimpleNamespace(project=project, host=FakeHost("prod", postgres=container("running")))),
            project.volumes(),
        )


def test_an_outcome_for_programs() -> None:
    job = {"backup": "20261120-020000F", "recovered_to": "2026-11-20T12:05:00.5Z"}
    told = Outcome(2, 1, 42.04, 5.26, "safe", job, "after").asdict()
    assert told["recovered_to"] == "2026-11-20T12:05:00.500000+00:00"
    assert (told["rto_seconds"], told["downtime_seconds"]) == (42.0, 5.3)
    assert Outcome(2, 1, 42, None).asdict()["recovered_to"] is None
