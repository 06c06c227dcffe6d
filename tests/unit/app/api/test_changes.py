"""The way of a change to /ws clients."""

import asyncio
import json
from collections.abc import Callable

import pytest
from tasktracker.api import changes
from tasktracker.api.changes import CLIENT_BACKLOG, RESYNC, Hub, TooManyClientsError, listen


def test_every_client_gets_every_message() -> None:
    hub = Hub()

    async def run() -> None:
        with hub.client() as one, hub.client() as other:
            hub.broadcast("m")
            assert await one.next() == await other.next() == "m"
        hub.broadcast("to nobody")

    asyncio.run(run())


def test_a_slow_client_is_cut_off_and_holds_up_nobody() -> None:
    hub = Hub()

    async def run() -> None:
        with hub.client() as slow:
            for number in range(CLIENT_BACKLOG + 5):
                hub.broadcast(str(number))
            assert slow.behind
            assert await slow.next() is None

    asyncio.run(run())


def test_there_is_a_limit_to_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "MAX_CLIENTS", 1)
    hub = Hub()
    with hub.client(), pytest.raises(TooManyClientsError), hub.client():
        pass
    with hub.client():
        pass


class FakeConnection:
    """Notifies once, and fails at the second query."""

    def __init__(self) -> None:
        self.queries = 0
        self.notify: Callable[[str], None] = print
        self.closed = False

    async def add_listener(self, channel: str, callback: Callable[..., None]) -> None:
        def notify(payload: str) -> None:
            callback(self, 1, channel, payload)

        self.notify = notify

    async def execute(self, query: str) -> str:
        self.queries += 1
        if self.queries > 1:
            raise ConnectionResetError
        self.notify('{"id":"1"}')
        return query

    async def close(self, *, timeout: float | None = None) -> None:
        assert timeout
        self.closed = True


def test_listening_resyncs_passes_on_and_raises_when_the_connection_dies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "KEEPALIVE_SECONDS", 0)
    hub, connection = Hub(), FakeConnection()

    async def connect() -> FakeConnection:
        return connection

    async def run() -> None:
        with hub.client() as client:
            with pytest.raises(ConnectionResetError):
                await listen(connect, "channel", hub)
            assert await client.next() == RESYNC
            message = await client.next()
            assert message is not None
            assert json.loads(message) == {"type": "task", "task": {"id": "1"}}

    asyncio.run(run())
    assert connection.closed
