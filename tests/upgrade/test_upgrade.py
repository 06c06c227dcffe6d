"""A stack of the latest release, updated to today's program on a real Docker: its data and its secrets stay, and it
answers while that happens, but for the seconds in which what has another image is recreated."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from settings.releases import SLOTS
from tests.e2e.support.stack import Stack, add_task, eventually, is_done
from tests.leftovers import name_of_this_run, remove
from tests.upgrade.record import build_images
from tests.upgrade.releases import checkout, releases
from tests.upgrade.shapes import dev_config
from toolchain.process.steps import ROOT
from toolchain.pulumi_engine.engine import POLICY_OPTIONS

pytestmark = [pytest.mark.engine, pytest.mark.docker, pytest.mark.nightly]

#: Beside the numbers of the other stacks.
NUMBER = 89

LATEST = releases()[-1]

NOTES = "Call +49 30 1234567, and ask for Jo."

#: Seconds between two requests.
PAUSE = 0.2

#: What a request to the api needs beside the api, and what an update recreates in place. In dev all images are others.
NEEDED = ("postgres", "nats", "nginx")

#: Seconds in which the api has its connections to one of these again.
RECONNECTED = 5

#: The slot of a stack's first release.
FIRST = SLOTS[0]

#: The containers of version 0.1.0 that a slot takes the place of.
REPLACED = ("api", "worker", "dashboard")


def resources(stack: Stack) -> list[dict[str, Any]]:
    """The resources of the state, with secrets in plain text."""
    exported = json.loads(stack.pulumi("stack", "export", "--show-secrets").stdout)
    found: list[dict[str, Any]] = exported["deployment"]["resources"]
    return found


def generated(stack: Stack) -> dict[str, Any]:
    """What the stack generated, by URN."""
    return {each["urn"]: each["outputs"]["output"] for each in resources(stack) if each["type"] == "pulumi:index:Stash"}


def data_volumes(stack: Stack) -> dict[str, str]:
    """The folder of each volume of data, by name: its inode and when it was made.

    Docker's own `CreatedAt` is when a container last set the owner or the mode of that folder.
    """
    names = [
        each["outputs"]["name"]
        for each in resources(stack)
        if each["type"] == "docker:index/volume:Volume" and "components:DataVolume$" in each["urn"]
    ]
    folders = {name: stack.docker.volumes.get(name).attrs["Mountpoint"] for name in names}
    return {
        name: subprocess.run(["stat", "-c", "%i %W", folder], capture_output=True, text=True, check=True).stdout
        for name, folder in folders.items()
    }


@dataclass(frozen=True)
class Answer:
    """A request: when it was sent, when that was over, and what was wrong, if anything."""

    sent: float
    over: float
    wrong: str


@contextmanager
def asked(url: str) -> Iterator[list[Answer]]:
    """Asks again and again while the block runs, each time on a new connection."""
    answers: list[Answer] = []
    stop = threading.Event()

    def ask() -> None:
        while not stop.wait(PAUSE):
            sent = time.time()
            try:
                status = httpx.get(url, timeout=10).status_code
                wrong = "" if status == 200 else f"answer {status}"
            except httpx.HTTPError as error:
                wrong = repr(error)
            answers.append(Answer(sent, time.time(), wrong))

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield answers
    finally:
        stop.set()
        thread.join()


@dataclass(frozen=True)
class Event:
    """What became of a container of the stack: when, the rest of its name, and Docker's word for it."""

    at: float
    container: str
    what: str


@contextmanager
def watched(stack: Stack) -> Iterator[list[Event]]:
    """What becomes of the stack's containers while the block runs."""
    found: list[Event] = []
    prefix = f"tasktracker-{stack.name}-"
    # As they happen: Docker remembers the last 256, many of which are health checks.
    stream = stack.docker.events(decode=True, filters={"type": "container", **stack.filters})

    def listen() -> None:
        for each in stream:
            name = each["Actor"]["Attributes"]["name"].removeprefix(prefix)
            found.append(Event(each["timeNano"] / 1e9, name, each["Action"]))

    thread = threading.Thread(target=listen)
    thread.start()
    try:
        yield found
    finally:
        stream.close()
        thread.join()


def when(events: list[Event], container: str, what: str) -> float:
    """When that happened to a container for the last time; `what` is how Docker's word for it begins."""
    found = [each.at for each in events if each.container == container and each.what.startswith(what)]
    assert found, f"{container}: no {what}"
    return found[-1]


def expect_that_the_old_release_served_until_the_new_one_did(events: list[Event]) -> None:
    switched = when(events, "nginx", "exec_create: release set")
    for service in REPLACED:
        assert when(events, f"{service}-{FIRST}", "health_status: healthy") < switched
        # What stops it is the engine, which removes it.
        for what in ("kill", "die", "destroy"):
            assert switched < when(events, service, what)
    for service in ("api", "dashboard"):
        # nginx is recreated for its image, and never sends requests to the old ones then.
        assert when(events, f"{service}-{FIRST}", "health_status: healthy") < when(events, "nginx", "kill")


def expect_failures_only_while_something_was_recreated(events: list[Event], answers: list[Answer]) -> None:
    recreated = [
        (when(events, each, "kill"), when(events, each, "health_status: healthy") + RECONNECTED) for each in NEEDED
    ]
    failed = [each for each in answers if each.wrong]
    assert [each for each in failed if not any(begin < each.over and each.sent < end for begin, end in recreated)] == []
    # Nor at the switch, nor as the old containers go.
    served = when(events, "nginx", "health_status: healthy")
    later = [each for each in answers if each.sent > served]
    assert len(later) > 10
    assert [each for each in later if each.wrong] == []


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack that the latest release brought up."""
    folder = tmp_path_factory.mktemp("upgrade")
    program = checkout(LATEST, folder / "program")
    build_images(program)
    stack = Stack(
        folder / "stack", name_of_this_run("e2e", NUMBER), NUMBER, dev_config(program, NUMBER), program=program
    )
    try:
        stack.up()
        yield stack
    finally:
        remove(stack.docker, stack.name)


def test_tasks_secrets_and_volumes_stay(old: Stack) -> None:
    stack = old
    with stack.client() as client:
        tasks = [add_task(client, title, notes=NOTES) for title in ("Call Jo", "Water the plants", "Pay the rent")]
        eventually(lambda: all(is_done(client, task) for task in tasks), 30, "the tasks are done")
        before = {task: client.get(f"/api/tasks/{task}").raise_for_status().json() for task in tasks}
    assert {each["notes"] for each in before.values()} == {NOTES}
    secrets, volumes = generated(stack), data_volumes(stack)
    assert len(secrets) >= 5
    assert len(volumes) >= 3

    stack.run_program(ROOT)
    with watched(stack) as events, asked(f"{stack.url}/api/health") as answers:
        stack.pulumi("up", "--yes", "--skip-preview", *POLICY_OPTIONS)

    expect_that_the_old_release_served_until_the_new_one_did(events)
    expect_failures_only_while_something_was_recreated(events, answers)
    with stack.client() as client:
        assert {task: client.get(f"/api/tasks/{task}").raise_for_status().json() for task in tasks} == before
        new = add_task(client, "Write to Jo", notes=NOTES)
        eventually(lambda: is_done(client, new), 30, "a new task is done")
    assert {urn: value for urn, value in generated(stack).items() if urn in secrets} == secrets
    assert {name: made for name, made in data_volumes(stack).items() if name in volumes} == volumes
    assert not {each for each in stack.ids() if each.removesuffix("-files") in REPLACED}
    stack.expect_no_changes()
