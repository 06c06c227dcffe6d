"""What a worker does with one job.

A job may come twice, or while another worker has it: only a task that is still queued is changed,
and each change is one statement that checks this, so a second run has no effect.
"""

import asyncio
import contextlib
import logging
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from tasktracker.store.embedding import embed

logger = logging.getLogger(__name__)

MAX_ATTEMPTS = 10
"""A job that kills its worker comes back; after this many starts its task is given up as failed."""


class Outcome(StrEnum):
    """How a job ended. After any of these its message can go."""

    DONE = "done"
    FAILED = "failed"
    NOTHING_TO_DO = "nothing to do"


class Tasks(Protocol):
    """The part of the store that processing uses."""

    async def begin_attempt(self, task_id: UUID) -> tuple[str, int] | None:
        """Count an attempt; title and count, or None if the task isn't queued any more."""

    async def forget_attempt(self, task_id: UUID) -> None:
        """Take back the count of an attempt."""

    async def finish(self, task_id: UUID, embedding: list[float]) -> bool:
        """Mark a queued task done; False if it isn't queued any more."""

    async def fail(self, task_id: UUID, reason: str) -> bool:
        """Mark a queued task failed; False if it isn't queued any more."""


class Processor:
    """Processes tasks one at a time; may be called concurrently."""

    def __init__(self, tasks: Tasks) -> None:
        self._tasks = tasks

    async def process(self, task_id: UUID) -> Outcome:
        """Compute and store the embedding of one task's title.

        Raises:
            Exception: what the database raises; the task is still queued, try again later.
        """
        try:
            return await self._process(task_id)
        except Exception:
            # The worker lives, so the job did not kill it: the database's errors are no reason to give a task up.
            with contextlib.suppress(Exception):
                await self._tasks.forget_attempt(task_id)
            raise

    async def _process(self, task_id: UUID) -> Outcome:
        attempt = await self._tasks.begin_attempt(task_id)
        if attempt is None:
            return Outcome.NOTHING_TO_DO
        title, count = attempt
        if count > MAX_ATTEMPTS:
            return await self._give_up(task_id, f"gave up after {MAX_ATTEMPTS} attempts")
        try:
            # In a thread: a long title must not hold up the health check.
            embedding = await asyncio.to_thread(embed, title)
        except Exception as error:
            logger.exception("task %s can't be processed", task_id)
            return await self._give_up(task_id, f"{type(error).__name__} while processing")
        changed = await self._tasks.finish(task_id, embedding)
        return Outcome.DONE if changed else Outcome.NOTHING_TO_DO

    async def _give_up(self, task_id: UUID, reason: str) -> Outcome:
        await self._tasks.fail(task_id, reason)
        return Outcome.FAILED
