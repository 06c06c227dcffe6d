"""After a killed update: what is removed, and what stays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import docker
import pytest
from docker.models import containers, networks

from ops.tt.errors import BrokenError, InterruptedWorkError, RefusedError, UnreachableError
from ops.tt.host.differences import CONTAINER, NETWORK
from ops.tt.output import Output
from ops.tt.project import Project
from ops.tt.stack import recover
from ops.tt.state.locks import Lock


class Thing:
    """A container or a network; `fault` is what its removal raises."""

    there = True
    fault: BaseException | None = None

    def __init__(self, **values: Any) -> None:
        vars(self).update(values)

    def remove(self, **_: object) -> None:
        if self.fault is not None:
            raise self.fault
        self.there = False


class Container(Thing, containers.Container):
    labels: Any = None
    name: Any = None
    id: Any = None
    status: Any = "running"


class Network(Thing, networks.Network):
    name: Any = None
    id: Any = None

    def reload(self) -> None:
        pass


OURS = {"stack": "dev"}
PREFIX = "tasktracker-dev-"

#: A data volume that is not on the host: it has to stay in the state.
GONE = ["tasktracker-dev-uploads"]


def urn(kind: str, name: str) -> str:
    return f"urn:pulumi:dev::tasktracker::{kind}::{name}"


def pending(kind: str, name: str, operation: str = "creating") -> dict[str, Any]:
    return {
        "type": operation,
        "resource": {"urn": urn(kind, name), "type": kind, "inputs": {"name": f"tasktracker-dev-{name}"}},
    }


@pytest.fixture
def things() -> dict[str, Any]:
    return {
        "half": Container(id="1", name="tasktracker-dev-half", labels=OURS),
        "known": Container(id="2", name="tasktracker-dev-known", labels=OURS),
        "others": Container(id="3", name="tasktracker-dev-others", labels={"stack": "prod"}),
        "edge": Network(id="4", name="tasktracker-dev-edge", attrs={"Labels": OURS}),
        "foreign": Network(id="5", name="tasktracker-dev-foreign", attrs={"Labels": None}),
    }


class Operator:
    """One whose host has `things` and whose state knows one of them."""

    def __init__(self, things: dict[str, Any], operations: list[dict[str, Any]], answer: bool) -> None:
        self.things, self.operations, self.answer, self.cleared = things, operations, answer, 0
        self.project: Project | None = None
        self.volumes: list[dict[str, Any]] = []
        self.resources = [
            {
                "id": "2",
                "urn": urn(CONTAINER, "known"),
                "type": CONTAINER,
                "outputs": {"id": "2", "name": PREFIX + "known"},
            },
            {"urn": urn("a:b:D", "component")},
        ]
        self.engine = SimpleNamespace(
            pending=lambda: operations,
            cut_off=lambda: [each["resource"]["urn"] for each in operations],
            resources=lambda: self.resources,
            clear_cut_off=self.clear,
        )
        found = {each.name: each for each in things.values()}
        self.host = SimpleNamespace(
            stack="dev",
            client=SimpleNamespace(
                containers=SimpleNamespace(get=lambda name: self.get(found, name)),
                networks=SimpleNamespace(list=lambda names: [e for n, e in found.items() if names == [f"^{n}$"]]),
                api=SimpleNamespace(
                    volumes=lambda: {"Volumes": self.volumes},
                    containers=lambda all: [
                        {"Id": each.id, "Names": [f"/{each.name}"], "Labels": each.labels}
                        for each in things.values()
                        if isinstance(each, Container)
                    ],
                    networks=lambda: [
                        {"Id": each.id, "Name": each.name, "Labels": each.attrs["Labels"]}
                        for each in things.values()
                        if isinstance(each, Network)
                    ],
                ),
            ),
        )

    def get(self, found: dict[str, Any], name: str) -> Any:
        if name not in found:
            raise docker.errors.NotFound("no such container")
        return found[name]

    def clear(self, gone: Sequence[str]) -> None:
        assert gone == GONE
        self.cleared += 1

    def confirm(self) -> None:
        if not self.answer:
            raise RefusedError("nothing was done")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "Pulumi.dev.yaml").write_text("config: {}\n")
    return Project(tmp_path, "dev")


@pytest.fixture
def cleared() -> list[Lock]:
    """The locks that were cleared."""
    return []


@pytest.fixture
def run(
    project: Project, cleared: list[Lock], monkeypatch: pytest.MonkeyPatch
) -> Callable[[Operator], recover.Recovery]:
    """`tt recover` of an operator."""
    monkeypatch.setattr(recover, "clearable", lambda _location, _confirm: [LOCK])
    monkeypatch.setattr(recover, "clear", lambda _location, locks: cleared.extend(locks))
    monkeypatch.setattr(recover, "state_location", lambda _project: None)
    monkeypatch.setattr(recover, "compare", lambda *_: SimpleNamespace(missing=GONE))

    def recovered(operator: Operator) -> recover.Recovery:
        operator.project = project
        monkeypatch.setattr(recover, "Operator", lambda *_: operator)
        return recover.recover(project, Output(json=True), yes=False, confirm=None)

    return recovered


LOCK = Lock("me", "here", 4711, None)

EVERYTHING = [
    pending(NETWORK, "edge"), pending(CONTAINER, "half"), pending(CONTAINER, "known"), pending(CONTAINER, "others"),
    pending(CONTAINER, "never-made"), pending(NETWORK, "foreign"), pending("docker:index/volume:Volume", "data"),
    pending("pulumi:index:Stash", "secret"),
]  # fmt: skip


def test_only_what_was_just_being_made_and_no_state_knows_goes(
    run: Callable[[Operator], recover.Recovery], things: dict[str, Any]
) -> None:
    operator = Operator(things, EVERYTHING, answer=True)
    done = run(operator)
    # What uses a network goes first.
    assert done.removed == ["tasktracker-dev-half", "tasktracker-dev-edge"]
    assert {name for name, each in things.items() if not each.there} == {"half", "edge"}
    assert (len(done.cut_off), operator.cleared) == (len(EVERYTHING), 1)


def test_what_was_being_changed_or_deleted_stays(
    run: Callable[[Operator], recover.Recovery], things: dict[str, Any]
) -> None:
    operator = Operator(things, [pending(CONTAINER, "half", kind) for kind in ("updating", "deleting")], answer=False)
    assert run(operator).removed == []
    assert (all(each.there for each in things.values()), operator.cleared) == (True, 1)


def test_a_no_leaves_all_as_it_is_and_the_lock_too(
    run: Callable[[Operator], recover.Recovery], things: dict[str, Any], cleared: list[Lock]
) -> None:
    operator = Operator(things, EVERYTHING, answer=False)
    with pytest.raises(RefusedError):
        run(operator)
    assert (all(each.there for each in things.values()), operator.cleared, cleared) == (True, 0, [])


@pytest.mark.parametrize(
    ("fault", "raised", "said"),
    [
        (
            docker.errors.DockerException("gone"),
            BrokenError,
            "Docker does not answer: gone\nThe recovery is not finished",
        ),
        (KeyboardInterrupt(), InterruptedWorkError, "interrupted; the recovery is not finished"),
    ],
)
def test_what_was_done_is_said_of_a_recovery_that_is_cut_off(
    run: Callable[[Operator], recover.Recovery],
    things: dict[str, Any],
    cleared: list[Lock],
    fault: BaseException,
    raised: type[BaseException],
    said: str,
) -> None:
    things["edge"].fault = fault
    with pytest.raises(raised) as error:
        run(Operator(things, EVERYTHING, answer=True))
    assert str(error.value) == (
        f"{said} (the lock is cleared; removed: tasktracker-dev-half): `./tt recover --stack dev` goes on"
    )
    assert cleared == [LOCK]


def test_a_refresh_that_fails_is_no_recovery(
    run: Callable[[Operator], recover.Recovery], things: dict[str, Any]
) -> None:
    operator = Operator(things, [pending(CONTAINER, "never-made")], answer=False)

    def fail(_gone: Sequence[str]) -> None:
        raise UnreachableError("`pulumi refresh`: no Docker")

    operator.engine.clear_cut_off = fail
    with pytest.raises(BrokenError, match=r"no Docker\n.*not finished \(the lock is cleared\): `./tt recover"):
        run(operator)


def test_another_state_s_containers_are_not_touched(
    run: Callable[[Operator], recover.Recovery], things: dict[str, Any], cleared: list[Lock]
) -> None:
    operator = Operator(things, EVERYTHING, answer=True)
    operator.volumes = [{"Name": "tasktracker-dev-uploads", "Labels": {"stack": "dev", "identity": "77c2"}}]
    with pytest.raises(RefusedError, match="is of the state 77c2"):
        run(operator)
    assert (all(each.there for each in things.values()), operator.cleared, cleared) == (True, 0, [])


STASH = "pulumi:index:Stash"

IDENTITY = {"urn": urn(STASH, "identity"), "type": STASH, "outputs": {"output": "3f9a"}}


def test_what_docker_made_while_the_connection_broke_goes_too(
    run: Callable[[Operator], recover.Recovery], things: dict[str, Any]
) -> None:
    things["half"].status = "created"
    things["edge"].attrs = IDLE
    operator = Operator(things, [], answer=True)
    # A container is deleted before another takes its place; the state keeps it until then.
    deleted = {"id": "0", "urn": urn(CONTAINER, "half"), "type": CONTAINER, "pendingReplacement": True}
    operator.resources += [IDENTITY, {**deleted, "outputs": {"id": "0", "name": "tasktracker-dev-half"}}]
    assert run(operator) == recover.Recovery([LOCK], [], ["tasktracker-dev-half", "tasktracker-dev-edge"])
    assert {name for name, each in things.items() if not each.there} == {"half", "edge"}
    # Nothing was cut off that the state knows of.
    assert operator.cleared == 0


def test_what_an_older_state_does_not_know_stays(
    run: Callable[[Operator], recover.Recovery], things: dict[str, Any]
) -> None:
    things["known"].id = "7"
    things["half"].status, things["edge"].attrs = "created", IDLE
    operator = Operator(things, [], answer=False)
    operator.resources += [IDENTITY]
    assert run(operator).removed == []


IDLE = {"Labels": {**OURS, "identity": "3f9a"}, "Containers": {}}


@pytest.mark.parametrize(
    ("half", "edge"),
    [
        # What runs is live: of another state, or of a later one than this.
        ("running", IDLE),
        ("exited", IDLE),
        # A network that is in use, another state's, and one that tells nobody's.
        ("created", {**IDLE, "Containers": {"1": {}}}),
        ("created", {**IDLE, "Labels": {**OURS, "identity": "77c2"}}),
        ("created", {**IDLE, "Labels": OURS}),
    ],
)
def test_all_stays_where_something_of_it_may_be_in_use(
    run: Callable[[Operator], recover.Recovery], things: dict[str, Any], half: str, edge: dict[str, Any]
) -> None:
    things["half"].status, things["edge"].attrs = half, edge
    operator = Operator(things, [], answer=False)
    operator.resources += [IDENTITY]
    assert run(operator).removed == []


def test_a_state_without_an_identity_has_made_nothing(
    run: Callable[[Operator], recover.Recovery], things: dict[str, Any]
) -> None:
    things["half"].status = "created"
    operator = Operator(things, [], answer=False)
    assert run(operator).removed == []


def test_a_settled_state_is_left_alone(run: Callable[[Operator], recover.Recovery], things: dict[str, Any]) -> None:
    del things["half"], things["edge"]
    operator = Operator(things, [], answer=False)
    operator.resources += [IDENTITY]
    assert run(operator) == recover.Recovery([LOCK], [], [])
    assert operator.cleared == 0
