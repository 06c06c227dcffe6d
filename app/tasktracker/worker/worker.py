"""The worker: TaskIQ's receiver beside an HTTP server for `/health`, in one process.

One process, not the `taskiq` command's tree of them: the container's init sees the worker itself
die, and the health check asks the process that does the work.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from taskiq import Context, TaskiqDepends
from taskiq.acks import AcknowledgeType
from taskiq.receiver import Receiver

from tasktracker import logs
from tasktracker.background import repeat
from tasktracker.config import ServiceSettings
from tasktracker.jobs.broker import REQUEST_ID_LABEL, TASK_NAME, JobBroker, NatsLink
from tasktracker.store.database import Database, is_unavailable
from tasktracker.store.tasks import TaskStore
from tasktracker.web import health, middleware, problems
from tasktracker.worker.processing import Processor

logger = logging.getLogger(__name__)

CONCURRENCY = 10
"""Jobs at once; the database's pool has a connection for each."""

JOB_SECONDS = 15.0
"""A job takes milliseconds. Below `broker.ACK_WAIT_SECONDS`, so that no two workers have it at
once."""

DRAIN_SECONDS = 25.0
"""For jobs under way after SIGTERM, of the 30 s that the container gets to stop."""


class Worker:
    """Takes jobs from NATS and has them processed, until told to stop."""

    def __init__(self, nats: NatsLink, processor: Processor) -> None:
        self._nats = nats
        self._processor = processor
        self._finish = asyncio.Event()
        self._receiving = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to take jobs, as soon as NATS is there."""
        self._task = asyncio.create_task(
            repeat("receiver", lambda: self._nats.session(self._receive), until=self._finish)
        )

    async def stop(self) -> None:
        """Take no more jobs, and return when those under way have ended, or after `DRAIN_SECONDS`.

        What hasn't ended by then isn't acknowledged, and comes back to another worker.
        """
        self._finish.set()
        if self._task is None:
            return
        await asyncio.wait({self._task}, timeout=DRAIN_SECONDS if self._receiving else 0)
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _receive(self, broker: JobBroker) -> None:
        @broker.task(task_name=TASK_NAME)
        async def process_task(task_id: str, context: Annotated[Context, TaskiqDepends()]) -> None:
            await self._handle(task_id, context)

        receiver = Receiver(
            broker,
            max_async_tasks=CONCURRENCY,
            # The session has started it.
            run_startup=False,
            # TaskIQ would acknowledge a job that raised; `_handle` acknowledges only what has an
            # outcome.
            ack_type=AcknowledgeType.MANUAL,
        )
        self._receiving = True
        try:
            await receiver.listen(self._finish)
        finally:
            self._receiving = False

    async def _handle(self, task_id: str, context: Context) -> None:
        """One delivery of one job. If it isn't acknowledged, it's delivered again."""
        logs.request_id.set(logs.sane_request_id(context.message.labels.get(REQUEST_ID_LABEL)))
        started = time.perf_counter()
        try:
            async with asyncio.timeout(JOB_SECONDS):
                outcome = await self._processor.process(UUID(task_id))
        except Exception as error:
            logger.warning(
                "task will be tried again: %s: %s",
                type(error).__name__,
                error,
                extra={"task_id": task_id},
                exc_info=not is_unavailable(error),
            )
            return
        await context.ack()
        logger.info(
            "task processed",
            extra={
                "task_id": task_id,
                "outcome": outcome,
                "milliseconds": round((time.perf_counter() - started) * 1000, 1),
            },
        )


def create_app(settings: ServiceSettings) -> Starlette:
    """The worker as an ASGI app: it works while the app runs, and drains when that shuts down."""
    database = Database(settings.database_url, "tasktracker-worker")
    nats = NatsLink(settings.nats, "tasktracker-worker")
    store = TaskStore(database)
    worker = Worker(nats, Processor(store))
    checks = {"database": store.check, "nats": nats.ping}

    async def get_health(_: Request) -> JSONResponse:
        outcomes = await health.run_checks(checks)
        if failing := health.failing(outcomes):
            return problems.unavailable(failing, checks=outcomes)
        return JSONResponse({"status": health.OK, "checks": outcomes})

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        worker.start()
        yield
        logger.info("stopping: taking no more jobs")
        await worker.stop()
        await database.close()
        logger.info("stopped")

    return Starlette(
        routes=[Route("/health", get_health)],
        lifespan=lifespan,
        middleware=[Middleware(middleware.RequestContext)],
    )
