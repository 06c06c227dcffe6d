"""Changes of tasks, from PostgreSQL's NOTIFY to every /ws client of this process.

Each api process listens by itself, so a client hears of every change whichever process or worker
made it.
"""

import asyncio
import contextlib
import json
import logging
from collections.abc import Awaitable, Callable, Iterator
from typing import Protocol

logger = logging.getLogger(__name__)

CLIENT_BACKLOG = 200
"""Messages kept for a client that reads slowly. One that falls behind is dropped and starts
anew."""

MAX_CLIENTS = 1000
KEEPALIVE_SECONDS = 10.0

RESYNC = json.dumps({"type": "resync"})
"""Told to clients when changes may have been missed: fetch the list again."""


class TooManyClientsError(Exception):
    """This process serves as many clients as it may."""


class Client:
    """One client's queue of messages. `None` is the last: it fell behind."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[str | None] = asyncio.Queue(CLIENT_BACKLOG)
        self.behind = False

    def offer(self, message: str) -> None:
        """Queue `message`; a full queue is emptied, and ended."""
        if self.behind:
            return
        if self._queue.full():
            self.behind = True
            while not self._queue.empty():
                self._queue.get_nowait()
            self._queue.put_nowait(None)
            return
        self._queue.put_nowait(message)

    async def next(self) -> str | None:
        """The next message, or None if the client fell behind and should connect anew."""
        return await self._queue.get()


class Hub:
    """Hands each message to all clients."""

    def __init__(self) -> None:
        self._clients: set[Client] = set()

    @contextlib.contextmanager
    def client(self) -> Iterator[Client]:
        """Take part from now until the end of the block.

        Raises:
            TooManyClientsError: there are `MAX_CLIENTS` already.
        """
        if len(self._clients) >= MAX_CLIENTS:
            raise TooManyClientsError
        client = Client()
        self._clients.add(client)
        try:
            yield client
        finally:
            self._clients.discard(client)

    def broadcast(self, message: str) -> None:
        """Offer `message` to every client."""
        for client in self._clients:
            client.offer(message)


class Connection(Protocol):
    """The part of an asyncpg connection that listening uses."""

    async def add_listener(self, channel: str, callback: Callable[..., None]) -> None:
        """Call `callback(connection, pid, channel, payload)` for each NOTIFY."""

    async def execute(self, query: str) -> str:
        """Run a statement."""

    async def close(self, *, timeout: float | None = None) -> None:
        """Close it, by force after `timeout` seconds."""


async def listen(connect: Callable[[], Awaitable[Connection]], channel: str, hub: Hub) -> None:
    """Pass notifications on until the connection fails, which it raises.

    Clients are told to resync once the connection stands: they may have missed changes before that.
    """
    connection = await connect()
    try:
        await connection.add_listener(
            channel, lambda _connection, _pid, _channel, payload: hub.broadcast(_message(payload))
        )
        hub.broadcast(RESYNC)
        while True:
            # A dead peer never says goodbye; only a query finds out.
            await connection.execute("SELECT 1")
            await asyncio.sleep(KEEPALIVE_SECONDS)
    finally:
        await connection.close(timeout=1.0)


def _message(payload: str) -> str:
    # The payload is the JSON that the store wrote: no need to parse it only to write it again.
    return f'{{"type":"task","task":{payload}}}'
