"""What `make up` does around the update: it compares the host with the state before, and asks the URL after."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import docker
import pytest

from ops.tt.errors import BrokenError, FailedError, RefusedError
from ops.tt.host.differences import CONTAINER, NETWORK, VOLUME, Difference, Kind, differences
from ops.tt.host.url_check import Answer
from ops.tt.output import Output
from ops.tt.project import Project
from ops.tt.stack import update
from ops.tt.stack.update import Ready
from ops.tt.state.locks import Lock

DATA: dict[str, Any] = {"name": "tasktracker-dev-data", "aliases": ["worker"], "ipv4Address": "10.0.0.5"}


STACK = "urn:pulumi:dev::tasktracker::pulumi:pulumi:Stack::tasktracker-dev"


def resource(type_: str, name: str, *, run: bool = True, **more: Any) -> dict[str, Any]:
    """A resource of the state; its id on the host is its name."""
    inputs = {"mustRun": run, "networksAdvanced": [DATA] if run else []}
    return {
        "type": type_,
        "id": name,
        "urn": f"urn:pulumi:dev::tasktracker::{type_}::{name}",
        "inputs": inputs,
        "outputs": {"name": name, "id": name},
        **more,
    }


RESOURCES = [
    {"type": "pulumi:pulumi:Stack", "urn": STACK, "outputs": {"url": "http://localhost:8080"}},
    resource(NETWORK, "tasktracker-dev-data"),
    resource(VOLUME, "tasktracker-dev-files"),
    resource(CONTAINER, "tasktracker-dev-worker-files", run=False),
    resource(CONTAINER, "tasktracker-dev-worker"),
]


class FakeHost:
    """A Docker host with the stack's container `worker` in a state, on networks; `missing` is not there."""

    def __init__(
        self,
        state: str = "running",
        networks: tuple[str, ...] = (DATA["name"],),
        missing: tuple[str, ...] = (),
        *,
        aliases: tuple[str, ...] = ("worker", "0a33d7"),
        address: str = "10.0.0.5",
    ) -> None:
        self.stack, self.address = "dev", None
        self.done: list[tuple[str, str, dict[str, Any]]] = []
        self.refusal: docker.errors.APIError | None = None
        labels = {"stack": "dev"}
        there = [each for each in RESOURCES if "id" in each and each["id"] not in missing]
        containers = [
            {
                "Id": each["id"],
                "Names": [f"/{each['id']}"],
                "Labels": labels,
                "State": state if each["id"].endswith("worker") else "created",
            }
            for each in there
            if each["type"] == CONTAINER
        ]
        endpoint = {"Aliases": [*aliases], "IPAMConfig": {"IPv4Address": address}}
        api = SimpleNamespace(
            containers=lambda all: containers,
            inspect_container=lambda _: {"NetworkSettings": {"Networks": dict.fromkeys(networks, endpoint)}},
            networks=lambda: [
                {"Id": e["id"], "Name": e["id"], "Labels": labels} for e in there if e["type"] == NETWORK
            ],
            volumes=lambda: {"Volumes": [{"Name": e["id"], "Labels": labels} for e in there if e["type"] == VOLUME]},
        )
        self.client = SimpleNamespace(
            api=api,
            containers=SimpleNamespace(get=self._thing),
            networks=SimpleNamespace(get=self._thing),
        )

    def _thing(self, name: str) -> Any:
        def act(verb: str) -> Any:
            def do(*_: Any, **options: Any) -> None:
                if self.refusal:
                    raise self.refusal
                self.done.append((verb, name, options))

            return do

        return SimpleNamespace(
            start=act("start"), unpause=act("unpause"), connect=act("connect"), disconnect=act("disconnect")
        )


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "Pulumi.yaml").write_text("name: tasktracker\n")
    (tmp_path / "Pulumi.dev.yaml").write_text("config:\n  tasktracker:environment: dev\n")
    return Project(tmp_path, "dev")


@pytest.fixture
def locks(monkeypatch: pytest.MonkeyPatch) -> list[Lock]:
    """Those of the state, which is otherwise well."""
    found: list[Lock] = []
    monkeypatch.setattr(update, "locks", lambda _project: found)
    engine = SimpleNamespace(resources=lambda: RESOURCES, deployment=lambda: {"resources": RESOURCES})
    monkeypatch.setattr(update, "Engine", lambda _project: engine)
    return found


def before(project: Project, host: FakeHost, monkeypatch: pytest.MonkeyPatch, *, yes: bool = True) -> Ready:
    monkeypatch.setattr(update, "Host", lambda _project: host)
    return update.before(project, Output(json=False), yes=yes)


def test_a_host_that_is_as_it_was_left_takes_nothing(
    project: Project, locks: list[Lock], monkeypatch: pytest.MonkeyPatch
) -> None:
    host = FakeHost()
    assert before(project, host, monkeypatch).is_settled
    assert host.done == []


@pytest.mark.parametrize("missing", ["tasktracker-dev-worker", "tasktracker-dev-worker-files", "tasktracker-dev-files"])
def test_what_is_missing_takes_a_refresh(
    project: Project,
    locks: list[Lock],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    missing: str,
) -> None:
    assert before(project, FakeHost(missing=(missing,)), monkeypatch).refresh
    assert f"{missing} is not there" in capsys.readouterr().err


AGAIN = [
    ("disconnect", "tasktracker-dev-data", {"force": True}),
    ("connect", "tasktracker-dev-data", {"aliases": ["worker"], "ipv4_address": "10.0.0.5"}),
]


@pytest.mark.parametrize(
    ("host", "done"),
    [
        (FakeHost("exited"), [("start", "tasktracker-dev-worker", {})]),
        (FakeHost("paused"), [("unpause", "tasktracker-dev-worker", {})]),
        (
            FakeHost(networks=()),
            [("connect", "tasktracker-dev-data", {"aliases": ["worker"], "ipv4_address": "10.0.0.5"})],
        ),
        # As a person connects it again who does not know the rest.
        (FakeHost(aliases=("0a33d7",)), AGAIN),
        (FakeHost(address="10.0.0.77"), AGAIN),
        # One that ends again and again is not stopped.
        (FakeHost("restarting"), []),
    ],
)
def test_what_a_person_stopped_or_disconnected_is_put_right(
    project: Project, locks: list[Lock], monkeypatch: pytest.MonkeyPatch, host: FakeHost, done: list[Any]
) -> None:
    assert before(project, host, monkeypatch).is_settled
    assert host.done == done


def test_outside_dev_a_person_is_asked_first(
    project: Project, locks: list[Lock], monkeypatch: pytest.MonkeyPatch
) -> None:
    host = FakeHost("exited")
    with pytest.raises(RefusedError, match="no terminal"):
        before(project, host, monkeypatch, yes=False)
    assert host.done == []


def test_what_docker_refuses_names_the_way_out(
    project: Project, locks: list[Lock], monkeypatch: pytest.MonkeyPatch
) -> None:
    host = FakeHost("exited")
    host.refusal = docker.errors.APIError("500", explanation="network 0a33 not found")
    with pytest.raises(FailedError) as caught:
        before(project, host, monkeypatch)
    assert (
        "the container tasktracker-dev-worker is stopped, and Docker can't put that right: network 0a33 not found"
        in (str(caught.value))
    )
    assert "`docker rm -f tasktracker-dev-worker`, and the next `make up STACK=dev`" in str(caught.value)


def test_a_lock_is_told_before_pulumi_meets_it(
    project: Project, locks: list[Lock], monkeypatch: pytest.MonkeyPatch
) -> None:
    locks.append(Lock("jo", "elsewhere", 1, None))
    with pytest.raises(RefusedError, match="another update of 'dev' is under way"):
        before(project, FakeHost(), monkeypatch)


def test_what_the_program_refuses_is_left_to_it(
    project: Project, locks: list[Lock], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refresh would take from the state what is on the host of before, or begin without data."""
    compared = SimpleNamespace(memory=SimpleNamespace(docker_host=None), missing=["x"], refusal=None)
    monkeypatch.setattr(update, "compare", lambda *_: compared)
    assert before(project, FakeHost(missing=("tasktracker-dev-worker",)), monkeypatch).is_settled
    compared.missing, compared.memory.docker_host = [], "ssh://deploy@old"
    assert before(project, FakeHost(missing=("tasktracker-dev-worker",)), monkeypatch).is_settled


def test_a_container_that_a_refresh_took_out_of_the_state_is_missing() -> None:
    host: Any = FakeHost()
    limits = dict.fromkeys(("tasktracker-dev-worker", "tasktracker-dev-api"), 1024)
    stash = {"type": "pulumi:index:Stash", "urn": "urn::pids-limits", "inputs": {"input": {"limits": limits}}}
    assert differences(host, [*RESOURCES, stash]) == [Difference(Kind.MISSING, CONTAINER, "tasktracker-dev-api")]


def test_jobs_carriers_and_what_was_replaced_are_no_difference() -> None:
    host: Any = FakeHost()
    gone = resource(CONTAINER, "tasktracker-dev-old", delete=True)
    failed = resource(CONTAINER, "tasktracker-dev-worker", initErrors=["not healthy"])
    assert differences(host, [gone, *RESOURCES]) == []
    stopped: Any = FakeHost("exited")
    # The update itself replaces one that could not be made.
    assert differences(stopped, [failed]) == []
    assert differences(stopped, RESOURCES) == [Difference(Kind.STOPPED, CONTAINER, "tasktracker-dev-worker")]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer(), "==> Task Tracker is at http://localhost:8080\n"),
        (
            Answer(unverified="this machine got no answer"),
            "==> Task Tracker is up. Not verified: whether http://localhost:8080 can be reached: this machine got no "
            "answer\n",
        ),
        (Answer("it does not answer"), None),
    ],
)
def test_the_end_says_what_was_verified(
    project: Project,
    locks: list[Lock],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    answer: Answer,
    said: str | None,
) -> None:
    monkeypatch.setattr(update, "await_answer", lambda *_: answer)
    host: Any = FakeHost()
    if said is not None:
        update.say_where(host, RESOURCES, Output(json=False), "it is done")
        assert capsys.readouterr().err == said
        return
    with pytest.raises(BrokenError, match="it is done: it does not answer"):
        update.say_where(host, RESOURCES, Output(json=False), "it is done")


def test_what_was_on_a_network_that_is_gone_is_connected_after_the_update(
    project: Project, locks: list[Lock], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before it there is nothing to connect to; a refresh sees no container off a network."""
    host = FakeHost(networks=(), missing=(DATA["name"],))
    assert before(project, host, monkeypatch).refresh
    assert host.done == []
    after: Any = FakeHost(networks=())
    update.connect_again(after, RESOURCES, Output(json=False))
    assert after.done == [("connect", "tasktracker-dev-data", {"aliases": ["worker"], "ipv4_address": "10.0.0.5"})]
    assert "==> Connected again: tasktracker-dev-worker\n" in capsys.readouterr().err


def test_an_update_that_was_cut_off_leaves_a_state_to_settle() -> None:
    assert Ready({"resources": []}).is_settled
    assert not Ready({"resources": []}, refresh=True).is_settled
    assert not Ready({"resources": [], "pending_operations": [{"type": "creating"}]}).is_settled
