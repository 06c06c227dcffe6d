"""What tests need of the machine, found out once, and what they leave there, removed."""

from __future__ import annotations

import gc
import os
import signal

import docker
import pytest
from hypothesis import settings
from xdist.remote import Producer

from tests.distribution import GroupScheduling, place
from tests.leftovers import remove_those_of_dead_runs
from toolchain.machine import docker_engine

# CI judges a change, not its luck: there the examples are the same each time. No deadline: a busy machine is slow.
settings.register_profile("ci", derandomize=True, deadline=None)
settings.register_profile("here", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") == "true" else "here")


def pytest_configure() -> None:
    """Sets the process up for tests.

    Unit tests make much garbage and keep little: collected more rarely, they take a tenth less time. SIGINT does what
    tests expect of it, also where a script started them in the background, which ignores it.
    """
    gc.set_threshold(100_000, 20, 100)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> GroupScheduling:
    """What decides which process runs a test, where there are several."""
    return GroupScheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The tests that take longest come first, where several processes run them.

    Without a Docker engine the tests that need one are skipped by name; in CI they fail.
    """
    if "PYTEST_XDIST_WORKER" in os.environ:
        items.sort(key=lambda item: place(item.nodeid))
    needing = [item for item in items if item.get_closest_marker("docker")]
    if not needing or docker_engine.answers():
        return
    if os.environ.get("CI") == "true":
        raise pytest.UsageError("no Docker engine answers, and with CI=true that is a failure")
    for item in needing:
        item.add_marker(pytest.mark.skip(reason="no Docker engine answers"))


def pytest_collection_finish() -> None:
    """Spares the garbage collector the tests themselves, which stay to the end: a tenth of the time of unit tests."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Removes what processes left that ran tests and were killed: an interrupted one has ten seconds to tidy up."""
    if config.getoption("numprocesses") and "PYTEST_XDIST_WORKER" not in os.environ and docker_engine.answers():
        remove_those_of_dead_runs(docker.from_env())
