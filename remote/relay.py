"""A socket of this machine behind which a Docker host answers that is reached by SSH.

Docker's SDK and its client take such a socket, and no options for `ssh`. Each connection is an `ssh` of its own, whose
input and output it is: it ends when either side does, so that nothing is left behind, whatever ends this process.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

from remote.diagnostics import advice
from remote.host import CA_FILE, CERTIFICATE_FILE, CONNECT_TIMEOUT, KEY_FILE, DockerHost, ssh_path
from remote.private_folder import PrivateFolder
from remote.redaction import redacted

#: Connections that may wait to be taken.
BACKLOG = 64

#: Seconds for the first answer of a host: a connection, a login, and a process there.
CHECK_TIMEOUT = CONNECT_TIMEOUT + 20


class HostError(Exception):
    """A Docker host can't be used; the message says why and what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(redacted(message))


class Relay:
    """The socket, from the beginning to `close`."""

    def __init__(self, host: DockerHost) -> None:
        self._host = host
        # A folder that is this user's alone: who reaches the socket may do what root may on the host.
        self._folder = PrivateFolder("tasktracker-docker-")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.path = self._folder.path / "docker.sock"
        self._reason = ""
        self._failed = threading.Event()
        self._socket.bind(str(self.path))
        self._socket.listen(BACKLOG)
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def address(self) -> str:
        """What Docker's clients take."""
        return f"unix://{self.path}"

    def reason(self, timeout: float) -> str:
        """What the last `ssh` said that failed since this was last asked; empty if none did within `timeout` seconds.

        One that has closed its connection needs a moment to end.
        """
        self._failed.wait(timeout)
        reason, self._reason = self._reason, ""
        self._failed.clear()
        return reason

    def close(self) -> None:
        """Takes no more connections; those there are go on until they end."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._folder.remove()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._connect, args=(connection,), daemon=True).start()

    def _connect(self, connection: socket.socket) -> None:
        with connection:
            try:
                process = start(self._host, connection)
            except OSError as error:
                self._fail(f"cannot run ssh: {error.strerror}")
                return
        # The process has its own copy of the connection.
        _, errors = process.communicate()
        if process.returncode:
            self._fail(errors.decode(errors="replace").strip() or f"ssh ended with exit code {process.returncode}")

    def _fail(self, reason: str) -> None:
        self._reason = reason
        self._failed.set()


def start(host: DockerHost, connection: socket.socket) -> subprocess.Popen[bytes]:
    """An `ssh` that joins `connection` with the Docker of `host`."""
    # `ssh` does not make the folder of the shared connection; where this can't either, it says what is in the way.
    with contextlib.suppress(OSError):
        ssh_path(host.control_path).parent.mkdir(mode=0o700, exist_ok=True)
    return subprocess.Popen(
        host.command,
        stdin=connection.fileno(),
        stdout=connection.fileno(),
        stderr=subprocess.PIPE,
        # Ctrl-C is for those who asked: they may have something to end in order.
        start_new_session=True,
    )


def check(host: DockerHost) -> None:
    """Asks a host for a sign of life, and for the right to use its Docker.

    Where it is reached by SSH, the connection that this makes is there for what comes after.

    Raises:
        HostError: it gives none, or the files that it takes are not on this machine.
    """
    _check_files(host)
    answer, said = b"", ""
    if host.over_ssh:
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                try:
                    process = start(host, theirs)
                except OSError as error:
                    raise HostError(f"cannot run ssh: {error.strerror}; install OpenSSH's client") from error
            # What went wrong is told by ssh.
            with contextlib.suppress(OSError):
                answer = _ask(ours)
        if not _is_well(answer):
            process.terminate()
        said = process.communicate()[1].decode(errors="replace")
    else:
        try:
            with _connected(host) as connection:
                answer = _ask(connection)
        except OSError as error:
            # In the words of Docker's own client.
            way = "tcp" if host.over_tls else "unix"
            said = f"dial {way} {host.name}: connect: {str(error.strerror or error).lower()}"
    if not _is_well(answer):
        raise HostError(told(said + answer.decode(errors="replace"), host))


def _connected(host: DockerHost) -> socket.socket:
    """A connection to a host by TLS or to a socket of this machine."""
    folder = host.certificate_folder
    if folder is None:
        plain = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        plain.settimeout(CONNECT_TIMEOUT)
        plain.connect(host.name)
        return plain
    context = ssl.create_default_context(cafile=str(folder / CA_FILE))
    context.load_cert_chain(folder / CERTIFICATE_FILE, folder / KEY_FILE)
    address = (host.name, host.port)
    return context.wrap_socket(socket.create_connection(address, CONNECT_TIMEOUT), server_hostname=host.name)


def _ask(connection: socket.socket) -> bytes:
    """What an engine answers to a question that anybody who may use it can ask; nothing where it doesn't answer."""
    connection.settimeout(CHECK_TIMEOUT)
    connection.sendall(b"GET /version HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n")
    answer = b""
    while part := connection.recv(4096):
        answer += part
    return answer


def _is_well(answer: bytes) -> bool:
    return re.match(rb"HTTP/1\.[01] 200 ", answer) is not None


def told(said: str, host: DockerHost) -> str:
    """A message of what is wrong with a host, by what was said of it."""
    lines = [line.strip() for line in said.splitlines() if line.strip(" @")]
    what = advice(said, host) or f"{host.name} can't be used"
    return f"{what}\n    ({lines[-1]})" if lines else f"{what}\n    (no answer within {CHECK_TIMEOUT} s)"


def _check_files(host: DockerHost) -> None:
    named = {"key_file": host.key_file, "known_hosts_file": host.known_hosts_file}
    for key, file in named.items():
        if file is not None and not ssh_path(file).is_file():
            raise HostError(f"tasktracker:docker_host.{key} = {file}: there is no such file on this machine")
    folder = host.certificate_folder
    for file in (CA_FILE, CERTIFICATE_FILE, KEY_FILE) if folder else ():
        if not (Path(folder or "") / file).is_file():
            raise HostError(f"tasktracker:docker_host.certificates = {host.certificates}: {file} is not there")


@contextlib.contextmanager
def reached(host: DockerHost) -> Iterator[Mapping[str, str]]:
    """The variables by which Docker's client and SDK find `host`, while it lasts.

    Raises:
        HostError: it can't be used.
    """
    check(host)
    base = {"DOCKER_CONTEXT": "default"}
    if host.over_ssh:
        relay = Relay(host)
        try:
            yield {**base, "DOCKER_HOST": relay.address}
        finally:
            relay.close()
    elif host.over_tls:
        yield {
            **base,
            "DOCKER_HOST": host.address,
            "DOCKER_TLS_VERIFY": "1",
            "DOCKER_CERT_PATH": os.fspath(host.certificate_folder or ""),
        }
    else:
        yield {**base, "DOCKER_HOST": host.address}
