"""The HTTP side, with the store faked: validation, problem details, limits, request ids, /ws."""

import asyncio
import json
from collections.abc import Callable, MutableMapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from starlette.websockets import WebSocketDisconnect
from tasktracker.api import changes
from tasktracker.api.app import Services, create_app
from tasktracker.api.changes import Hub
from tasktracker.api.crypto import NotesCipher
from tasktracker.background import Outage
from tasktracker.config import ServiceSettings, load
from tasktracker.schemas import Queue, TaskSummary, Version
from tasktracker.store.database import Status, Task
from tasktracker.store.tasks import UnconfirmedError
from tasktracker.web.middleware import MAX_BODY_BYTES

NOW = datetime(2026, 1, 1, tzinfo=UTC)
EMBEDDING = [1.0] + [0.0] * 63


def summary(task: Task) -> TaskSummary:
    return TaskSummary.model_validate(task)


class FakeStore:
    def __init__(self) -> None:
        self.tasks: dict[UUID, Task] = {}
        self.error: Exception | None = None
        self.asked: tuple[object, ...] = ()

    async def create(self, task_id: UUID, title: str, notes: bytes | None, request_id: str) -> TaskSummary:
        if self.error:
            raise self.error
        task = Task(
            id=task_id,
            title=title,
            notes=notes,
            status=Status.QUEUED,
            request_id=request_id,
            created_at=NOW,
            updated_at=NOW,
        )
        self.tasks[task_id] = task
        return summary(task)

    async def get(self, task_id: UUID) -> Task | None:
        return self.tasks.get(task_id)

    async def page(self, limit: int, before: UUID | None, status: Status | None) -> Sequence[TaskSummary]:
        self.asked = (limit, before, status)
        return [summary(task) for task in self.tasks.values()][:limit]

    async def queue(self) -> Queue:
        if self.error:
            raise self.error
        return Queue(waiting=len(self.tasks), oldest_seconds=1.5, not_in_nats=1)

    async def similar(self, task: Task, limit: int) -> Sequence[tuple[TaskSummary, float]]:
        return [(summary(other), 0.25) for other in self.tasks.values() if other is not task][:limit]


class FakeRelay:
    def __init__(self) -> None:
        self.woken = 0

    def wake(self) -> None:
        self.woken += 1


class Api:
    """The app with fakes behind it, and a client in front."""

    def __init__(self, settings: ServiceSettings) -> None:
        self.store = FakeStore()
        self.relay = FakeRelay()
        self.hub = Hub()
        self.checks: dict[str, Callable[[], Any]] = {}
        app = create_app(settings)
        app.state.services = Services(
            store=self.store,  # type: ignore[arg-type]
            relay=self.relay,  # type: ignore[arg-type]
            cipher=NotesCipher("k" * 32),
            hub=self.hub,
            checks=self.checks,
            version=Version(version="1.2.3", commit="abc", slot="blue"),
        )
        # Without its lifespan: nothing here connects to anything.
        self.client = TestClient(app, raise_server_exceptions=False)

    def post(self, title: object = "a task", **more: object) -> Any:
        return self.client.post("/api/tasks", json={"title": title, **more})


@pytest.fixture
def api(tmp_path: Path) -> Api:
    environ = {}
    for name, text in {
        "DATABASE_URL_FILE": "postgresql://u:p@127.0.0.1:1/d",
        "NATS_URL_FILE": "nats://u:p@127.0.0.1:1",
        "ENCRYPTION_KEY_FILE": "k" * 32,
    }.items():
        (tmp_path / name).write_text(text)
        environ[name] = str(tmp_path / name)
    return Api(load(ServiceSettings, environ))


def problem(response: Any, status: int) -> dict[str, Any]:
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert body["status"] == status
    assert body["title"]
    assert body["request_id"] == response.headers["x-request-id"]
    return body


def test_a_task_is_accepted_and_its_relay_woken(api: Api) -> None:
    response = api.post("  a task ")
    task = response.json()
    assert response.status_code == 202
    assert (task["title"], task["status"]) == ("a task", "queued")
    assert response.headers["location"] == f"/api/tasks/{task['id']}"
    assert api.relay.woken == 1


def test_notes_are_stored_encrypted_and_read_back(api: Api) -> None:
    task_id = api.post(notes="for your eyes").json()["id"]
    stored = api.store.tasks[UUID(task_id)]
    assert stored.notes
    assert b"eyes" not in stored.notes
    detail = api.client.get(f"/api/tasks/{task_id}").json()
    assert (detail["notes"], detail["notes_unreadable"]) == ("for your eyes", False)
    stored.notes = NotesCipher("another key, also of 32 bytes....").encrypt("x", UUID(task_id))
    detail = api.client.get(f"/api/tasks/{task_id}").json()
    assert (detail["notes"], detail["notes_unreadable"]) == (None, True)


@pytest.mark.parametrize("title", ["x", "x" * 500, " " + "é" * 500 + " ", "日本語 🎉"])
def test_good_titles(api: Api, title: str) -> None:
    assert api.post(title).status_code == 202


@pytest.mark.parametrize("title", ["", "   ", "x" * 501, "a\0b", "a\x1bb", "a\nb", 5, None, ["x"]])
def test_bad_titles(api: Api, title: object) -> None:
    body = problem(api.post(title), 422)
    assert [error["pointer"] for error in body["errors"]] == ["/title"]
    assert body["detail"].startswith("title: ")
    assert not api.store.tasks


def test_bad_notes_and_unknown_fields(api: Api) -> None:
    assert problem(api.post(notes="x" * 2001), 422)["errors"][0]["pointer"] == "/notes"
    assert problem(api.post(colour="red"), 422)["errors"][0]["pointer"] == "/colour"


@pytest.mark.parametrize("body", [b"{", b"", b"[]", b'{"title": "\\ud800"}'])
def test_bodies_that_are_no_task(api: Api, body: bytes) -> None:
    headers = {"content-type": "application/json"}
    problem(api.client.post("/api/tasks", content=body, headers=headers), 422)


def test_a_body_that_is_no_text(api: Api) -> None:
    headers = {"content-type": "application/json"}
    problem(api.client.post("/api/tasks", content=b"\xff", headers=headers), 400)


def test_large_bodies_are_refused_announced_or_not(api: Api) -> None:
    big = b" " * (MAX_BODY_BYTES + 1)
    headers = {"content-type": "application/json"}
    problem(api.client.post("/api/tasks", content=big, headers=headers), 413)
    chunks = iter([big[: MAX_BODY_BYTES // 2]] * 3)
    problem(api.client.post("/api/tasks", content=chunks, headers=headers), 413)


def test_unknown_things_are_404(api: Api) -> None:
    missing = uuid4()
    assert str(missing) in problem(api.client.get(f"/api/tasks/{missing}"), 404)["detail"]
    problem(api.client.get(f"/api/tasks/{missing}/similar"), 404)
    problem(api.client.get("/api/nothing"), 404)
    problem(api.client.put("/api/tasks"), 405)
    assert problem(api.client.get("/api/tasks/7"), 422)["errors"][0]["parameter"] == "task_id"


def test_pages(api: Api) -> None:
    ids = [api.post(f"task {number}").json()["id"] for number in range(3)]
    page = api.client.get("/api/tasks", params={"limit": 2, "before": ids[0], "status": "queued"}).json()
    assert ([task["id"] for task in page["items"]], page["next"]) == (ids[:2], ids[1])
    assert api.store.asked == (3, UUID(ids[0]), Status.QUEUED)
    assert api.client.get("/api/tasks", params={"limit": 3}).json()["next"] is None


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "before=1", "status=lost"])
def test_bad_queries(api: Api, query: str) -> None:
    assert problem(api.client.get(f"/api/tasks?{query}"), 422)["errors"][0]["parameter"] == query.partition("=")[0]


def test_similar_needs_a_processed_task(api: Api) -> None:
    first, other = (api.post(title).json()["id"] for title in ("one", "two"))
    assert "queued" in problem(api.client.get(f"/api/tasks/{first}/similar"), 409)["detail"]
    api.store.tasks[UUID(first)].embedding = EMBEDDING
    items = api.client.get(f"/api/tasks/{first}/similar").json()["items"]
    assert [(item["id"], item["distance"]) for item in items] == [(other, 0.25)]


def test_a_database_that_is_away_is_503(api: Api) -> None:
    api.store.error = ConnectionRefusedError("postgres:5432")
    response = api.post()
    assert "postgres:5432" not in problem(response, 503)["detail"]
    assert response.headers["retry-after"]
    assert api.relay.woken == 0


def test_a_bug_is_500_and_says_nothing_of_itself(api: Api) -> None:
    api.store.error = KeyError("inner workings")
    assert "inner workings" not in json.dumps(problem(api.post(), 500))


def test_request_ids_are_taken_over_if_sane(api: Api) -> None:
    assert api.client.get("/api/version", headers={"x-request-id": "abc-1"}).headers["x-request-id"] == "abc-1"
    made = api.client.get("/api/version", headers={"x-request-id": "a b"}).headers["x-request-id"]
    assert len(made) == 32
    api.client.post("/api/tasks", json={"title": "x"}, headers={"x-request-id": "abc-2"})
    assert [task.request_id for task in api.store.tasks.values()] == ["abc-2"]


def test_health_names_what_is_down(api: Api) -> None:
    async def fine() -> None:
        pass

    async def away() -> None:
        raise Outage("not connected")

    async def broken() -> None:
        raise OSError("secret host")

    api.checks.update(database=fine, nats=fine)
    well = api.client.get("/api/health").json()
    assert (well["status"], well["checks"]) == ("ok", {"database": "ok", "nats": "ok"})
    api.checks.update(nats=away)
    body = problem(api.client.get("/api/health"), 503)
    assert (body["detail"], body["checks"]) == (
        "Unavailable: nats (not connected).",
        {"database": "ok", "nats": "not connected"},
    )
    api.checks.update(database=broken)
    assert problem(api.client.get("/api/health"), 503)["checks"]["database"] == "unavailable (OSError)"


def test_health_has_the_queue_and_is_no_worse_for_it(api: Api) -> None:
    api.post("one")
    queue = {"waiting": 1, "oldest_seconds": 1.5, "not_in_nats": 1}
    assert api.client.get("/api/health").json() == {"status": "ok", "checks": {}, "queue": queue}
    api.store.error = OSError("secret host")
    response = api.client.get("/api/health")
    assert (response.status_code, response.json()["queue"]) == (200, None)


def test_version(api: Api) -> None:
    assert api.client.get("/api/version").json() == {"version": "1.2.3", "commit": "abc", "slot": "blue"}


def test_ws_pushes_and_lets_go(api: Api) -> None:
    async def run() -> None:
        incoming: asyncio.Queue[MutableMapping[str, Any]] = asyncio.Queue()
        outgoing: asyncio.Queue[MutableMapping[str, Any]] = asyncio.Queue()
        scope = {"type": "websocket", "path": "/ws", "raw_path": b"/ws", "query_string": b"", "headers": []}
        app = api.client.app(scope, incoming.get, outgoing.put)
        async with asyncio.timeout(5), asyncio.TaskGroup() as group:
            group.create_task(app)  # type: ignore[arg-type]
            incoming.put_nowait({"type": "websocket.connect"})
            assert (await outgoing.get())["type"] == "websocket.accept"
            api.hub.broadcast("change")
            assert (await outgoing.get())["text"] == "change"
            incoming.put_nowait({"type": "websocket.disconnect", "code": 1000})
        # The group ends only when the handler has; and the hub knows the client no more.
        assert not api.hub._clients

    asyncio.run(run())


def test_ws_refuses_more_clients_than_it_may_serve(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "MAX_CLIENTS", 0)
    with pytest.raises(WebSocketDisconnect), api.client.websocket_connect("/ws"):
        pass


def test_a_task_that_may_be_stored_is_not_to_be_repeated_unseen(api: Api) -> None:
    task = uuid4()
    api.store.error = UnconfirmedError(task)
    response = api.client.post("/api/tasks", json={"title": "a"})
    assert response.status_code == 503
    assert response.json()["detail"] == f"Not known whether the task is stored: GET /api/tasks/{task} shows it."
    assert "Retry-After" not in response.headers
