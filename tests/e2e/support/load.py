"""Requests that go on while something changes, each of which counts."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable
from types import TracebackType

import httpx

#: Threads that keep their connection, and threads that make one for each request.
KEEPING, FRESH = 4, 1

#: Seconds between two requests of a thread.
PAUSE = 0.05


class Load:
    """GETs and POSTs to the api from several threads, as long as the block runs; nothing is tried twice."""

    def __init__(self, url: str, trusted: ssl.SSLContext) -> None:
        self.answers = 0
        self.failures: list[str] = []
        self._url = url
        self._trusted = trusted
        self._stop = threading.Event()
        self._lock = threading.Lock()
        kinds = [self._keep] * KEEPING + [self._connect_anew] * FRESH
        self._threads = [threading.Thread(target=kind, args=(number,)) for number, kind in enumerate(kinds)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _keep(self, number: int) -> None:
        with self._client() as client:
            # Of two that keep their connection, one writes.
            self._go_on(lambda: self._write(client) if number % 2 else client.get("/api/version?x=1"))

    def _connect_anew(self, number: int) -> None:
        def ask() -> httpx.Response:
            with self._client() as client:
                return client.get("/")

        self._go_on(ask)

    def _client(self) -> httpx.Client:
        return httpx.Client(base_url=self._url, verify=self._trusted, timeout=10)

    def _write(self, client: httpx.Client) -> httpx.Response:
        time.sleep(2 * PAUSE)
        return client.post("/api/tasks", json={"title": "under load"})

    def _go_on(self, ask: Callable[[], httpx.Response]) -> None:
        while not self._stop.is_set():
            try:
                status = ask().status_code
                failure = "" if status < 300 else f"answer {status}"
            except httpx.HTTPError as error:
                failure = repr(error)
            with self._lock:
                self.answers += 1
                if failure:
                    self.failures.append(failure)
            time.sleep(PAUSE)
