"""Releases in two slots, under requests that are never repeated: what serves, what users notice, and the way back."""

from __future__ import annotations

import io
import json
import re
import ssl
import tarfile
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from settings.releases import other
from tests.e2e.support.load import Load
from tests.e2e.support.stack import Stack, add_task, eventually, execute, is_done

pytestmark = [pytest.mark.engine, pytest.mark.docker]

#: The exit code of `tt` for what is refused.
REFUSED = 4

#: Short, as the faults below show within it.
RELEASE = {"keep_previous": True, "watch": "3s"}

#: The close code that asks a client to connect again (IANA's WebSocket registry).
SERVICE_RESTART = 1012

#: Seconds without a message after which a WebSocket is given up.
CLOSE_TIMEOUT = 120

#: Seconds from the command to the first answer of the release before.
ROLLBACK_TIME = 3.0

#: What an image of the api does with a request, by what is wrong with the release. `first` is whether it is the first
#: one, which is a health check: the release is well for a while.
FAULTS = {
    "ends after 3 s": "first and threading.Timer(3, os._exit, (3,)).start()",
    "out of memory": "first and threading.Timer(3, lambda: b'x' * 2 * 1024**3).start()",
    "one answer of ten fails": "number % 10 == 0 and not scope['path'].endswith('/health') and 1 / 0",
}

#: Python that such an image runs at its start.
FAULTY = """
import os, threading
from itertools import count
from starlette.routing import Router

call, numbers = Router.__call__, count()

async def faulty(self, scope, receive, send):
    if scope["type"] == "http":
        number = next(numbers)
        first = number == 0
        {fault}
    await call(self, scope, receive, send)

Router.__call__ = faulty
"""

#: Those that show before the release gets a request.
BEFORE_SERVING = {"ends after 3 s", "out of memory"}


@pytest.fixture(scope="module")
def stack(make_stack: Callable[..., Stack]) -> Stack:
    stack = make_stack(release=RELEASE)
    stack.up()
    return stack


def served(stack: Stack) -> dict[str, Any]:
    """The document that says what nginx does."""
    found: dict[str, Any] = json.loads(execute(stack.container("nginx"), "release", "show"))["release"]
    return found


def close_code(socket: ClientConnection) -> int | None:
    """The code that a WebSocket is closed with; reads its messages until then."""
    with socket:
        try:
            while True:
                socket.recv(timeout=CLOSE_TIMEOUT)
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else None


def running_workers(stack: Stack) -> list[str]:
    names = (str(each.name) for each in stack.containers())
    return [name.rpartition("-")[2] for name in names if "-worker-" in name]


def test_a_release_takes_over_and_goes_back_with_no_failed_request(stack: Stack) -> None:
    load = Load(stack.url, ssl.create_default_context())
    with ThreadPoolExecutor() as pool, load, stack.client() as client:
        first = served(stack)["serving"]
        assert client.get("/api/version").headers["X-Release"] == served(stack)["releases"][first]
        tasks = [add_task(client, "before")]
        closed = pool.submit(close_code, connect(f"ws://127.0.0.1:{stack.port}/ws"))
        stack.write_config({"api": {"log_level": "warning"}})
        preview = stack.pulumi("preview").stdout
        names = served(stack)["releases"]
        assert f"release {names[first].replace('+', ' ')} ({first}, serving) -> " in preview
        stack.up()
        second = other(first)
        assert served(stack)["serving"] == second
        assert client.get("/api/version").headers["X-Release"] == served(stack)["releases"][second] != names[first]
        assert running_workers(stack) == [second]
        assert closed.result(timeout=10) == SERVICE_RESTART
        with connect(f"ws://127.0.0.1:{stack.port}/ws") as again:
            assert again.response is not None
            assert again.response.headers["X-Release"] == served(stack)["releases"][second]
        tasks.append(add_task(client, "between"))
        stack.expect_no_changes()
        # The release before is still there: only the switch changes.
        ids = stack.ids()
        stack.write_config()
        assert stack.planned() == {"pulumi:index:Stash switch": "update"}
        stack.up()
        assert stack.ids() == ids
        assert served(stack)["serving"] == first
        assert running_workers(stack) == [first]
        tasks.append(add_task(client, "after"))
        for task in tasks:
            eventually(partial(is_done, client, task), 20, "the task is done")
    assert load.failures == []
    assert load.answers > 100


def test_rollback_sends_the_requests_first_and_then_pins(stack: Stack) -> None:
    stack.write_config({"api": {"log_level": "error"}})
    stack.up()
    before, now = other(served(stack)["serving"]), served(stack)["serving"]
    with Load(stack.url, ssl.create_default_context()) as load:
        code, result = stack.tt("rollback")
        assert code == 0, result
        assert served(stack)["serving"] == result["slot"] == before
        assert result["seconds"] < ROLLBACK_TIME
        assert f"pin: {result['release']}" in stack.config_file.read_text()
        assert running_workers(stack) == [before]
    assert load.failures == []
    status = stack.tt("status")[1]
    there = {"id": result["release"], "name": result["name"], "serving": True, "canary": None}
    assert status["releases"][before] == there
    assert status["releases"][now]["serving"] is False
    # Whatever the config says otherwise, the pinned one serves.
    stack.expect_no_changes()
    # The next deploy removes it.
    code, result = stack.tt("deploy", "--yes", "--no-backup")
    assert code == 0, result
    assert served(stack)["serving"] == now
    assert "pin" not in stack.config_file.read_text()


@pytest.mark.nightly
def test_a_release_on_trial_gets_some_clients_until_it_is_aborted_or_promoted(stack: Stack) -> None:
    stack.write_config()
    stack.up()
    document = served(stack)
    serving, tried = document["serving"], other(document["serving"])
    with Load(stack.url, ssl.create_default_context()) as load:
        trial = {"api": {"log_level": "debug"}, "release": {**RELEASE, "canary": 30}}
        stack.write_config(trial)
        assert f"({tried}) for 30 % of the clients" in stack.up().stdout
        assert served(stack)["serving"] == serving
        assert sorted(running_workers(stack)) == ["blue", "green"]
        releases = served(stack)["releases"]
        # Clients of their own, each of which stays with its release.
        seen = Counter(answers_of_a_client(stack) for _ in range(60))
        assert set(seen) == {(releases["blue"],), (releases["green"],)}
        assert 5 <= seen[(releases[tried],)] <= 35
        stack.expect_no_changes()
        status = stack.tt("status")[1]
        assert status["releases"][tried]["canary"] == 30
        # Another release would go where this one is on trial.
        stack.write_config({**trial, "api": {"log_level": "error"}})
        assert f"`./tt promote --stack {stack.name}` or `./tt abort --stack" in stack.up(check=False).stdout
        stack.write_config(trial)
        code, result = stack.tt("abort")
        assert (code, result["slot"]) == (0, serving)
        assert running_workers(stack) == [serving]
        assert {answers_of_a_client(stack) for _ in range(20)} == {(releases[serving],)}
        assert "canary" not in stack.config_file.read_text()
        # The same again, to its other end.
        stack.write_config(trial)
        stack.up()
        code, result = stack.tt("promote")
        assert (code, result["slot"]) == (0, tried)
        assert served(stack)["serving"] == tried
        assert running_workers(stack) == [tried]
        assert stack.tt("promote")[0] == stack.tt("abort")[0] == REFUSED
    assert load.failures == []


def answers_of_a_client(stack: Stack) -> tuple[str, ...]:
    """The releases that a client meets which keeps its cookies."""
    with stack.client() as client:
        return tuple({client.get("/api/version").headers["X-Release"] for _ in range(4)})


def test_a_release_that_there_is_not_is_refused(stack: Stack) -> None:
    before = served(stack)
    code, result = stack.tt("rollback", "0123456789ab")
    assert code == 2
    assert "release '0123456789ab': the host has" in result["error"]
    stack.write_config({"release": {**RELEASE, "pin": "0123456789ab"}})
    refused = stack.up(check=False)
    assert refused.returncode != 0
    assert "tasktracker:release.pin: no slot has the release 0123456789ab; there are" in refused.stdout
    stack.write_config()
    assert served(stack) == before


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": {"dashboard": "tasktracker/dashboard:000000000000"}}, "tasktracker/dashboard:000000000000"),
        (
            {"release": {**RELEASE, "smoke": {"/api/nothing": 200}}, "api": {"log_level": "debug"}},
            "/api/nothing answers 404 and not 200",
        ),
    ],
    ids=["missing image", "smoke request"],
)
def test_a_release_that_can_not_serve_is_not_noticed(stack: Stack, changes: dict[str, Any], message: str) -> None:
    _fails_unnoticed(stack, changes, message)


@pytest.mark.nightly
def test_a_switch_that_was_cut_off_or_changed_by_hand_is_put_right(stack: Stack) -> None:
    stack.write_config()
    stack.up()
    document = served(stack)
    there, away = document["serving"], other(document["serving"])
    with Load(stack.url, ssl.create_default_context()) as load:
        execute(stack.container("nginx"), "release", "set", json.dumps({**document, "serving": away}))
        name = f"tasktracker-{stack.name}-worker-{there}"
        stack.docker.containers.get(name).stop()
        assert f"nginx sends requests to {away}, and the state has {there}" in stack.pulumi("preview").stdout
        stack.up()
        assert served(stack)["serving"] == there
        assert running_workers(stack) == [there]
        stack.docker.containers.get(name).stop()
        assert f"{name} does not run, and {there} gets requests" in stack.up().stdout
        assert running_workers(stack) == [there]
        stack.expect_no_changes()
    assert load.failures == []


@pytest.fixture
def faulty(stack: Stack, request: pytest.FixtureRequest) -> Iterator[str]:
    """An image of the api with a fault."""
    image = stack.container("api").attrs["Config"]["Image"]
    python = "/opt/tasktracker/bin/python"
    folder = f"$({python} -c 'import site; print(site.getsitepackages()[0])')"
    dockerfile = (
        f"FROM {image}\nUSER 0:0\nCOPY fault.py fault.pth /\nRUN cp /fault.py /fault.pth {folder}\nUSER 10004:10004\n"
    )
    # Python runs the lines of such a file at its start: here of the api's alone.
    line = "import sys; 'api' in open('/proc/self/cmdline').read().split(chr(0)) and __import__('fault')\n"
    files = {"Dockerfile": dockerfile, "fault.py": FAULTY.format(fault=FAULTS[request.param]), "fault.pth": line}
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as archive:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text.encode())
            archive.addfile(info, io.BytesIO(text.encode()))
    context.seek(0)
    # A name of its own: a release with another image is another one.
    tag = f"tasktracker/{stack.name}:{request.param.replace(' ', '-')}"
    stack.docker.images.build(fileobj=context, custom_context=True, tag=tag, rm=True, forcerm=True)
    yield tag
    stack.docker.images.remove(tag, force=True)


@pytest.mark.parametrize(
    ("faulty", "message"),
    [
        ("ends after 3 s", "does not go on running: it ended"),
        pytest.param("out of memory", "does not go on running: it ended", marks=pytest.mark.nightly),
        pytest.param(
            "one answer of ten fails", "answers of the release failed, more than 1 %", marks=pytest.mark.nightly
        ),
    ],
    indirect=["faulty"],
)
def test_a_faulty_release_goes_by_itself(
    stack: Stack, faulty: str, message: str, request: pytest.FixtureRequest
) -> None:
    fault = request.node.callspec.id.split("-")[0]
    _fails_unnoticed(stack, {"images": {"api": faulty}}, message, noticed=fault not in BEFORE_SERVING)


def _fails_unnoticed(stack: Stack, changes: dict[str, Any], message: str, *, noticed: bool = False) -> None:
    """An `up` to a release that fails: the one before serves on, and the next `up` brings all in line."""
    stack.write_config()
    stack.up()
    before, workers = served(stack), running_workers(stack)
    with Load(stack.url, ssl.create_default_context()) as load:
        stack.write_config(changes)
        result = stack.up(check=False)
        assert result.returncode != 0
        assert message in result.stdout
        # The api's own may be in its log, within a line.
        assert not re.search("^ *Traceback", result.stdout, re.MULTILINE)
        after = served(stack)
        assert (after["serving"], after["releases"]) == (before["serving"], before["releases"])
        assert running_workers(stack) == workers
        # Where it failed once, it is not taken for done.
        stack.write_config()
        stack.up()
        stack.expect_no_changes()
        with stack.client() as client:
            assert client.get("/api/version").headers["X-Release"] == before["releases"][before["serving"]]
    if noticed:
        assert 0 < len(load.failures) < load.answers / 10
    else:
        assert load.failures == []
