"""What tests need of the machine, found out once."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

from toolchain import docker_engine

# CI judges a change, not its luck: there the examples are the same each time. No deadline: a busy machine is slow.
settings.register_profile("ci", derandomize=True, deadline=None)
settings.register_profile("here", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") == "true" else "here")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without a Docker engine the tests that need one are skipped by name; in CI they fail."""
    needing = [item for item in items if item.get_closest_marker("docker")]
    if not needing or docker_engine.answers():
        return
    if os.environ.get("CI") == "true":
        raise pytest.UsageError("no Docker engine answers, and with CI=true that is a failure")
    for item in needing:
        item.add_marker(pytest.mark.skip(reason="no Docker engine answers"))
