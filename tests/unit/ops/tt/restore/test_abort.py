"""A restore that is killed at any point: what status says, what a second one says, and how `--abort` goes back."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import docker
import pytest
import yaml

from ops.tt.errors import BrokenError, InterruptedWorkError, RefusedError
from ops.tt.operator import Operator
from ops.tt.output import Output
from ops.tt.project import DataVolumes, Project, volume_name
from ops.tt.restore import abort as abort_
from ops.tt.restore.unfinished import refuse_unfinished, unfinished_operations
from ops.tt.state.engine import Engine
from ops.tt.state.locks import LockedError
from ops.tt.state.update_events import UpdateError
from settings.ownership import DATA_VOLUME
from toolchain.pulumi_engine.environment import BACKEND

PLATFORM = "tasktracker:components:Platform$tasktracker:components"
CONTAINER_TYPE = "docker:index/container:Container"
CONTAINER = f"tasktracker:components:OneShot${CONTAINER_TYPE}"

#: A data volume that is not on the host.
GONE = ["tasktracker-dev-uploads"]
JOB_URN = f"urn:pulumi:dev::tasktracker::{PLATFORM}:Restore${CONTAINER}::restore"
POSTGRES_URN = f"urn:pulumi:dev::tasktracker::{PLATFORM}:Postgres${CONTAINER}::postgres"

#: What a killed update was doing: kind, URN and name on the host.
Pending = tuple[str, str, str]
MAKING_THE_JOB: Pending = ("creating", JOB_URN, "restore")
CHANGING_POSTGRES: Pending = ("deleting", POSTGRES_URN, "postgres")
MAKING_POSTGRES: Pending = ("creating", POSTGRES_URN, "postgres")

BEFORE = {"volume": 2, "kept_volumes": [1]}
ASKED = {**BEFORE, "restore": {"volume": 3, "to": "latest"}}
CHANGED = {"volume": 3, "kept_volumes": [1, 2]}
BACK = {"volume": 2, "kept_volumes": [1, 3]}
ENDED = ("exited", 3)
FIRST = {"restore": {"volume": 1, "to": "latest"}}


@dataclass(frozen=True)
class Point:
    """Where a restore of volume 2 into volume 3 was killed.

    Attributes:
        config: The block of PostgreSQL.
        server: The data volume that its container has; None where there is no container.
        job: The state of the job's container, and its volume.
        job_in_state: The volume of the job that the state has.
        pending: What the killed update was doing.
        locked: Whether its lock is left.
        after: The block after `--abort`; None where that is refused.
        says: What `--abort` says.
        shows: What status shows, and a second restore says, if anything.
        settle: What a second restore says beside.
    """

    config: Mapping[str, Any]
    says: str
    after: Mapping[str, Any] | None
    server: int | None = 2
    job: tuple[str, int] | None = None
    job_in_state: int | None = None
    pending: Sequence[Pending] = ()
    locked: bool = False
    shows: str | None = None
    settle: str | None = None


UNTOUCHED = "The restore is taken back: PostgreSQL is on data volume 2, and was not touched."
KEPT_3 = " Data volume 3, which it was to change to, is kept: `./tt volumes remove 3 --stack dev` deletes it."
BEGUN = "a restore into volume 3 was begun and not finished"
STAYS = "The change of volumes is stopped: PostgreSQL is on data volume 2, and was not touched."
KEPT_AS_IT_IS = " Data volume 3 is kept: `./tt volumes use 3 --stack dev` changes to it."
WRITTEN_3 = (
    " Data volume 3, with what was restored and what was written since, is kept: "
    "`./tt volumes remove 3 --stack dev` deletes it."
)
ON_RESTORED = (
    "PostgreSQL runs on tasktracker-dev-postgres-data-3, and Pulumi.dev.yaml says tasktracker-dev-postgres-data-2: a "
    "restore was cut off while it was taken back. `./tt restore --abort --stack dev` finishes that"
)
CUT_OFF = "an update was cut off while it worked on"
KILLED = "has left its lock: `./tt recover --stack dev` clears it"
ON_OLD = "PostgreSQL runs on tasktracker-dev-postgres-data-2, and Pulumi.dev.yaml says tasktracker-dev-postgres-data-3"
TOO_LATE = (
    "PostgreSQL is on data volume 3 already, with what was restored, and what is written since is in it alone: that is "
    "not taken back here. `./tt recover --stack dev` and `make up STACK=dev` finish the change, and after that "
    "`./tt volumes use 2 --stack dev` goes back"
)
RECREATED = "The restore is taken back: PostgreSQL is on data volume 2, and has a new container."
NOTHING = "There is no restore to take back."
ON_2 = f"{NOTHING} PostgreSQL is on data volume 2; `./tt volumes use 1 --stack dev` goes back to the one before."
ON_3 = f"{NOTHING} PostgreSQL is on data volume 3; `./tt volumes use 2 --stack dev` goes back to the one before."
ANOTHER = f"{NOTHING} An update was cut off: `./tt recover --stack dev` and `make up STACK=dev` finish it."
FINISHED = "The restore was finished, and its job is taken away: PostgreSQL is on data volume 1, and was not touched."

POINTS = {
    "the safety backup": Point(BEFORE, ON_2, BEFORE),
    "the config is written": Point(ASKED, UNTOUCHED, BEFORE, shows=BEGUN),
    "the update has begun": Point(ASKED, UNTOUCHED, BEFORE, locked=True, shows=BEGUN, settle=KILLED),
    "the job is made": Point(
        ASKED, UNTOUCHED, BEFORE, job=("created", 3), pending=[MAKING_THE_JOB], locked=True, shows=BEGUN, settle=KILLED
    ),
    "the job runs": Point(
        ASKED, UNTOUCHED, BEFORE, job=("running", 3), job_in_state=3, locked=True, shows="a restore is running",
        settle=KILLED,
    ),
    "the job has ended": Point(ASKED, UNTOUCHED, BEFORE, job=ENDED, job_in_state=3, shows=BEGUN),
    "the config names the new volume": Point(
        CHANGED, UNTOUCHED + KEPT_3, BACK, job=ENDED, job_in_state=3, shows=ON_OLD
    ),
    "the change has begun": Point(
        CHANGED, UNTOUCHED + KEPT_3, BACK, job=ENDED, job_in_state=3, locked=True,
        shows=ON_OLD, settle=KILLED,
    ),
    "the old server is being removed": Point(
        CHANGED, UNTOUCHED + KEPT_3, BACK, job=ENDED, job_in_state=3, locked=True,
        pending=[CHANGING_POSTGRES], shows=ON_OLD, settle=KILLED,
    ),
    "the old server is gone": Point(
        CHANGED, RECREATED + KEPT_3,
        BACK, server=None, job=ENDED, job_in_state=3, locked=True,
        pending=[CHANGING_POSTGRES], shows="a change to volume 3 was cut off", settle=KILLED,
    ),
    "the new server is being made": Point(
        CHANGED, TOO_LATE, None, server=3, job=ENDED, job_in_state=3, locked=True, pending=[MAKING_POSTGRES],
        shows="a change to volume 3 was cut off", settle=KILLED,
    ),
    "the new server runs": Point(
        CHANGED, TOO_LATE, None, server=3, job=ENDED, job_in_state=3, locked=True,
        shows="a change to volume 3 was cut off", settle=KILLED,
    ),
    "the job's container is removed": Point(
        CHANGED, TOO_LATE, None, server=3, job_in_state=3, locked=True, settle=KILLED,
    ),
    "the first backup": Point(
        CHANGED, ON_3, CHANGED, server=3,
    ),
    "what had failed was put back": Point(
        BEFORE, UNTOUCHED, BEFORE, job=ENDED, job_in_state=3, locked=True,
        shows="a restore was cut off while it was taken back", settle=KILLED,
    ),
    "what had failed was put back, and the server is gone": Point(
        BEFORE, RECREATED, BEFORE, server=None,
        job=ENDED, job_in_state=3, pending=[CHANGING_POSTGRES],
        shows="a restore was cut off while it was taken back", settle=CUT_OFF,
    ),
    "another update": Point(
        BEFORE, ANOTHER, BEFORE, locked=True, pending=[CHANGING_POSTGRES], settle=KILLED,
    ),
    "a change by hand that is not up": Point(CHANGED, STAYS + KEPT_AS_IT_IS, BACK, shows=ON_OLD),
    "it had gone through, and was being put back": Point(
        BEFORE, RECREATED + WRITTEN_3, {"volume": 2, "kept_volumes": [3, 1]}, server=3, locked=True,
        shows=ON_RESTORED, settle=KILLED,
    ),
    "the first start, before it": Point(
        FIRST,
        "The restore is out of the config. There is no database here: the next `up` would begin with an empty one, and "
        "`./tt restore --latest --stack dev` with the backups.",
        {}, server=None, job=("exited", 1), job_in_state=1, shows="a restore into volume 1 was begun",
    ),
    "the first start, after it": Point(
        FIRST, FINISHED, {}, server=1, job=("exited", 1), job_in_state=1, shows="a restore into volume 1 was begun",
    ),
}  # fmt: skip


class Container(SimpleNamespace):
    """A container of the world's."""

    world: World

    def kill(self) -> None:
        self.status = "exited"

    def remove(self, **_: object) -> None:
        del self.world.containers[self.name]


@dataclass
class World:
    """A stack: its Docker host, and the engine with its state."""

    project: Project
    containers: dict[str, Any] = field(default_factory=dict)
    job_in_state: int | None = None
    operations: list[Pending] = field(default_factory=list)
    server_in_state: tuple[str, int] | None = None
    updates: int = 0
    fault: BaseException | None = None

    # The engine

    @property
    def backend(self) -> str:
        return f"file://{self.project.folder}/state"

    def resources(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = [
            {"urn": f"urn:pulumi:dev::tasktracker::{DATA_VOLUME}::postgres-data", "outputs": {"name": "x"}}
        ]
        if self.job_in_state is not None:
            mounts = [{"source": "files"}, {"source": volume_name("dev", self.job_in_state)}]
            found.append({"urn": JOB_URN, "outputs": {"mounts": mounts}})
        if self.server_in_state is not None:
            known = {"type": CONTAINER_TYPE, "id": self.server_in_state[0], "urn": POSTGRES_URN}
            found.append({**known, "inputs": {"name": "tasktracker-dev-postgres", "mustRun": True}})
        return found

    def pending(self) -> list[dict[str, Any]]:
        return [
            {
                "type": kind,
                "resource": {"urn": urn, "type": urn.split("$")[-1].partition("::")[0], "inputs": {"name": name}},
            }
            for kind, urn, name in self.operations
        ]

    def cut_off(self) -> list[str]:
        return [urn for _, urn, _ in self.operations]

    def clear_cut_off(self) -> None:
        self.operations = []

    def refresh(self, gone: Sequence[str]) -> None:
        """Data volumes that are gone have to stay in the state."""
        assert gone == GONE
        if "postgres" not in self.containers:
            self.server_in_state = None

    def check_settled(self) -> None:
        Engine.check_settled(cast(Engine, self))

    def up(self, _message: str, **_: object) -> None:
        """What an update does with PostgreSQL and the job."""
        self.updates += 1
        if lock_file(self.project).exists():
            raise LockedError("dev", [])
        if self.fault:
            raise self.fault
        volumes = self.project.volumes()
        # It looks at the state alone, and not at the host.
        if self.server_in_state is None or self.server_in_state[1] != volumes.used:
            self.make("postgres", "running", volumes.used, "new")
            self.server_in_state = ("new postgres", volumes.used)
        if volumes.restore is None:
            self.job_in_state = None
            self.containers.pop("restore", None)
        self.operations = [each for each in self.operations if each == MAKING_THE_JOB]

    # The host

    stack = "dev"

    def make(self, service: str, status: str, volume: int, identity: str = "old") -> None:
        mounts = [{"Type": "bind"}, {"Name": volume_name("dev", volume)}]
        made = Container(
            world=self, name=service, id=f"{identity} {service}", status=status, volume=volume, attrs={"Mounts": mounts}
        )
        self.containers[service] = made

    def find(self, service: str) -> Any:
        return self.containers.get(service)

    def _containers(self, *, service: str) -> list[Any]:
        return [self.containers[service]] if service in self.containers else []

    def operator(self) -> Operator:
        def get(name: str) -> Any:
            raise docker.errors.NotFound(name)

        listed = [
            {"Id": each.id, "Names": [f"/tasktracker-dev-{name}"], "State": each.status, "NetworkSettings": {}}
            for name, each in self.containers.items()
        ]
        api = SimpleNamespace(containers=lambda all: listed, networks=lambda: [], volumes=lambda: {"Volumes": []})
        host = SimpleNamespace(
            stack="dev", find=self.find, containers=self._containers,
            client=SimpleNamespace(
                containers=SimpleNamespace(get=get), api=api, volumes=SimpleNamespace(get=lambda name: name)
            ),
        )  # fmt: skip
        made = SimpleNamespace(project=self.project, host=host, engine=self, output=Output(json=True), yes=True)
        return cast(Operator, made)


def lock_file(project: Project) -> Path:
    return project.folder / "state/.pulumi/locks/organization/tasktracker/dev/1.json"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setattr(abort_, "compare", lambda *_: SimpleNamespace(missing=GONE))
    (tmp_path / "Pulumi.yaml").write_text("name: tasktracker\n")
    monkeypatch.setattr(
        "ops.tt.state.location.engine_environment", lambda _project: {BACKEND: f"file://{tmp_path}/state"}
    )
    return Project(tmp_path, "dev")


def cut_off_at(project: Project, point: Point) -> World:
    """The stack as it is left."""
    project.config_file.write_text(yaml.safe_dump({"config": {"tasktracker:postgres": dict(point.config)}}))
    world = World(project, job_in_state=point.job_in_state, operations=list(point.pending))
    if point.server is not None:
        world.make("postgres", "running", point.server)
        world.server_in_state = ("old postgres", point.server)
    elif CHANGING_POSTGRES in point.pending:
        # The state loses it once the update hears that it is removed.
        world.server_in_state = ("old postgres", 2)
    if point.job is not None:
        world.make("restore", *point.job)
    if point.locked:
        # Of a process that is gone: none has this number.
        held = {
            "pid": 2**22 + 1,
            "username": "me",
            "hostname": socket.gethostname(),
            "timestamp": "2026-11-20T12:00:00Z",
        }
        lock_file(project).parent.mkdir(parents=True)
        lock_file(project).write_text(json.dumps(held))
    return world


def block(project: Project) -> dict[str, Any]:
    config = yaml.safe_load(project.config_file.read_bytes())["config"] or {}
    return dict(config.get("tasktracker:postgres", {}))


@pytest.mark.parametrize("point", POINTS.values(), ids=POINTS)
def test_an_abort_goes_back_or_says_that_it_can_not(place: Project, point: Point) -> None:
    world = cut_off_at(place, point)
    before = place.config_file.read_bytes()
    if point.after is None:
        with pytest.raises(RefusedError) as refused:
            abort_.abort(world.operator())
        assert str(refused.value) == point.says
        assert (place.config_file.read_bytes(), world.updates) == (before, 0)
        assert lock_file(place).exists() is point.locked
        return
    said = abort_.abort(world.operator())
    assert said == point.says
    assert block(place) == point.after
    if point.after != point.config or point.job is not None:
        assert "restore" not in world.containers or world.containers["restore"].status == "exited"
    server = world.find("postgres")
    assert (server.volume if server else None) == (point.after.get("volume", 1) if server else None)


@pytest.mark.parametrize("point", POINTS.values(), ids=POINTS)
def test_a_second_abort_finds_nothing(place: Project, point: Point) -> None:
    world = cut_off_at(place, point)
    if point.after is None:
        return
    abort_.abort(world.operator())
    updates = world.updates
    assert abort_.abort(world.operator()).startswith("There is no restore to take back.")
    assert world.updates == updates


@pytest.mark.parametrize("point", POINTS.values(), ids=POINTS)
def test_status_shows_it_and_a_second_restore_is_refused(place: Project, point: Point) -> None:
    world = cut_off_at(place, point)
    operator = world.operator()
    shown = list(unfinished_operations(place, operator.host, place.volumes()))
    assert (shown[0] if shown else None) == point.shows or shown[0].startswith(str(point.shows))
    if point.shows:
        with pytest.raises(RefusedError, match=r"`\./tt (?:restore --abort|recover) --stack dev`"):
            refuse_unfinished(operator, place.volumes())
    if point.settle:
        with pytest.raises(RefusedError) as refused:
            world.check_settled()
        assert point.settle in str(refused.value)
        assert "`./tt recover --stack dev`" in str(refused.value)
    else:
        world.check_settled()


@pytest.mark.parametrize(
    "point", [p for p in POINTS.values() if p.after is not None and p.says.startswith("The restore is taken")]
)
@pytest.mark.parametrize(
    ("fault", "raised", "said"),
    [
        (UpdateError("no Docker"), BrokenError, "no Docker\nThe restore is not taken back yet"),
        (KeyboardInterrupt(), InterruptedWorkError, "interrupted; the restore is not taken back yet"),
    ],
)
def test_an_abort_that_fails_says_how_it_goes_on_and_does(
    place: Project, point: Point, fault: BaseException, raised: type[BaseException], said: str
) -> None:
    world = cut_off_at(place, point)
    world.fault = fault
    with pytest.raises(raised) as error:
        abort_.abort(world.operator())
    assert str(error.value) == f"{said}: `./tt restore --abort --stack dev` goes on"
    world.fault = None
    abort_.abort(world.operator())
    assert block(place) == point.after
    assert world.find("postgres").volume == 2


def test_an_update_that_runs_is_left_alone(place: Project) -> None:
    world = cut_off_at(place, POINTS["the job runs"])
    held = {**json.loads(lock_file(place).read_text()), "pid": os.getpid(), "timestamp": datetime.now(UTC).isoformat()}
    lock_file(place).write_text(json.dumps(held))
    with pytest.raises(LockedError, match="is under way"):
        abort_.abort(world.operator())
    assert (block(place), world.updates, world.find("restore").status) == (ASKED, 0, "running")


def test_volumes_of_the_config_are_the_points(place: Project) -> None:
    cut_off_at(place, POINTS["the job runs"])
    assert place.volumes() == DataVolumes(2, (1,), {"volume": 3, "to": "latest"})
