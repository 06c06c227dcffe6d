"""The environment of a preview, which is one also where no Docker engine answers.

Pulumi's Docker plugin asks the engine for a sign of life before it looks at any resource, and refuses a preview where
there is none; only a host by `ssh://` is not asked. A preview needs nothing else of the engine. So where none answers,
this serves a socket, while the preview lasts, that gives that sign of life and answers everything else with an error:
the program's checks of the host then warn that they could not be made.

A stack with `tasktracker:docker_host` names its host to the plugin itself. By `ssh://` it is not asked; by `tcp://` and
`unix://` it has to answer, and this changes nothing.
"""

from __future__ import annotations

import json
import os
import socket
import socketserver
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler

from remote.private_folder import PrivateFolder
from toolchain.machine.docker_ping import addresses, silence

#: Seconds between two looks of the server whether it is to end: what a preview waits for at its end.
POLL = 0.05

#: What an engine says of itself: the API of Docker 20.10, which is the oldest that the program is used with.
ENGINE_HEADERS = {"API-Version": "1.41", "OSType": "linux", "Server": "no Docker engine"}

#: Settings of Docker's client that have it expect TLS, or come before DOCKER_HOST.
OF_THE_HOST = (
    "DOCKER_TLS_VERIFY",
    "DOCKER_CERT_PATH",
    "DOCKER_CA_MATERIAL",
    "DOCKER_CERT_MATERIAL",
    "DOCKER_KEY_MATERIAL",
    "DOCKER_CONTEXT",
)

#: Bytes that the path of a socket may have, by the kernel (`sun_path`), with the name of a folder and of the socket.
SOCKET_PATH_BYTES = 107
NAME_BYTES = 48


#: For a client to close its connection after the answer.
UNREAD_SECONDS = 5.0


@contextmanager
def environment_for_preview(environment: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """The environment of a preview, while it lasts: `environment`, with a Docker host that answers."""
    reason = _no_engine(environment)
    if reason is None:
        yield dict(environment)
        return
    with substitute(reason) as host:
        yield _with_host(environment, host)


def _with_host(environment: Mapping[str, str], host: str) -> dict[str, str]:
    """`environment` with another Docker host, and without what belongs to the one it had."""
    return {**{key: value for key, value in environment.items() if key not in OF_THE_HOST}, "DOCKER_HOST": host}


@contextmanager
def substitute(reason: str) -> Iterator[str]:
    """The address of a socket that answers a ping as a Docker engine does, and all else with `reason`."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            is_ping = self.path.partition("?")[0].endswith("/_ping") and self.command in ("GET", "HEAD")
            body = b"OK" if is_ping else json.dumps({"message": reason}).encode()
            self.send_response_only(200 if is_ping else 503)
            for name, value in ENGINE_HEADERS.items():
                self.send_header(name, value)
            self.send_header("Content-Type", "text/plain" if is_ping else "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Connection", "close")
            self.end_headers()
            self.close_connection = True
            if self.command != "HEAD":
                self.wfile.write(body)
            # What a request brings with it is read and dropped: a client that still sends would lose the answer.
            self.connection.shutdown(socket.SHUT_WR)
            self.connection.settimeout(UNREAD_SECONDS)
            while self.rfile.read1():
                pass

        do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = answer

    with PrivateFolder("tasktracker-preview-", _folder()) as folder:
        path = folder / "docker.sock"
        with _Server(str(path), Handler) as server:
            threading.Thread(target=server.serve_forever, args=(POLL,), daemon=True).start()
            try:
                yield f"unix://{path}"
            finally:
                server.shutdown()


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    # A plugin or the program keeps its connections until it ends.
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """Says nothing of a client that has gone."""


def _folder() -> str | None:
    """The folder for temporary files; /tmp where that one's path is too long for a socket's."""
    return "/tmp" if len(os.fsencode(tempfile.gettempdir())) + NAME_BYTES > SOCKET_PATH_BYTES else None  # noqa: S108


def _no_engine(environment: Mapping[str, str]) -> str | None:
    """Why the Docker plugin would find no engine; None if it finds one, or does not look for it."""
    places = addresses(environment)
    if places[0].startswith("ssh://"):
        return None
    reasons = []
    for place in places:
        reason = silence(place, environment)
        if reason is None:
            return None
        reasons.append(f"no Docker engine answers at {place}: {reason}")
    # What Docker Desktop would have is of no interest to who has none.
    return reasons[0]
