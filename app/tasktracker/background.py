"""Work that goes on beside requests, whatever happens."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from tasktracker.store.database import is_unavailable

logger = logging.getLogger(__name__)

PAUSE_SECONDS = 1.0


class Outage(Exception):
    """Something outside this process is away; the text says what."""


async def repeat(
    name: str,
    run: Callable[[], Awaitable[None]],
    pause: float = PAUSE_SECONDS,
    until: asyncio.Event | None = None,
) -> None:
    """Run `run` again and again, `pause` seconds apart, until a round ends with `until` set.

    An error ends one round only. It's logged once, not in every round that it lasts: an outage in a
    line, anything else, a bug, with its traceback. After an error the pause is `PAUSE_SECONDS` at
    least.
    """
    failing: str | None = None
    while True:
        wait = pause
        try:
            await run()
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            if reason != failing:
                outage = isinstance(error, Outage) or is_unavailable(error)
                logger.warning("%s fails: %s", name, reason, exc_info=not outage)
            failing = reason
            wait = max(pause, PAUSE_SECONDS)
        else:
            if failing is not None:
                logger.info("%s works again", name)
            failing = None
        if until is not None and until.is_set():
            return
        await asyncio.sleep(wait)


class Background:
    """Repeated work that is started one by one and stopped together."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, name: str, run: Callable[[], Awaitable[None]], pause: float = PAUSE_SECONDS) -> None:
        """Start `repeat(name, run, pause)`."""
        self._tasks.append(asyncio.create_task(repeat(name, run, pause), name=name))

    async def stop(self) -> None:
        """Cancel all, and wait until they have cleaned up."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
