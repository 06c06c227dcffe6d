"""A port that a process of this machine has is found before an update."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from components.preflight.host_conflicts import HostConflicts, refusal
from components.preflight.ports import with_processes
from settings import parse
from tests.unit.components.conftest import DEV

NOTHING = HostConflicts((), (), ())


@pytest.fixture(params=["127.0.0.1", "0.0.0.0"])
def port(request: pytest.FixtureRequest) -> Iterator[int]:
    """A port on which this process listens."""
    with socket.create_server((request.param, 0)) as server:
        yield server.getsockname()[1]


def message(port: int, containers: list[dict[str, Any]]) -> str | None:
    nginx = {"publish": {"address": "127.0.0.1", "port": port}}
    settings = parse("test", {**DEV, "nginx": json.dumps(nginx)})
    return refusal("test", settings, with_processes(NOTHING, settings, containers))


def test_a_port_of_a_process_is_refused_by_its_name(port: int) -> None:
    text = message(port, [])
    assert text is not None
    name = Path("/proc/self/comm").read_text().strip()
    assert (
        f"tasktracker:nginx.publish.port = {port}: is in use already, at 127.0.0.1:{port} of the process {name}"
        f" (PID {os.getpid()});"
    ) in text
    assert "config set --path tasktracker:nginx.publish.port " in text


def test_a_port_of_a_container_is_not_a_process_s(port: int) -> None:
    assert message(port, [{"Ports": [{"PublicPort": port, "IP": "127.0.0.1"}]}]) is None


def test_a_port_that_nothing_has_is_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        free = server.getsockname()[1]
    assert message(free, []) is None
