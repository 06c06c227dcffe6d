"""Whether the stack's URL answers is asked, as far as this machine can ask."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any

import pytest
from tasktracker.store.database import DROPPED, GUARDED, HIDDEN, READ_ONLY, REASONS

from ops.tt.errors import UnreachableError
from ops.tt.host import url_check
from ops.tt.host.docker_host import Result
from ops.tt.host.url_check import CLOSED, CURES, Answer, ask, await_answer, with_cures
from toolchain.process.steps import ROOT

HEALTH = {"status": "ok", "checks": {}, "queue": {"waiting": 0, "oldest_seconds": 0.0, "not_in_nats": 0}}


@contextmanager
def serving(statuses: dict[str, int], body: object = HEALTH) -> Iterator[int]:
    """nginx's published port, which answers paths with statuses; and its number."""
    hosts: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            hosts.append(self.headers["Host"])
            self.send_response(statuses.get(self.path, 200))
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server.server_port
        server.shutdown()
        assert set(hosts) <= {"tasks.example.com"}


class FakeHost:
    """A Docker host with nginx on it, which `inside` answers for in its own container."""

    def __init__(
        self,
        binding: tuple[str, int] | None,
        *,
        local: bool = True,
        inside: Sequence[str] = (),
        health: str = "healthy",
        there: bool = True,
        published: bool = True,
        hangs: bool = False,
    ) -> None:
        ports = {"8080/tcp": [{"HostIp": binding[0], "HostPort": str(binding[1])}]} if binding else {}
        self._nginx = SimpleNamespace(
            name="tasktracker-dev-nginx",
            attrs={
                "HostConfig": {"PortBindings": ports},
                "State": {"Status": "running", "Health": {"Status": health}},
                "NetworkSettings": {"Ports": ports if published else {}},
            },
        )
        self._there, self._inside, self._hangs = there, list(inside), hangs
        self.stack, self.is_local, self.server = "dev", local, None if local else "127.0.0.1"

    def name(self, service: str) -> str:
        return f"tasktracker-{self.stack}-{service}"

    def find(self, _service: str) -> Any:
        return self._nginx if self._there else None

    def run(self, service: str, command: Sequence[str]) -> Result:
        if [service, *command] == ["nginx", "healthcheck"]:
            return Result(28 if self._hangs else 0, "", "")
        assert (service, command[0]) == ("nginx", "curl")
        if not self._inside:
            raise UnreachableError("tasktracker-dev-nginx is paused: `docker unpause tasktracker-dev-nginx`")
        return Result(0, self._inside.pop(0), "")


URL = "http://tasks.example.com"


def asked(host: FakeHost, url: str = URL) -> Answer:
    return ask(host, url)  # type: ignore[arg-type]


def test_a_page_and_the_api_have_answered() -> None:
    with serving({}) as port:
        assert asked(FakeHost(("127.0.0.1", port))) == Answer(health=HEALTH)
        # A host's any address is asked at one that there is.
        assert asked(FakeHost(("0.0.0.0", port))) == Answer(health=HEALTH)


def test_a_dead_port_names_what_helps() -> None:
    with serving({}) as port:
        pass
    problem = asked(FakeHost(("127.0.0.1", port))).problem
    assert problem == (
        f"{URL}/ does not answer at 127.0.0.1:{port} (Connection refused), though nginx is healthy: Docker does not "
        "forward the port, or nginx hangs. `docker restart tasktracker-dev-nginx` restores it"
    )
    # Of one that is not healthy the services tell.
    assert "restart" not in str(asked(FakeHost(("127.0.0.1", port), health="starting")).problem)


def test_a_port_that_is_published_on_no_network_has_no_other_cure() -> None:
    with serving({}) as port:
        pass
    problem = asked(FakeHost(("127.0.0.1", port), published=False)).problem
    assert str(problem).endswith("(Connection refused): nginx is not on the network that its port is published on")


@pytest.mark.parametrize(
    ("hangs", "what"),
    [(True, "`docker restart tasktracker-dev-nginx` restores it"), (False, "(timed out): what is behind nginx hangs")],
)
def test_who_hangs_is_asked(monkeypatch: pytest.MonkeyPatch, hangs: bool, what: str) -> None:
    monkeypatch.setattr("ops.tt.host.url_check.TIMEOUT", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as server:
        host = FakeHost(("127.0.0.1", server.getsockname()[1]), hangs=hangs)
        assert str(asked(host).problem).endswith(what)


def test_what_the_app_reports_has_a_cure() -> None:
    assert {*CURES} == {*REASONS.values(), DROPPED, GUARDED, HIDDEN, READ_ONLY}
    with serving({"/api/health": 503}, {"detail": "Unavailable: database (a table is missing)."}) as port:
        assert asked(FakeHost(("127.0.0.1", port))).problem == (
            f"{URL}/api/health answers 503: Unavailable: database (a table is missing). "
            "`./tt restore --to TIME --stack dev` goes back to a time before that"
        )


def test_a_cure_is_there_once() -> None:
    reason, other = "database (a table is missing)", "database (a column is missing)"
    cure = "`./tt restore --to TIME --stack dev` goes back to a time before that"
    assert with_cures([f"worker: {reason}.", f"api: {reason}", "nats"], "dev") == [
        f"worker: {reason}. {cure}",
        f"api: {reason}",
        "nats",
    ]
    told = [f"worker: {reason}", f"http://x answers 503: {reason}. {cure}", f"api: {other}"]
    assert with_cures(told, "dev") == told


@pytest.mark.parametrize(("what", "is_database"), [("database", True), ("nats", False)])
def test_a_database_that_hangs_is_asked_what_it_waits_for(what: str, is_database: bool) -> None:
    with serving({"/api/health": 503}, {"detail": f"Unavailable: {what} (no answer within 2 s)."}) as port:
        problem = str(asked(FakeHost(("127.0.0.1", port))).problem)
    assert ("-c 'SHOW synchronous_standby_names'" in problem) is is_database


@pytest.mark.parametrize("path", ["/", "/api/health"])
def test_what_is_down_behind_nginx_is_told(path: str) -> None:
    detail = "Unavailable: nats (not connected)"
    with serving({path: 503}, {"detail": f"{detail}."}) as port:
        assert asked(FakeHost(("127.0.0.1", port))).problem == f"{URL}{path} answers 503: {detail}"


def test_a_site_that_is_closed_on_purpose_is_told_so() -> None:
    script = (ROOT / "images/nginx/share/release.js").read_text()
    # The page and the answer of the api.
    assert script.count(CLOSED) == 2
    with serving({"/": 503}, f"<p>{CLOSED}.") as port:
        host: Any = FakeHost(("127.0.0.1", port))
        # Without a wait for the end of it.
        problem = await_answer(host, URL, 60).problem
    assert problem == (f"{URL}/ answers 503: Closed for maintenance; `./tt maintenance off --stack dev` opens the site")


def test_without_nginx_nothing_answers() -> None:
    assert asked(FakeHost(None, there=False)).problem == (
        f"{URL} can't answer: there is no container tasktracker-dev-nginx"
    )


def test_another_machine_s_loopback_is_asked_there_and_said_to_be() -> None:
    """Only a tunnel or a proxy of that host leads to it."""
    answer = asked(FakeHost(("127.0.0.1", 80), local=False, inside=["<html>\n200", f"{json.dumps(HEALTH)}\n200"]))
    assert answer.problem is None
    assert answer.health == HEALTH
    assert answer.unverified == (
        "its port 80 is published on 127.0.0.1 of the Docker host, which this machine can't reach; nginx answers on "
        "the Docker host"
    )


def test_another_machine_s_port_is_asked_from_here_first() -> None:
    with serving({}) as port:
        assert asked(FakeHost(("0.0.0.0", port), local=False)) == Answer(health=HEALTH)
    answer = asked(FakeHost(("0.0.0.0", port), local=False, inside=["\n200", f"{json.dumps(HEALTH)}\n200"]))
    assert answer.unverified == f"this machine does not reach 127.0.0.1:{port}; nginx answers on the Docker host"
    down = asked(FakeHost(("0.0.0.0", port), local=False, inside=["\n200", '{"detail": "no api"}\n503']))
    assert down.problem == f"nginx answers 503 for /api/health in its container, so {URL} can't: no api"


def test_a_tunnel_s_name_is_asked_where_it_is_found() -> None:
    """The name of the example leads nowhere."""
    url = "https://tasks.example.invalid"
    # With TLS, port 8080 sends to the other one.
    inside = ["\n301", "\n200", "\n301", f"{json.dumps(HEALTH)}\n200"]
    answer = asked(FakeHost(None, inside=inside), url)
    assert (answer.problem, answer.health) == (None, HEALTH)
    assert str(answer.unverified).startswith("this machine got no answer from it (")
    paused = asked(FakeHost(None), url)
    assert paused.problem == (
        f"{url} can't answer: tasktracker-dev-nginx is paused: `docker unpause tasktracker-dev-nginx`"
    )


def test_an_answer_is_waited_for_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(url_check, "POLL", 0.0)
    answers = [Answer("not yet"), Answer("not yet"), Answer()]
    monkeypatch.setattr(url_check, "ask", lambda *_: answers.pop(0))
    host: Any = None
    assert await_answer(host, URL, 5) == Answer()
    monkeypatch.setattr(url_check, "ask", lambda *_: Answer("never"))
    assert await_answer(host, URL, 0.01) == Answer("never")
