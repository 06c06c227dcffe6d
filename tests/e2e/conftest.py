"""Stacks for the end-to-end tests."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.e2e.stack import Stack, remove_leftovers, stacks_of_dead_runs

#: Pulumi programs, which only an engine can run.
collect_ignore = ["programs"]

#: Stacks of this run; each gets subnets and ports of its own.
_numbers = count(1)


@pytest.fixture(scope="session")
def make_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Stack]]:
    """Makes stacks, and removes them with everything they made on the host."""
    client = docker.from_env()
    for leftover in stacks_of_dead_runs(client):
        remove_leftovers(client, leftover)
    made: list[Stack] = []
    folder: Path = tmp_path_factory.mktemp("stacks")

    def make(**config: Any) -> Stack:
        number = next(_numbers)
        # The process id keeps two runs on one host apart; their subnets still need one run at a time.
        stack = Stack(folder / str(number), f"e2e{os.getpid()}-{number}", number, config)
        made.append(stack)
        return stack

    yield make
    for stack in made:
        stack.destroy_all()


@pytest.fixture(scope="session")
def stack(make_stack: Callable[..., Stack]) -> Stack:
    """The stack that most tests share: up, healthy, with a few tasks in it."""
    stack = make_stack()
    stack.up()
    return stack
