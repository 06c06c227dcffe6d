"""The HTTP API and /ws."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, cast
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, FastAPI, Query, Response, WebSocket
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.websockets import WebSocketDisconnect

from tasktracker import logs
from tasktracker.api.changes import Client, Hub, TooManyClientsError, listen
from tasktracker.api.crypto import NotesCipher, UndecryptableError
from tasktracker.background import Background
from tasktracker.config import ServiceSettings
from tasktracker.jobs.broker import NatsLink
from tasktracker.jobs.outbox import SWEEP_SECONDS, Relay
from tasktracker.schemas import (
    PAGE_MAX,
    SIMILAR_MAX,
    Health,
    NewTask,
    Queue,
    SimilarTask,
    SimilarTasks,
    TaskDetail,
    TaskPage,
    TaskSummary,
    Version,
)
from tasktracker.store.database import Database, Status, Task
from tasktracker.store.tasks import CHANNEL, TaskStore
from tasktracker.web import health, middleware, problems

QUEUE_SECONDS = 0.5
"""The count takes milliseconds: a partial index has the queued tasks."""

WS_TRY_AGAIN_LATER = 1013
"""Close code from IANA's WebSocket registry: the client is to connect again later."""


@dataclass(frozen=True)
class Services:
    """What the routes work with."""

    store: TaskStore
    relay: Relay
    cipher: NotesCipher
    hub: Hub
    checks: dict[str, health.Check]
    version: Version


def _services(connection: HTTPConnection) -> Services:
    return cast(Services, connection.app.state.services)


S = Annotated[Services, Depends(_services)]
router = APIRouter()


async def _queue(services: Services) -> Queue | None:
    # With the checks below the 3 s of `tasktracker probe`. A container is healthy whatever the queue is like.
    with contextlib.suppress(Exception):
        async with asyncio.timeout(QUEUE_SECONDS):
            return await services.store.queue()
    return None


async def _existing(services: Services, task_id: UUID) -> Task:
    task = await services.store.get(task_id)
    if task is None:
        raise HTTPException(HTTPStatus.NOT_FOUND, f"There is no task {task_id}.")
    return task


@router.post("/api/tasks", status_code=HTTPStatus.ACCEPTED)
async def create_task(new: NewTask, services: S, response: Response) -> TaskSummary:
    """Accept a task. With the 202 it's stored together with the promise of its job."""
    task_id = uuid4()
    notes = services.cipher.encrypt(new.notes, task_id) if new.notes else None
    request_id = logs.request_id.get() or logs.sane_request_id(None)
    task = await services.store.create(task_id, new.title, notes, request_id)
    services.relay.wake()
    response.headers["Location"] = f"/api/tasks/{task_id}"
    return task


@router.get("/api/tasks")
async def list_tasks(
    services: S,
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 20,
    before: UUID | None = None,
    status: Status | None = None,
) -> TaskPage:
    """Tasks, newest first; `before` is the `next` of the page before."""
    # One more than asked for tells whether there is a next page.
    found = await services.store.page(limit + 1, before, status)
    items = list(found[:limit])
    return TaskPage(items=items, next=items[-1].id if len(found) > limit else None)


@router.get("/api/tasks/{task_id}")
async def get_task(task_id: UUID, services: S) -> TaskDetail:
    """One task with its notes."""
    task = await _existing(services, task_id)
    notes, unreadable = None, False
    if task.notes is not None:
        try:
            notes = services.cipher.decrypt(task.notes, task_id)
        except UndecryptableError:
            unreadable = True
    summary = TaskSummary.model_validate(task)
    return TaskDetail(**summary.model_dump(), notes=notes, notes_unreadable=unreadable)


@router.get("/api/tasks/{task_id}/similar")
async def similar_tasks(
    task_id: UUID, services: S, limit: Annotated[int, Query(ge=1, le=SIMILAR_MAX)] = 5
) -> SimilarTasks:
    """The tasks whose titles are nearest to this one's."""
    task = await _existing(services, task_id)
    if task.embedding is None:
        raise HTTPException(HTTPStatus.CONFLICT, f"Task {task_id} is {task.status}: it has nothing to compare yet.")
    found = await services.store.similar(task, limit)
    return SimilarTasks(items=[SimilarTask(**summary.model_dump(), distance=distance) for summary, distance in found])


@router.get("/api/health", response_model=Health)
async def get_health(services: S) -> Health | JSONResponse:
    """200 if tasks can be stored and NATS answers, else 503 with what fails and why."""
    checks = await health.run_checks(services.checks)
    if failing := health.failing(checks):
        return problems.unavailable(failing, checks=checks)
    return Health(status=health.OK, checks=checks, queue=await _queue(services))


@router.get("/api/version")
async def get_version(services: S) -> Version:
    """Which release answers."""
    return services.version


@router.websocket("/ws")
async def changes(websocket: WebSocket, services: S) -> None:
    """Push each change of a task; a client that reads too slowly is cut off and may come back."""
    try:
        # Before the handshake is done: what changes after a client's `open` event isn't missed.
        with services.hub.client() as client:
            await websocket.accept()
            await _push_until_gone(websocket, client)
    except TooManyClientsError:
        await websocket.close(WS_TRY_AGAIN_LATER)


async def _push_until_gone(websocket: WebSocket, client: Client) -> None:
    async def push() -> None:
        while (message := await client.next()) is not None:
            await websocket.send_text(message)
        await websocket.close(WS_TRY_AGAIN_LATER)

    async def drain() -> None:
        # Clients have nothing to say; reading is how their leaving is noticed.
        while (await websocket.receive())["type"] != "websocket.disconnect":
            pass

    tasks = {asyncio.create_task(push()), asyncio.create_task(drain())}
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            gone = (WebSocketDisconnect, asyncio.CancelledError, RuntimeError)
            if isinstance(outcome, Exception) and not isinstance(outcome, gone):
                raise outcome


def create_app(settings: ServiceSettings) -> FastAPI:
    """The api's ASGI app. Neither the database nor NATS need be there when it starts."""
    database = Database(settings.database_url, "tasktracker-api")
    nats = NatsLink(settings.nats, "tasktracker-api")
    store = TaskStore(database)
    relay = Relay(store, nats)
    hub = Hub()

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        background = Background()
        background.start("connection to NATS", nats.stay_connected)
        background.start("relay", relay.run_once, pause=0)
        background.start("sweep", relay.sweep, pause=SWEEP_SECONDS)
        background.start("listener", lambda: listen(database.listener, CHANNEL, hub))
        yield
        await background.stop()
        await database.close()

    app = FastAPI(
        title="Task Tracker",
        version=settings.version,
        lifespan=lifespan,
        openapi_url="/api/openapi.json",
        # Their pages load scripts from elsewhere, which the content security policy forbids.
        docs_url=None,
        redoc_url=None,
    )
    app.state.services = Services(
        store=store,
        relay=relay,
        cipher=NotesCipher(settings.encryption_key.get_secret_value()),
        hub=hub,
        checks={"database": store.check, "nats": nats.ping},
        version=Version(version=settings.version, commit=settings.commit, slot=settings.slot),
    )
    app.include_router(router)
    problems.install(app)
    # The last one added is the outermost.
    app.add_middleware(middleware.BodyLimit)
    app.add_middleware(middleware.RequestContext)
    return app
