"""Whether a Docker engine answers at an address of DOCKER_HOST, within a bounded time. It needs no `docker` command."""

from __future__ import annotations

import os
import socket
import ssl
import threading
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

#: Where the Docker plugin looks without DOCKER_HOST: the engine's socket, and then those of a user's Docker Desktop.
DEFAULT_HOST = "unix:///var/run/docker.sock"
USER_SOCKETS = (".docker/run/docker.sock", ".docker/desktop/docker.sock")

#: Seconds for an answer. An engine takes a hundredth of one, and a busy machine a few.
TIMEOUT = 5.0

REQUEST = b"GET /_ping HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n"

#: Bytes of an answer that are looked at: its first line has the status.
ANSWER_BYTES = 256


def addresses(environment: Mapping[str, str]) -> list[str]:
    """Where the Docker plugin looks for an engine, in this order. It does not use Docker's contexts."""
    if host := environment.get("DOCKER_HOST"):
        return [host]
    home = Path(environment.get("HOME") or os.path.expanduser("~"))  # noqa: PTH111 - as in Go: HOME, or no home at all
    return [DEFAULT_HOST, *(f"unix://{home / path}" for path in USER_SOCKETS)]


def silence(address: str, environment: Mapping[str, str], timeout: float = TIMEOUT) -> str | None:
    """Why no engine answers at `address`; None if one does.

    `environment` has the certificates for TLS (DOCKER_CERT_PATH, DOCKER_TLS_VERIFY), as for Docker's own client.
    """
    reasons = [f"no answer within {timeout:g} s"]

    def ask() -> None:
        try:
            answer = _ask(urlsplit(address), environment, timeout)
        except TimeoutError:
            return
        except (OSError, ValueError) as error:
            reasons.append(str(getattr(error, "strerror", None) or error))
            return
        good = answer.startswith((b"HTTP/1.1 200", b"HTTP/1.0 200"))
        reasons.append("" if good else "what answers there is no Docker engine")

    # In a thread that is left alone after the time: neither a name server nor a host that sends a byte a second has a
    # time-out of its own.
    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(timeout)
    return reasons[-1] or None


def _ask(url: SplitResult, environment: Mapping[str, str], timeout: float) -> bytes:
    """The beginning of what `url` answers to a ping.

    Raises:
        OSError: nothing answers.
        ValueError: the address has a form that the Docker plugin does not understand.
    """
    with _connection(url, environment, timeout) as connection:
        connection.sendall(REQUEST)
        return connection.recv(ANSWER_BYTES)


def _connection(url: SplitResult, environment: Mapping[str, str], timeout: float) -> socket.socket:
    if url.scheme == "unix":
        plain = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        plain.settimeout(timeout)
        try:
            plain.connect(url.path)
        except OSError:
            plain.close()
            raise
        return plain
    if url.scheme not in ("tcp", "http", "https") or not url.hostname or url.port is None:
        raise ValueError("the address must be unix:///PATH, tcp://HOST:PORT or ssh://USER@HOST")
    connection = socket.create_connection((url.hostname, url.port), timeout)
    folder = environment.get("DOCKER_CERT_PATH")
    if not folder and url.scheme != "https":
        return connection
    return _context(folder, bool(environment.get("DOCKER_TLS_VERIFY"))).wrap_socket(
        connection, server_hostname=url.hostname
    )


def _context(folder: str | None, verify: bool) -> ssl.SSLContext:
    """The TLS settings of Docker's client: the files of DOCKER_CERT_PATH, checked with DOCKER_TLS_VERIFY."""
    context = ssl.create_default_context(cafile=str(Path(folder) / "ca.pem") if folder and verify else None)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if folder:
        context.load_cert_chain(Path(folder) / "cert.pem", Path(folder) / "key.pem")
    return context
