"""What becomes of a stack whose Docker engine ends and starts again."""

from __future__ import annotations

import time
from collections.abc import Callable

import docker
import pytest

from tests.e2e.support.remote_host import RemoteHost
from tests.e2e.support.stack import Stack, eventually

#: How the engine ends, and what the table of damages calls that.
ENDS = {"crash": "dockerd killed", "stop": "dockerd stopped"}

#: Seconds until all is well again.
TIMEOUT = 120


def expect_comeback(host: RemoteHost, stack: Stack, end: str, answers: Callable[[], bool]) -> float:
    """Ends the host's engine and starts it again: the same containers of the stack run, without any command, and what
    was stopped stays so, such as the worker of the release before.

    Returns the seconds from the engine's return until the site answers.
    """

    def ids() -> dict[str, str]:
        return {str(each.name): str(each.id) for each in host.client().containers.list(all=True)}

    def running() -> set[str]:
        return {str(each.name) for each in host.client().containers.list()}

    def is_well() -> bool:
        code, status = stack.tt("status")
        return code == 0 and answers() and bool(status["services"])

    before, ran = ids(), running()
    if end == "crash":
        host.crash()
    else:
        host.stop("dockerd")
    with pytest.raises(docker.errors.DockerException):
        host.client()
    host.start_docker()
    back = time.monotonic()
    eventually(answers, TIMEOUT, "the site answers")
    seconds = time.monotonic() - back
    eventually(is_well, TIMEOUT, "all services are healthy")
    assert (ids(), running()) == (before, ran)
    return seconds
