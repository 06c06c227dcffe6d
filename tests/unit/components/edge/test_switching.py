"""The switch: what is started, tried, watched and stopped in which order, and what is brought back where it fails."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import docker
import pytest

from components.core import host_client
from components.edge import switching
from components.edge.served import Smoke, SwitchError
from components.edge.switching import Change, Worker, switch
from components.edge.watching import Watch

BEFORE = {"serving": "blue", "releases": {"blue": "1.4.0"}}

CHANGE = Change(
    nginx="nginx",
    slot="green",
    document={"serving": "green", "releases": {"blue": "1.4.0", "green": "1.5.0"}},
    starts=[Worker("worker-green", 10, 60)],
    stops=[Worker("worker-blue", 10, 60)],
    drains=[Worker("api-blue", 10, 15)],
    smoke=[Smoke("http://172.20.0.4:8000/api/health")],
    containers=["api-green"],
    watch=Watch(3, 1.0, 2, drain=10),
)

DONE = [
    "worker-green restart=always",
    "worker-green start",
    "try http://172.20.0.4:8000/api/health",
    "serve green",
    "worker-blue restart=no",
    "worker-blue stop 60",
    "api-blue restart 15",
]


@dataclass
class Host:
    """A Docker host with nginx and containers; `acts` has all that was done, in order."""

    document: dict[str, Any]
    status: str = "200"
    refuses: str = ""
    unhealthy: frozenset[str] = frozenset()
    lost: str = ""
    counts: Callable[[float], tuple[int, int]] = lambda _: (0, 0)
    beside: Callable[[float], tuple[int, int]] = lambda _: (0, 0)
    started: str = "2026-11-30T12:00:00.123456789Z"
    code: int = 3
    log: str = "started\nanswered\n"
    restarts: Callable[[str, float], int] = lambda _name, _now: 0
    acts: list[str] = field(default_factory=list)
    now: float = 0.0
    running: set[str] = field(default_factory=lambda: {"nginx", "worker-blue", "api-blue", "api-green"})

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def get(self, name: str) -> Container:
        return Container(self, name)

    def did(self, act: str) -> None:
        if self.lost and act.startswith(self.lost):
            raise docker.errors.APIError("the connection is lost")
        self.acts.append(act)


@dataclass
class Result:
    exit_code: int
    output: tuple[bytes, bytes]


@dataclass
class Container:
    host: Host
    name: str

    @property
    def status(self) -> str:
        return "running" if self.name in self.host.running else "exited"

    @property
    def attrs(self) -> dict[str, Any]:
        health = "starting" if self.name in self.host.unhealthy else "healthy"
        return {
            "State": {"Health": {"Status": health}, "ExitCode": self.host.code, "StartedAt": self.host.started},
            "RestartCount": self.host.restarts(self.name, self.host.now),
        }

    def reload(self) -> None:
        pass

    def update(self, restart_policy: dict[str, str]) -> None:
        self.host.did(f"{self.name} restart={restart_policy['Name']}")

    def start(self) -> None:
        self.host.did(f"{self.name} start")
        self.host.running.add(self.name)

    def stop(self, timeout: int) -> None:
        self.host.did(f"{self.name} stop {timeout}")
        self.host.running.discard(self.name)

    def restart(self, timeout: int) -> None:
        self.host.did(f"{self.name} restart {timeout}")

    def logs(self, tail: int) -> bytes:
        return self.host.log.encode()

    def exec_run(self, command: Sequence[str], demux: bool) -> Result:
        assert demux
        assert self.name == "nginx"
        output = ""
        match command:
            case ["release", "show"]:
                each = {"blue": self.host.beside(self.host.now), "green": self.host.counts(self.host.now)}
                requests = {slot: dict(zip(("all", "failed"), its, strict=True)) for slot, its in each.items()}
                output = json.dumps({"release": self.host.document, "requests": requests})
            case ["release", "set", document]:
                found = json.loads(document)
                if found["serving"] == self.host.refuses:
                    return Result(65, (b"", b"serving is blue or green\n"))
                self.host.did(f"serve {found['serving']}")
                self.host.document = found
            case ["curl", *_, address]:
                self.host.did(f"try {address}")
                output = self.host.status
        return Result(0, (output.encode(), b""))


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Host]:
    def made(**options: Any) -> Host:
        found = Host(**{"document": BEFORE, **options})
        system = {"SystemTime": "2026-11-30T12:00:00.987654321Z"}
        client = SimpleNamespace(containers=found, info=lambda: system)
        monkeypatch.setattr(switching, "client", lambda _timeout: client)
        monkeypatch.setattr(host_client, "client", lambda: client)
        monkeypatch.setattr(time, "sleep", found.sleep)
        monkeypatch.setattr(time, "monotonic", lambda: found.now)
        return found

    return made


def refused(change: Change = CHANGE) -> str:
    with pytest.raises(SwitchError) as error:
        switch(change)
    return str(error.value)


def test_a_release_is_started_tried_and_watched_before_what_was_stops(host: Callable[..., Host]) -> None:
    found = host()
    switch(CHANGE)
    assert found.acts == DONE
    assert found.document == {"serving": "green", "releases": {"blue": "1.4.0", "green": "1.5.0"}}
    # It settles, and is watched, as long as WebSockets stay.
    assert found.now == 2 + 10


def test_containers_that_run_for_long_do_not_wait(host: Callable[..., Host]) -> None:
    found = host(started="2026-11-29T12:00:00Z")
    switch(CHANGE)
    assert found.acts == DONE
    assert found.now == 10


def test_a_container_that_docker_has_restarted_has_no_exit_code(host: Callable[..., Host]) -> None:
    host(restarts=lambda _name, now: int(now > 0), code=0)
    assert refused().startswith("api-green does not go on running: it ended. The release 1.4.0 (blue) serves as before")


TRIAL = replace(
    CHANGE,
    document={**CHANGE.document, "serving": "blue", "canary": {"slot": "green", "percent": 10}},
    starts=[Worker("worker-blue", 10, 60), *CHANGE.starts],
    stops=[],
    drains=[],
)


def test_a_release_on_trial_gets_a_share_and_both_workers_run(host: Callable[..., Host]) -> None:
    found = host()
    switch(TRIAL)
    assert found.document == TRIAL.document
    assert found.running >= {"worker-blue", "worker-green"}
    assert found.now == 2 + 3


def test_a_release_on_trial_that_fails_more_than_the_one_beside_it_goes(host: Callable[..., Host]) -> None:
    found = host(counts=lambda now: (int(100 * now), int(5 * now)), beside=lambda now: (int(1000 * now), int(20 * now)))
    assert "answers of the release failed, more than 1 %. The release 1.4.0 (blue) serves as before." in refused(TRIAL)
    assert found.document == BEFORE
    assert "worker-green" not in found.running


def test_what_fails_in_both_alike_is_no_fault_of_the_new_one(host: Callable[..., Host]) -> None:
    found = host(counts=lambda now: (int(100 * now), int(5 * now)), beside=lambda now: (int(100 * now), int(5 * now)))
    switch(TRIAL)
    assert found.document == TRIAL.document


def test_a_promoted_release_gets_all_and_an_aborted_one_nothing(host: Callable[..., Host]) -> None:
    running = {"nginx", "worker-blue", "worker-green", "api-blue", "api-green"}
    promoted = host(document=TRIAL.document, running={*running})
    switch(CHANGE)
    assert promoted.document == CHANGE.document
    assert promoted.running == running - {"worker-blue"}
    aborted = host(document=TRIAL.document, running={*running})
    switch(
        replace(
            CHANGE,
            slot="blue",
            document={**CHANGE.document, "serving": "blue"},
            starts=CHANGE.stops,
            stops=CHANGE.starts,
            containers=["api-blue"],
            watch=Watch(0, 1.0),
            drains=[],
        )
    )
    assert aborted.document == {**CHANGE.document, "serving": "blue"}
    assert aborted.running == running - {"worker-green"}


def test_the_first_release_has_nothing_to_be_compared_with(host: Callable[..., Host]) -> None:
    found = host(document={"serving": "blue", "releases": {}}, running={"nginx", "api-green"})
    switch(replace(CHANGE, stops=[], drains=[]))
    assert found.acts == DONE[:4]
    assert found.now == 0


def test_recreated_containers_of_the_slot_that_serves_are_tried_and_started(host: Callable[..., Host]) -> None:
    found = host(document={**BEFORE, "serving": "green"}, running={"nginx", "api-green"})
    switch(replace(CHANGE, stops=[], drains=[]))
    assert found.acts == DONE[:4]


def test_maintenance_goes_on_over_a_switch(host: Callable[..., Host]) -> None:
    found = host(document={**BEFORE, "maintenance": 120})
    switch(CHANGE)
    assert found.document["maintenance"] == 120


def test_a_worker_that_does_not_get_healthy_is_stopped_again(host: Callable[..., Host]) -> None:
    found = host(unhealthy=frozenset({"worker-green"}))
    assert refused() == (
        "worker-green is not healthy after 10 s. The release 1.4.0 (blue) serves as before.\n"
        "The log of api-green ends with\n    started\n    answered"
    )
    assert found.acts == [*DONE[:2], "serve blue", "worker-green restart=no", "worker-green stop 60"]
    assert found.document == BEFORE


def test_of_a_log_the_errors_are_shown(host: Callable[..., Host]) -> None:
    host(status="500", log='{"level": "info"}\n{"level": "error", "message": "no room"}\n{"level": "info"}\n')
    assert refused().endswith('The log of api-green ends with\n    {"level": "error", "message": "no room"}')


def test_a_request_that_is_answered_otherwise_than_expected(host: Callable[..., Host]) -> None:
    found = host(status="503")
    message = refused()
    assert message.startswith(
        "http://172.20.0.4:8000/api/health answers 503 and not 200. The release 1.4.0 (blue) serves as before.\n"
    )
    assert found.acts == [*DONE[:3], "serve blue", "worker-green restart=no", "worker-green stop 60"]


def test_answers_that_fail_bring_the_release_before_back(host: Callable[..., Host]) -> None:
    # Of 100 answers a second, two from the first second on.
    found = host(counts=lambda now: (int(100 * now), int(2 * (now - 2))))
    message = refused()
    assert message.startswith(
        "4 of the 200 answers of the release failed, more than 1 %. The release 1.4.0 (blue) serves as before.\n"
    )
    assert found.document == BEFORE
    assert "worker-blue" not in " ".join(found.acts)


@pytest.mark.parametrize("counts", [(1_000_000, 9_999), (2, 2), (10, 2)])
def test_answers_that_may_fail(host: Callable[..., Host], counts: tuple[int, int]) -> None:
    found = host(counts=lambda now: counts if now > 2 else (0, 0))
    switch(CHANGE)
    assert found.acts == DONE


@pytest.mark.parametrize(("at", "serves"), [(1, False), (3, True)])
def test_a_container_that_ends_is_not_let_serve(host: Callable[..., Host], at: float, serves: bool) -> None:
    found = host(restarts=lambda name, now: int(name == "api-green" and now >= at))
    assert refused().startswith("api-green does not go on running: it ended (exit code 3). The release 1.4.0 (blue)")
    assert ("serve green" in found.acts) is serves
    assert found.document == BEFORE


def test_a_release_that_another_command_has_taken_back_is_undone(host: Callable[..., Host]) -> None:
    def counts(now: float) -> tuple[int, int]:
        if now > 3:
            found.document = BEFORE
        return (0, 0)

    found = host(counts=counts)
    assert refused().startswith("another command has sent the requests to blue, as a rollback does. The release ")
    assert found.document == BEFORE
    assert "worker-blue" in found.running


def test_restarts_of_long_ago_are_no_fault(host: Callable[..., Host]) -> None:
    found = host(restarts=lambda _name, _now: 7)
    switch(CHANGE)
    assert found.acts == DONE


def test_where_there_is_no_other_release_it_says_so(host: Callable[..., Host]) -> None:
    host(document={**BEFORE, "serving": "green"}, status="500")
    assert "still gets the requests: there is no other release to go back to." in refused()
    host(document={"serving": "blue", "releases": {}}, status="500")
    assert "answers 500 and not 200. No release serves yet.\n" in refused()


def test_a_refused_document_is_the_reason(host: Callable[..., Host]) -> None:
    found = host(refuses="green")
    assert refused().startswith("`release set` in nginx: serving is blue or green. The release 1.4.0 (blue) serves")
    assert found.document == BEFORE


def test_a_way_back_that_fails_is_said_with_what_was_wrong(host: Callable[..., Host]) -> None:
    host(status="500", refuses="blue")
    assert refused() == (
        "http://172.20.0.4:8000/api/health answers 500 and not 200. It could not be undone: `release set` in nginx: "
        "serving is blue or green"
    )


@pytest.mark.parametrize("lost", ["serve", "worker-blue stop", "worker-green start"])
def test_a_connection_that_is_lost_says_what_to_do(host: Callable[..., Host], lost: str) -> None:
    host(lost=lost)
    message = refused()
    assert "the connection is lost" in message
    if lost != "worker-green start":
        assert message.startswith("the switch to the release in green was cut off: ")
        assert "`./tt status --stack " in message
