"""Stacks for the end-to-end tests."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import docker
import httpx
import pytest

from tests.e2e.support.stack import Stack, eventually
from tests.leftovers import name_of_this_run, remove, remove_those_of_dead_runs

#: Pulumi programs, which only an engine can run.
collect_ignore = ["programs"]

#: Stacks that one process may make.
STACKS = 8

#: Stacks of this process, which is one of several if its tests are distributed; each gets subnets and ports of its own.
_numbers = count(1 + STACKS * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")))


@contextlib.contextmanager
def _stacks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Stack]]:
    """Makes stacks, and removes them at the end with everything they made on the host."""
    client = docker.from_env()
    remove_those_of_dead_runs(client)
    made: list[Stack] = []
    folder: Path = tmp_path_factory.mktemp("stacks")

    def make(**config: Any) -> Stack:
        number = next(_numbers)
        # The names keep two runs on one host apart; their subnets still need one run at a time.
        stack = Stack(folder / str(number), name_of_this_run("e2e", number), number, config)
        made.append(stack)
        return stack

    try:
        yield make
    finally:
        for stack in made:
            # Faster than the engine: who interrupts a run doesn't wait for it.
            remove(client, stack.name)


@pytest.fixture(scope="module")
def make_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Stack]]:
    """Makes stacks of a file's own: the health checks of one that stays take a fifth of a processor."""
    with _stacks(tmp_path_factory) as make:
        yield make


#: The stack that most tests share, from the first that needs it.
_shared: list[Stack] = []

#: Seconds for a stack to answer that has slept.
WAKE_TIMEOUT = 30


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The stack that most tests share: up, healthy, with a few tasks in it."""
    with _stacks(tmp_path_factory) as make:
        stack = make()
        stack.up()
        _shared.append(stack)
        yield stack


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Wakes the shared stack for a test that needs it."""
    for stack in _shared:
        if _needs_shared(item) and (asleep := [each for each in stack.containers() if each.status == "paused"]):
            for container in asleep:
                container.unpause()
            eventually(partial(_answers, stack), WAKE_TIMEOUT, "an answer")


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Lets the shared stack sleep while others run: the health checks of one take a fifth of a processor."""
    for stack in _shared:
        if _needs_shared(item) and nextitem is not None and not _needs_shared(nextitem):
            for container in stack.containers():
                # A busy kernel may refuse ("unable to freeze"): then that one stays awake.
                with contextlib.suppress(docker.errors.APIError):
                    container.pause()


def _answers(stack: Stack) -> bool:
    return httpx.get(f"{stack.url}/api/health").is_success


def _needs_shared(item: pytest.Item) -> bool:
    """Whether a test has the fixture `stack` of this file, and none of its own by that name."""
    found = item._fixtureinfo.name2fixturedefs.get("stack", ()) if isinstance(item, pytest.Function) else ()
    return bool(found) and found[-1].baseid == "tests/e2e"


@pytest.fixture
def restored(stack: Stack) -> Iterator[None]:
    """Brings the stack back to its config, whatever the test did."""
    yield
    stack.write_config()
    stack.up()
