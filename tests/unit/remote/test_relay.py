"""The socket behind which a host answers, with a fake for `ssh`."""

from __future__ import annotations

import os
import pwd
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import pytest
import requests

from remote import DockerHost, HostError, Relay, check, reached, reason, sdk
from remote import relay as module

HOST = DockerHost("ssh://deploy@host.example.com")

#: Answers each request with an engine's version, and keeps the connection.
ENGINE = """\
import json, sys
connections = open(sys.argv[1], "a"); connections.write("one\\n"); connections.close()
body = json.dumps({"ApiVersion": "1.41"}).encode()
while True:
    lines = []
    while (line := sys.stdin.buffer.readline()).strip():
        lines.append(line)
    if not lines:
        break
    head = f"HTTP/1.1 200 OK\\r\\nContent-Type: application/json\\r\\nContent-Length: {len(body)}\\r\\n\\r\\n"
    sys.stdout.buffer.write(head.encode() + body)
    sys.stdout.buffer.flush()
    if any(b"Connection: close" in each for each in lines):
        break
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home of this test's account, where ssh's folder is not yet."""
    account = list(pwd.getpwuid(os.getuid()))
    account[5] = str(tmp_path)
    monkeypatch.setattr("pwd.getpwuid", lambda _: pwd.struct_passwd(account))
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def ssh(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Puts a fake first on PATH."""
    (folder / "bin").mkdir()
    program = folder / "bin" / "ssh"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}/bin:{os.environ['PATH']}")


@pytest.fixture
def engine(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host with an engine; a file with a line for each connection."""
    (home / "engine.py").write_text(ENGINE)
    ssh(home, monkeypatch, f"exec python3 {home}/engine.py {home}/connections")
    return home / "connections"


def test_a_host_that_answers_is_fine(engine: Path, home: Path) -> None:
    check(HOST)
    assert (home / ".ssh").stat().st_mode & 0o777 == 0o700


def test_a_client_makes_the_folder_of_the_shared_connection(
    engine: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # OpenSSH does not heed it.
    monkeypatch.setenv("HOME", "/nonexistent")
    sdk.client(HOST, timeout=10).close()
    assert (home / ".ssh").stat().st_mode & 0o777 == 0o700


def test_a_key_is_looked_for_where_ssh_does(engine: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/nonexistent")
    host = DockerHost(HOST.address, key_file="~/key")
    with pytest.raises(HostError, match=r"key_file = ~/key: there is no such file"):
        check(host)
    (home / "key").touch()
    check(host)


def test_a_host_that_says_why_not_is_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ssh(home, monkeypatch, "echo 'Host key verification failed.' >&2; exit 255")
    with pytest.raises(HostError, match=r"not in ~/.ssh/known_hosts") as refused:
        check(HOST)
    assert str(refused.value).endswith("(Host key verification failed.)")


def test_words_that_nobody_knows_are_shown(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ssh(home, monkeypatch, "echo first >&2; echo 'a strange reason' >&2; exit 1")
    with pytest.raises(HostError, match=r"host.example.com can't be used\n    \(a strange reason\)"):
        check(HOST)


def test_an_engine_that_refuses_is_told_by_its_words(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ssh(home, monkeypatch, "sed '/^.$/q' > /dev/null; printf 'HTTP/1.1 503 Unavailable\\r\\n\\r\\nnot now'")
    with pytest.raises(HostError, match="not now"):
        check(HOST)


def test_a_host_that_says_nothing_is_given_up(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHECK_TIMEOUT", 0.3)
    ssh(home, monkeypatch, "exec sleep 60")
    start = time.monotonic()
    with pytest.raises(HostError, match=r"no answer within 0.3 s"):
        check(HOST)
    assert time.monotonic() - start < 10


def test_without_ssh_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    monkeypatch.setenv("PATH", str(home))
    with pytest.raises(HostError, match="install OpenSSH's client"):
        check(HOST)


@pytest.mark.parametrize("key", ["key_file", "known_hosts_file"])
def test_a_file_that_is_not_there_is_named_first(key: str) -> None:
    with pytest.raises(HostError, match=rf"tasktracker:docker_host.{key} = ~/no-such: there is no such file"):
        check(DockerHost(HOST.address, **{key: "~/no-such"}))


def test_a_missing_certificate_is_named(home: Path) -> None:
    (home / "ca.pem").touch()
    with pytest.raises(HostError, match=r"certificates = ~/: cert.pem is not there"):
        check(DockerHost("tcp://host.example.com:2376", certificates="~/"))


def test_the_relay_leads_there_and_leaves_nothing(engine: Path) -> None:
    with reached(HOST) as variables:
        path = Path(variables["DOCKER_HOST"].removeprefix("unix://"))
        assert path.parent.stat().st_mode & 0o777 == 0o700
        assert docker.DockerClient(base_url=variables["DOCKER_HOST"]).ping() is not None
    assert not path.parent.exists()


def test_the_relay_keeps_what_ssh_said(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ssh(home, monkeypatch, "echo 'Host key verification failed.' >&2; exit 255")
    relay = Relay(HOST)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(relay.path))
        assert client.recv(10) == b""
    assert relay.reason(5) == "Host key verification failed."
    # A later failure, which may have another reason, does not get this one.
    assert relay.reason(0) == ""
    relay.close()


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[Callable[[bytes], Path]]:
    """A socket of this machine that gives one answer."""
    threads = []

    def make(answer: bytes) -> Path:
        server = socket.socket(socket.AF_UNIX)
        server.bind(str(tmp_path / "plain.sock"))
        server.listen()

        def serve() -> None:
            connection, _ = server.accept()
            with server, connection:
                connection.recv(4096)
                connection.sendall(answer)

        threads.append(threading.Thread(target=serve))
        threads[-1].start()
        return tmp_path / "plain.sock"

    yield make
    for thread in threads:
        thread.join()


def test_a_socket_of_this_machine_needs_no_relay(plain: Callable[[bytes], Path]) -> None:
    path = plain(b"HTTP/1.1 200 OK\r\n\r\n{}")
    with reached(DockerHost(f"unix://{path}")) as variables:
        assert variables["DOCKER_HOST"] == f"unix://{path}"


def test_a_socket_that_is_no_engine_s_is_told(plain: Callable[[bytes], Path]) -> None:
    path = plain(b"HTTP/1.1 404 Not Found\r\n\r\nno such page")
    with pytest.raises(HostError, match="no such page"):
        check(DockerHost(f"unix://{path}"))


def test_a_socket_that_is_not_there_is_told(home: Path) -> None:
    with pytest.raises(HostError, match=f"Docker does not run on {home}/no.sock"):
        check(DockerHost(f"unix://{home}/no.sock"))
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.bind(f"{home}/deaf.sock")
        with pytest.raises(HostError, match=f"Docker does not run on {home}/deaf.sock"):
            check(DockerHost(f"unix://{home}/deaf.sock"))


def test_the_sdk_shares_connections(engine: Path) -> None:
    client = sdk.client(DockerHost("ssh://one@host.example.com"), 10)
    for _ in range(3):
        client.version()
        client.info()
    # The first is the one that asks for the version.
    assert len(engine.read_text().splitlines()) <= 2


def test_the_sdk_says_what_stands_in_the_way(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ssh(home, monkeypatch, "echo 'deploy@host: Permission denied (publickey).' >&2; exit 255")
    with pytest.raises(docker.errors.DockerException, match="refuses every key"):
        sdk.client(DockerHost("ssh://two@host.example.com"), 10)


@pytest.mark.usefixtures("engine")
def test_a_connection_that_ssh_loses_has_its_words(home: Path) -> None:
    """Not those of the closed socket, which is all that libraries see of it."""
    host = DockerHost("ssh://three@host.example.com")
    client = sdk.client(host, 5)
    (home / "bin" / "ssh").write_text("#!/bin/sh\necho 'No route to host' >&2; exit 255\n")
    client.close()
    with pytest.raises(requests.exceptions.ConnectionError) as lost:
        client.containers.list()
    assert reason(lost.value).startswith("host.example.com does not answer at port 22")
    assert reason(lost.value).endswith("(No route to host)")
    with pytest.raises(docker.errors.DockerException) as refused:
        sdk.client(host, 5)
    assert reason(refused.value) == reason(lost.value)


@pytest.mark.parametrize("drops", [1, sdk.RETRIES, sdk.RETRIES + 1])
def test_a_connection_that_the_server_drops_is_made_again(
    engine: Path, home: Path, monkeypatch: pytest.MonkeyPatch, drops: int
) -> None:
    """As one does with more connections at once than its MaxStartups."""
    monkeypatch.setattr(sdk, "RETRY_WAIT", 0)
    program = home / "bin" / "ssh"
    program.write_text(
        f"#!/bin/sh\necho one >>{home}/tries\n[ $(wc -l <{home}/tries) -gt {drops} ] || "
        "{ echo 'kex_exchange_identification: read: Connection reset by peer' >&2; exit 255; }\n" + program.read_text()
    )
    host = DockerHost(f"ssh://four{drops}@host.example.com")
    if drops <= sdk.RETRIES:
        assert sdk.client(host, 5).version()["ApiVersion"] == "1.41"
    else:
        with pytest.raises(docker.errors.DockerException, match="closed the connection before it began"):
            sdk.client(host, 5)
    assert engine.exists() is (drops <= sdk.RETRIES)


def test_the_sdk_takes_certificates_that_are_checked(home: Path) -> None:
    with pytest.raises(docker.errors.TLSParameterError):
        # Without the files there is no plain connection in place of theirs.
        sdk.client(DockerHost("tcp://host.example.com:2376", certificates="~/"), 10)
