"""Stacks for the end-to-end tests."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.e2e.stack import Stack
from tests.leftovers import name_of_this_run, remove, remove_those_of_dead_runs

#: Pulumi programs, which only an engine can run.
collect_ignore = ["programs"]

#: Stacks that one process may make.
STACKS = 8

#: Stacks of this process, which is one of several if its tests are distributed; each gets subnets and ports of its own.
_numbers = count(1 + STACKS * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")))


@pytest.fixture(scope="session")
def make_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Stack]]:
    """Makes stacks, and removes them with everything they made on the host."""
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

    yield make
    for stack in made:
        # Faster than the engine: who interrupts a run doesn't wait for it.
        remove(client, stack.name)


@pytest.fixture(scope="session")
def stack(make_stack: Callable[..., Stack]) -> Stack:
    """The stack that most tests share: up, healthy, with a few tasks in it."""
    stack = make_stack()
    stack.up()
    return stack


@pytest.fixture
def restored(stack: Stack) -> Iterator[None]:
    """Brings the stack back to its config, whatever the test did."""
    yield
    stack.write_config()
    stack.up()
