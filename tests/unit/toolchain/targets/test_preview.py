"""A preview's environment where a Docker engine answers, and where none does."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from toolchain.machine import docker_ping
from toolchain.machine.docker_ping import addresses, silence
from toolchain.process.steps import ROOT
from toolchain.targets import preview
from toolchain.targets.preview import environment_for_preview, substitute

REFUSED = "tcp://127.0.0.1:1"


class Unix(http.client.HTTPConnection):
    """HTTP over the socket of an address."""

    def __init__(self, address: str) -> None:
        super().__init__("docker", timeout=5)
        self._address = address

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self._address.removeprefix("unix://"))


def ask(address: str, method: str, path: str) -> tuple[int, str | None, str]:
    """Status, API version and body."""
    connection = Unix(address)
    with contextlib.closing(connection):
        connection.request(method, path, b"{}" if method == "POST" else None)
        answer = connection.getresponse()
        return answer.status, answer.headers["API-Version"], answer.read().decode()


@contextlib.contextmanager
def listening(answer: bytes | None, folder: Path | None = None) -> Iterator[str]:
    """The address of a server that gives `answer` to each connection; None: it takes it and never answers."""
    family = socket.AF_UNIX if folder else socket.AF_INET
    with socket.socket(family) as server:
        server.bind(str(folder / "docker.sock") if folder else ("127.0.0.1", 0))
        server.listen()
        kept = []

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    kept.append(connection)
                    if answer is not None:
                        connection.recv(1000)
                        connection.sendall(answer)
                        connection.close()

        threading.Thread(target=serve, daemon=True).start()
        yield f"unix://{folder}/docker.sock" if folder else f"tcp://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
        for each in kept:
            each.close()


WELL = b"HTTP/1.1 200 OK\r\nAPI-Version: 1.41\r\nContent-Length: 2\r\n\r\nOK"


@pytest.mark.parametrize("over", ["tcp", "unix"])
def test_an_engine_that_answers_is_left_alone(tmp_path: Path, over: str) -> None:
    with listening(WELL, tmp_path if over == "unix" else None) as address:
        assert silence(address, {}) is None
        given = {"DOCKER_HOST": address, "DOCKER_TLS_VERIFY": "", "A": "b"}
        with environment_for_preview(given) as environment:
            assert environment == given


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        ("unix:///nonexistent.sock", "No such file or directory"),
        (REFUSED, "Connection refused"),
        ("127.0.0.1:2375", "the address must be unix:///PATH, tcp://HOST:PORT or ssh://USER@HOST"),
        ("tcp://127.0.0.1:port", "Port could not be cast to integer value as 'port'"),
        ("tcp://", "the address must be unix:///PATH, tcp://HOST:PORT or ssh://USER@HOST"),
    ],
)
def test_where_no_engine_answers_a_substitute_says_so(host: str, reason: str) -> None:
    given = {"DOCKER_HOST": host, "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": "/c", "DOCKER_CONTEXT": "x", "A": "b"}
    with environment_for_preview(given) as environment:
        address = environment.pop("DOCKER_HOST")
        assert environment == {"A": "b"}
        message = json.loads(ask(address, "GET", "/version")[2])["message"]
        assert message.startswith(f"no Docker engine answers at {host}: {reason}")


@pytest.mark.parametrize("answer", [b"HTTP/1.1 403 Forbidden\r\n\r\n", b"SSH-2.0-OpenSSH_9.2\r\n", b""])
def test_what_is_no_engine_is_not_taken_for_one(answer: bytes) -> None:
    with listening(answer) as address:
        assert silence(address, {}) == "what answers there is no Docker engine"


def test_a_host_that_never_answers_costs_a_bounded_time() -> None:
    start = time.monotonic()
    with listening(None) as address:
        assert silence(address, {}, timeout=0.3) == "no answer within 0.3 s"
    assert time.monotonic() - start < 2


def test_certificates_that_are_not_there_are_a_reason(tmp_path: Path) -> None:
    with listening(WELL) as address:
        assert "No such file" in str(silence(address, {"DOCKER_CERT_PATH": str(tmp_path), "DOCKER_TLS_VERIFY": "1"}))


@pytest.mark.skipif(os.geteuid() != 0, reason="takes another user")
def test_a_socket_without_the_right_to_it_is_silent_for_that_user() -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder, listening(WELL, Path(folder)) as address:
        Path(folder).chmod(0o755)
        (Path(folder) / "docker.sock").chmod(0o660)
        # The project's folder may be closed to that user, so what is needed of it is imported before.
        script = (
            f"import os, sys; sys.path.insert(0, {str(ROOT)!r})\n"
            "from toolchain.machine.docker_ping import silence\n"
            "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
            f"print(silence({address!r}, {{}}))"
        )
        result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
        assert result.stdout.strip() == "Permission denied"


def test_a_host_by_ssh_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preview, "silence", lambda *_: pytest.fail("it was asked"))
    with environment_for_preview({"DOCKER_HOST": "ssh://deploy@host.example.com"}) as environment:
        assert environment == {"DOCKER_HOST": "ssh://deploy@host.example.com"}


def test_without_docker_host_the_sockets_of_a_user_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docker_ping, "DEFAULT_HOST", "unix:///nonexistent.sock")
    given = {"HOME": str(tmp_path), "DOCKER_HOST": ""}
    assert addresses(given) == [
        "unix:///nonexistent.sock",
        f"unix://{tmp_path}/.docker/run/docker.sock",
        f"unix://{tmp_path}/.docker/desktop/docker.sock",
    ]
    with environment_for_preview(given) as environment:
        message = json.loads(ask(environment["DOCKER_HOST"], "GET", "/version")[2])["message"]
        # The place that people know, and no other.
        assert message == "no Docker engine answers at unix:///nonexistent.sock: No such file or directory"
    folder = tmp_path / ".docker" / "run"
    folder.mkdir(parents=True)
    with listening(WELL, folder), environment_for_preview(given) as environment:
        assert environment == given


def test_the_substitute_answers_a_ping_and_nothing_else() -> None:
    with substitute("there is none") as address:
        for path in ("/_ping", "/v1.41/_ping"):
            assert ask(address, "GET", path) == (200, "1.41", "OK")
            assert ask(address, "HEAD", path) == (200, "1.41", "")
        for method, path in (("GET", "/version"), ("GET", "/v1.41/networks"), ("POST", "/v1.41/containers/create"),
                             ("DELETE", "/v1.41/volumes/x"), ("POST", "/_ping"), ("PUT", "/x")):  # fmt: skip
            assert ask(address, method, path) == (503, "1.41", '{"message": "there is none"}')
        # It takes other clients while one holds a connection open.
        with contextlib.closing(Unix(address)) as idle:
            idle.connect()
            assert ask(address, "GET", "/_ping")[0] == 200


def test_the_substitute_answers_who_still_sends() -> None:
    with substitute("there is none") as address, contextlib.closing(Unix(address)) as connection:
        connection.putrequest("POST", "/v1.41/containers/create")
        connection.putheader("Content-Length", "2000000")
        connection.endheaders()
        # The answer is on its way, and closing now would lose it.
        time.sleep(0.2)
        connection.send(bytes(2_000_000))
        assert connection.getresponse().status == 503


def test_the_socket_is_its_user_s_alone_and_goes() -> None:
    with substitute("") as address:
        folder = Path(address.removeprefix("unix://")).parent
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert not folder.exists()


def test_a_temporary_folder_with_a_long_path_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    long = tmp_path / ("x" * 100)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    with substitute("") as address:
        assert ask(address, "GET", "/_ping")[0] == 200
