"""Containers killed under traffic: they come back, and no accepted task is lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from functools import partial

import httpx
import pytest

from tests.e2e.support.stack import Stack, add_task, eventually, is_done
from tests.services import SERVICES

pytestmark = [pytest.mark.engine, pytest.mark.docker]

#: Seconds between two requests of the traffic.
INTERVAL = 0.1

#: Seconds that a task may take where no message was lost with a connection.
DONE_WITHIN = 5

#: Seconds in which a killed container is healthy again, and in which what it had is done.
BACK_WITHIN = 60


@pytest.fixture(autouse=True)
def calm(stack: Stack) -> Iterator[None]:
    """Waits, after a fault, until tasks are done at their usual pace.

    A message that NATS sent to a connection that was just lost is sent again after its ack_wait (20 s),
    so for as long a task may take longer than the README promises.
    """
    yield
    with stack.client() as client:

        def quick() -> bool:
            tasks = [add_task(client, "calm") for _ in range(3)]
            time.sleep(1)
            return all(is_done(client, task) for task in tasks)

        eventually(quick, BACK_WITHIN, "tasks are done within a second")


class Traffic:
    """Adds tasks, one after the other, and remembers what was accepted and what was not."""

    def __init__(self, stack: Stack) -> None:
        self.accepted: list[str] = []
        self.refused: list[str] = []
        self._stack = stack
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        with self._stack.client() as client:
            while not self._stop.wait(INTERVAL):
                try:
                    response = client.post("/api/tasks", json={"title": f"task {len(self.accepted)}"})
                except httpx.HTTPError as error:
                    self.refused.append(repr(error))
                    continue
                if response.status_code == 202:
                    self.accepted.append(response.json()["id"])
                else:
                    self.refused.append(f"{response.status_code} {response.text}")

    def __enter__(self) -> Traffic:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


#: What is killed at once: what keeps data, what serves, and what takes care of the backups.
TOGETHER = (
    ("postgres", "nats", "object-store"),
    ("api", "worker", "dashboard", "nginx"),
    ("backups", "drills", "file-backups"),
)


def test_each_service_is_killed() -> None:
    assert sorted(service for each in TOGETHER for service in each) == sorted(SERVICES)


@pytest.mark.parametrize(
    "services",
    [pytest.param(each, marks=pytest.mark.nightly if "backups" in each else ()) for each in TOGETHER],
    ids=" ".join,
)
def test_killed_containers_come_back_and_lose_no_task(stack: Stack, services: tuple[str, ...]) -> None:
    def started(service: str) -> str:
        return str(stack.container(service).attrs["State"]["StartedAt"])

    first = {service: started(service) for service in services}

    def is_back(service: str) -> bool:
        return started(service) != first[service] and stack.healthy(service)

    with Traffic(stack) as traffic:
        eventually(lambda: len(traffic.accepted) >= 5, BACK_WITHIN, "traffic flows")
        for service in services:
            stack.kill(service)
        for service in services:
            eventually(partial(is_back, service), BACK_WITHIN, f"{service} is healthy again")
        before = len(traffic.accepted)
        eventually(lambda: len(traffic.accepted) >= before + 5, BACK_WITHIN, "traffic flows again")
    with stack.client() as client:
        for task in traffic.accepted:
            eventually(partial(is_done, client, task), BACK_WITHIN, f"task {task} is done")


@pytest.mark.nightly
def test_the_kills_change_nothing_that_up_would_change_back(stack: Stack) -> None:
    stack.expect_no_changes()


def test_a_stopped_worker_finishes_what_it_has(stack: Stack) -> None:
    with Traffic(stack) as traffic:
        eventually(lambda: len(traffic.accepted) >= 5, BACK_WITHIN, "traffic flows")
        worker = stack.container("worker")
        worker.stop()
        worker.reload()
        assert worker.attrs["State"]["ExitCode"] == 0
        worker.start()
    with stack.client() as client:
        for task in traffic.accepted:
            eventually(partial(is_done, client, task), BACK_WITHIN, f"task {task} is done")
    eventually(lambda: stack.healthy("worker"), BACK_WITHIN, "the worker is healthy again")


@pytest.mark.nightly
@pytest.mark.parametrize("store", ["nats", "postgres"])
def test_health_says_which_store_is_down_and_work_goes_on_when_it_is_back(stack: Stack, store: str) -> None:
    stack.container(store).pause()
    try:
        response = eventually(
            lambda: (answer := httpx.get(f"{stack.url}/api/health", timeout=10)).status_code == 503 and answer,
            30,
            f"health is 503 without {store}",
        )
        assert store in response.text.replace("database", "postgres")
        # Long enough for a few health checks to give up on their answer.
        time.sleep(5)
    finally:
        stack.container(store).unpause()
    eventually(lambda: httpx.get(f"{stack.url}/api/health", timeout=10).status_code == 200, 30, "health is back")
    with stack.client() as client:
        task = add_task(client, "after the pause")
        eventually(lambda: is_done(client, task), DONE_WITHIN, "the task is done")
    for service in ("api", "worker"):
        eventually(partial(stack.healthy, service), BACK_WITHIN, f"{service} is healthy again")
