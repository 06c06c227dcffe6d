"""A connection to Docker that breaks between the end of a request's work and its answer."""

from __future__ import annotations

import shutil
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from socketserver import BaseRequestHandler, ThreadingUnixStreamServer

ENGINE = "/var/run/docker.sock"


class _Server(ThreadingUnixStreamServer):
    daemon_threads = True
    request: bytes
    is_broken = False


class _Relay(BaseRequestHandler):
    server: _Server
    request: socket.socket

    def handle(self) -> None:
        with socket.socket(socket.AF_UNIX) as engine:
            engine.connect(ENGINE)
            back = threading.Thread(target=self._answers, args=[engine], daemon=True)
            self._is_awaited = False
            back.start()
            while data := self.request.recv(65536):
                self._is_awaited = self._is_awaited or self.server.request in data
                engine.sendall(data)
            engine.shutdown(socket.SHUT_WR)
            back.join()

    def _answers(self, engine: socket.socket) -> None:
        while data := engine.recv(65536):
            if self._is_awaited and not self.server.is_broken:
                self.server.is_broken = True
                break
            self.request.sendall(data)
        self.request.shutdown(socket.SHUT_RDWR)


@contextmanager
def broken_answer(request: str) -> Iterator[str]:
    """An address for DOCKER_HOST. The first request with that text in it is done, and its answer does not arrive.

    Raises:
        AssertionError: there was no such request.
    """
    folder = tempfile.mkdtemp()
    try:
        with _Server(f"{folder}/docker.sock", _Relay) as server:
            server.request = request.encode()
            threading.Thread(target=server.serve_forever, daemon=True).start()
            yield f"unix://{folder}/docker.sock"
            server.shutdown()
            assert server.is_broken, f"nobody asked for {request}"
    finally:
        shutil.rmtree(folder)
