"""A limit of NATS' store below what its streams hold is refused."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import docker
import pulumi
import pytest

from components.preflight.streams import refuse_too_small
from settings import parse
from tests.unit.components.conftest import DEV

MB = 1024 * 1024


def told(limit: str, answer: tuple[int, bytes] | Exception) -> list[str]:
    def get(name: str) -> Any:
        assert name == "tasktracker-test-nats"
        if isinstance(answer, Exception):
            raise answer
        return SimpleNamespace(exec_run=lambda command: answer)

    client: Any = SimpleNamespace(containers=SimpleNamespace(get=get))
    settings = parse("test", {**DEV, "nats": json.dumps({"max_file_store": limit, "max_memory_store": "1MB"})})
    try:
        refuse_too_small("test", settings, client)
    except pulumi.RunError as error:
        return str(error).splitlines()
    return []


def stored(size: int) -> tuple[int, bytes]:
    return 0, json.dumps({"storage": size}).encode()


def test_a_limit_below_what_is_stored_is_refused() -> None:
    assert told("100MB", stored(100 * MB)) == [
        "NATS would take no jobs. Nothing was changed.",
        "  tasktracker:nats.max_file_store = 100MB: its streams hold 100 MB, so at least 111MB",
        "      ./tt pulumi config set --path tasktracker:nats.max_file_store 111MB --stack test",
    ]
    assert told("110MB", stored(100 * MB)) != []
    assert told("111MB", stored(100 * MB)) == []


@pytest.mark.parametrize(
    "answer",
    [stored(0), (7, b""), (0, b"<html>"), (0, b"{}"), (0, b"[]"), docker.errors.NotFound("no such container"),
     docker.errors.APIError("container is paused")],
)  # fmt: skip
def test_a_nats_that_stores_nothing_or_does_not_answer_is_passed_over(answer: tuple[int, bytes] | Exception) -> None:
    assert told("1MB", answer) == []
