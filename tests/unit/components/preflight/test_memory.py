"""A limit below what a container uses is refused before it is set."""

from __future__ import annotations

import json
from typing import Any

import docker
import pulumi
import pytest

from components.core.naming import Naming
from components.preflight.memory import refuse_too_low
from settings import parse
from settings.services import SERVICES
from tests.services import OPTIONAL
from tests.unit.components.conftest import API_TOKEN, CONTAINER, DEV, TUNNEL, Run

MB = 1024 * 1024
API = "tasktracker-test-api-blue"


class Client:
    """A host on which each container uses so many MB, and caches as many of files."""

    def __init__(self, cache_key: str, **used: int) -> None:
        self.api, self.used, self.key = self, used, cache_key
        self.asked: list[str] = []

    def stats(self, container: str, *, stream: bool, one_shot: bool) -> dict[str, Any]:
        assert not stream
        assert one_shot
        self.asked.append(container)
        name = container.removeprefix("tasktracker-test-").removesuffix("-blue")
        if name not in self.used:
            raise docker.errors.NotFound("no such container")
        return {"memory_stats": {"usage": 2 * self.used[name] * MB, "stats": {self.key: self.used[name] * MB}}}


def told(client: Client, limit: str, current: dict[str, int]) -> list[str]:
    settings = parse("test", {**DEV, "api": json.dumps({"resources": {"memory": limit, "memory_reservation": "32MB"}})})
    try:
        refuse_too_low("test", settings, current, client)  # type: ignore[arg-type]
    except pulumi.RunError as error:
        return str(error).splitlines()
    return []


@pytest.mark.parametrize("key", ["inactive_file", "total_inactive_file"])
def test_a_limit_below_the_use_is_refused(key: str) -> None:
    assert told(Client(key, api=200), "220MB", {API: 1024}) == [
        "memory limits are below what is in use. Nothing was changed.",
        "  tasktracker:api.resources.memory = 220MB: tasktracker-test-api-blue uses 200 MB now, so at least 240MB",
        "      ./tt pulumi config set --path tasktracker:api.resources.memory 240MB --stack test",
    ]
    assert told(Client(key, api=200), "240MB", {API: 1024}) == []


def test_only_lower_limits_of_containers_that_run_are_looked_at() -> None:
    client = Client("inactive_file", api=900)
    assert told(client, "256MB", {API: 256}) == []
    assert told(client, "256MB", {}) == []
    assert client.asked == []
    assert told(Client("inactive_file"), "256MB", {API: 1024}) == []


def test_every_service_that_runs_is_known(run: Any) -> None:
    # The other slot is empty in a new stack.
    known = {
        Naming("test").container(name)
        for service in SERVICES.values()
        for name in service.containers
        if not name.endswith("-green")
    }
    # With a service that no part makes, `running` lacks it.
    optional: Run = run({**DEV, **OPTIONAL})
    tunnel: Run = run(TUNNEL, API_TOKEN)
    running = {
        each.inputs["name"]
        for result in (optional, tunnel)
        for each in result.all(CONTAINER)
        if each.inputs.get("healthcheck")
    }
    assert running == known
