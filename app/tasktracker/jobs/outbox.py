"""The outbox's relay: takes promised jobs from the database to JetStream.

A task's row and its outbox entry are committed together, so an accepted task can't lose its job.
The relay deletes an entry only when JetStream has acknowledged the job. It may thus deliver one
twice (if it dies in between), never not at all; the job's message id lets JetStream drop most
doubles and the worker is indifferent to the rest.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol
from uuid import UUID

from tasktracker.background import Outage

logger = logging.getLogger(__name__)

BATCH = 100
"""Jobs published at once: enough for the rate, few enough to keep the transaction short."""

POLL_SECONDS = 1.0
"""How soon another process's forgotten entry is found; our own requests wake the relay at once."""

SWEEP_SECONDS = 15.0
STALE = timedelta(seconds=60)
"""A job takes milliseconds and is redelivered after 20 s; one that is this old has lost its
message."""

SWEEP_LIMIT = 500


@dataclass(frozen=True)
class Job:
    """One outbox entry."""

    id: int
    task_id: UUID
    request_id: str

    @property
    def message_id(self) -> str:
        """For JetStream's duplicate window; unique even if the database starts anew."""
        return f"{self.task_id}:{self.id}"


@dataclass(frozen=True)
class Delivery:
    """What became of a batch: ids that JetStream has, and the first error, if any."""

    taken: int
    delivered: list[int]
    error: Exception | None


class Outbox(Protocol):
    """The part of the store that the relay uses."""

    async def deliver(self, publish: Callable[[Sequence[Job]], Awaitable[Delivery]], limit: int) -> Delivery:
        """Hand entries to `publish`, delete those it delivered."""

    async def sweep(self, age: timedelta, limit: int) -> int:
        """Promise jobs again that got lost."""


class Queue(Protocol):
    """Where jobs go."""

    @property
    def connected(self) -> bool:
        """Whether a publish has a chance."""

    async def publish(self, job: Job) -> None:
        """Return when the job is stored; raise if it's not known to be."""


async def publish_all(queue: Queue, jobs: Sequence[Job]) -> Delivery:
    """Publish `jobs` at once; one that fails doesn't hold up the others."""
    results = await asyncio.gather(*map(queue.publish, jobs), return_exceptions=True)
    delivered, error = [], None
    for job, result in zip(jobs, results, strict=True):
        if result is None:
            delivered.append(job.id)
        elif isinstance(result, Exception):
            error = error or result
        else:
            raise result
    return Delivery(taken=len(jobs), delivered=delivered, error=error)


class Relay:
    """Moves outbox entries to the queue; any number may run, in any number of processes."""

    def __init__(self, outbox: Outbox, queue: Queue) -> None:
        self._outbox = outbox
        self._queue = queue
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Say that an entry was just committed."""
        self._wake.set()

    async def run_once(self) -> None:
        """Wait until woken or `POLL_SECONDS` have passed, then deliver until the outbox is empty.

        Raises:
            Outage: something couldn't be delivered; it stays in the outbox.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(POLL_SECONDS):
                await self._wake.wait()
        self._wake.clear()
        if not self._queue.connected:
            return
        taken = BATCH
        while taken == BATCH:
            delivery = await self._outbox.deliver(self._publish, BATCH)
            if delivery.error is not None:
                failed = delivery.taken - len(delivery.delivered)
                raise Outage(f"{failed} jobs stay in the outbox: {delivery.error}")
            taken = delivery.taken

    async def _publish(self, jobs: Sequence[Job]) -> Delivery:
        return await publish_all(self._queue, jobs)

    async def sweep(self) -> None:
        """Enqueue again what has been queued for longer than `STALE` without being processed."""
        count = await self._outbox.sweep(STALE, SWEEP_LIMIT)
        if count:
            logger.warning("enqueued %d tasks again that were queued for too long", count)
            self.wake()
