"""A Docker engine for `components.core.host_client`, with no Docker: each container is there and healthy, each job and
command succeeds, the images are there, the volumes are those that the caller has, and no one else has anything. What
nginx is set to serve it shows again.

    with answering(volumes_of(cloud)) as env:
        stack.pulumi("up", "--yes", env={**cloud.env, **env})

What the Docker provider makes is `tests.e2e.fakes.cloud`'s business.
"""

from __future__ import annotations

import json
import re
import shutil
import struct
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingUnixStreamServer
from typing import Any

from settings.ownership import VOLUME
from settings.releases import SLOTS
from tests.e2e.fakes.cloud import Cloud

CONTAINER = {
    "Id": 64 * "0", "Name": "/job", "State": {"Status": "running", "Health": {"Status": "healthy"}}, "RestartCount": 0,
}  # fmt: skip

#: What nginx serves in a new stack.
NOTHING = json.dumps({"serving": "blue", "releases": {}})

#: What a request to a release prints.
STATUS = "200"

ANSWERS: tuple[tuple[str, str, int, Any], ...] = (
    ("GET", r"(/v[0-9.]+)?/_ping", 200, None),
    ("GET", r"(/v[0-9.]+)?/version", 200, {"ApiVersion": "1.41"}),
    ("GET", r"/v[0-9.]+/networks", 200, []),
    ("GET", r"/v[0-9.]+/containers/json", 200, []),
    ("GET", r"/v[0-9.]+/images/.+/json", 200, {"Id": f"sha256:{64 * '2'}"}),
    ("GET", r"/v[0-9.]+/containers/[^/]+/json", 200, CONTAINER),
    ("POST", r"/v[0-9.]+/containers/[^/]+/update", 200, {"Warnings": []}),
    ("POST", r"/v[0-9.]+/containers/[^/]+/start", 204, None),
    ("POST", r"/v[0-9.]+/containers/[^/]+/wait", 200, {"StatusCode": 0}),
    ("POST", r"/v[0-9.]+/containers/[^/]+/stop", 204, None),
    ("GET", r"/v[0-9.]+/exec/[^/]+/json", 200, {"ExitCode": 0}),
)


#: Gives the volumes that there are, as Docker lists them.
Volumes = Callable[[], Iterable[Mapping[str, Any]]]


class _Server(ThreadingUnixStreamServer):
    volumes: Volumes
    release = NOTHING

    def run(self, command: Sequence[str]) -> str:
        """What a command in a container prints."""
        if command[0] == "curl":
            return STATUS
        if command[:2] == ["release", "set"]:
            self.release = command[2]
        counts = {slot: {"all": 0, "failed": 0} for slot in SLOTS}
        shown = {"release": json.loads(self.release), "requests": counts}
        return json.dumps(shown) if command[:2] == ["release", "show"] else ""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def _answer(self) -> None:
        # A socket that is closed with something unread in it resets the connection, and may take the answer with it.
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = self.path.partition("?")[0]
        if re.fullmatch(r"/v[0-9.]+/containers/[^/]+/exec", path):
            # The id of a command's run is the command.
            self._send(201, {"Id": json.dumps(json.loads(body)["Cmd"]).encode().hex()})
            return
        if started := re.fullmatch(r"/v[0-9.]+/exec/([^/]+)/start", path):
            self._print(self.server.run(json.loads(bytes.fromhex(started[1]))))
            return
        unknown: tuple[int, Any] = (501, {"message": f"the fake knows no {self.command} {path}"})
        if self.command == "GET" and re.fullmatch(r"/v[0-9.]+/volumes", path):
            unknown = (200, {"Volumes": [*self.server.volumes()]})
        known = (each for each in ANSWERS if each[0] == self.command and re.fullmatch(each[1], path))
        self._send(*next((each[2:] for each in known), unknown))

    def _print(self, text: str) -> None:
        """Answers with a stream, as of a command's output."""
        self.send_response(200)
        self.end_headers()
        self.wfile.flush()
        # The client reads the stream past what it has buffered: nothing of it may come with the headers.
        time.sleep(0.05)
        output = text.encode()
        self.wfile.write(struct.pack(">BxxxL", 1, len(output)) + output if output else b"")

    def _send(self, status: int, content: Any) -> None:
        body = b"" if content is None else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = _answer

    def log_message(self, format: str, *args: Any) -> None:
        pass


def volumes_of(cloud: Cloud) -> Volumes:
    """The volumes that the Docker provider of a cloud has made."""
    return lambda: [volume(each.inputs) for each in cloud.kept(VOLUME)]


def volume(properties: Mapping[str, Any]) -> dict[str, Any]:
    """A volume with the properties of a resource, as Docker lists it."""
    labels = {each["label"]: each["value"] for each in properties.get("labels") or ()}
    return {"Name": properties["name"], "Labels": labels}


@contextmanager
def answering(volumes: Volumes = tuple) -> Iterator[dict[str, str]]:
    """Serves it in this process; gives the variable that leads a client there."""
    folder = tempfile.mkdtemp()
    server = _Server(f"{folder}/docker.sock", _Handler)
    server.volumes = volumes
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield {"DOCKER_HOST": f"unix://{server.server_address}"}
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        shutil.rmtree(folder)
