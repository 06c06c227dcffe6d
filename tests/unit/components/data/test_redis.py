"""Redis, as the program registers it."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.unit.components.conftest import DEV, STASH, Run


@pytest.fixture
def stack(run: Callable[..., Run]) -> Run:
    return run({**DEV, "redis": json.dumps({"max_memory": "100MB", "eviction": "noeviction"})})


@pytest.fixture
def password(stack: Run) -> str:
    return str(stack.one(STASH, "redis-password").inputs["input"])


def test_a_stack_has_none_unless_its_config_asks_for_one(run: Callable[..., Run]) -> None:
    plain = run(DEV)
    assert not [each.name for each in plain.resources if "redis" in each.name]
    assert "redis" not in plain.platform.versions
    assert "redis-url" not in plain.uploads("api")


def test_it_is_a_cache_in_memory_with_a_password(stack: Run, password: str) -> None:
    assert not stack.container("redis").get("ports")
    assert stack.networks("redis") == {"data"}
    assert set(stack.mounts("redis")) == {"/etc/tasktracker"}
    files = stack.uploads("redis")
    assert files["password"] == password
    lines = files["redis.conf"].splitlines()
    for line in (
        f"requirepass {password}",
        'save ""',
        "appendonly no",
        "maxmemory 100mb",
        "maxmemory-policy noeviction",
    ):
        assert line in lines


@pytest.mark.parametrize("service", ["api", "worker"])
def test_the_app_finds_it_by_a_file(stack: Run, password: str, service: str) -> None:
    assert "REDIS_URL_FILE=/etc/tasktracker/redis-url" in stack.container(service)["envs"]
    assert stack.uploads(service)["redis-url"] == f"redis://:{password}@redis:6379/0"
