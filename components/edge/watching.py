"""How a new release is watched: whether its containers go on running, and how many of its answers fail."""

from __future__ import annotations

import calendar
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.edge.served import SwitchError, shown
from settings.releases import Slot, other

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container, ContainerCollection

#: Failed answers that say nothing yet of a new release.
PASSED_OVER = 2


@dataclass(frozen=True)
class Watch:
    """How a new release is watched.

    `seconds` is for how long once it serves, and `max_error_rate` which percentage of its answers may fail in that
    time. Before it serves, its containers have to have run for `settle` seconds. WebSockets to the release before stay
    for `drain` seconds.
    """

    seconds: int
    max_error_rate: float
    settle: int = 0
    drain: int = 0


def restarts(host: ContainerCollection, containers: Sequence[str]) -> dict[str, int]:
    """How often Docker has restarted containers, by name."""
    return {name: int(host.get(name).attrs["RestartCount"]) for name in containers}


def settle(docker_host: DockerClient, before: Mapping[str, int], seconds: int) -> None:
    """Waits until containers have run for some seconds. Those of the release before have done so long ago.

    `before` has how often they were restarted.

    Raises:
        SwitchError: one has ended.
    """
    host = docker_host.containers
    started = max((_seconds(host.get(name).attrs["State"]["StartedAt"]) for name in before), default=0)
    # By the host's own clock.
    end = time.monotonic() + started + seconds - _seconds(docker_host.info()["SystemTime"])
    while (left := end - time.monotonic()) > 0:
        time.sleep(min(1, left))
        _check_running(host, before)


def watch(host: ContainerCollection, nginx: Container, slot: Slot, how: Watch, before: Mapping[str, int]) -> None:
    """Counts the answers of a slot, and looks at its containers, for a time.

    Raises:
        SwitchError: too many fail, a container has ended, or the slot does not serve any more.
    """
    first = shown(nginx)["requests"]
    end = time.monotonic() + how.seconds
    while time.monotonic() < end:
        time.sleep(1)
        _check_running(host, before)
        found = shown(nginx)
        document = found["release"]
        if slot not in (document["serving"], document.get("canary", {}).get("slot")):
            raise SwitchError(f"another command has sent the requests to {document['serving']}, as a rollback does")
        _check_answers(found["requests"], first, slot, how.max_error_rate)


def _check_answers(
    now: Mapping[str, Mapping[str, int]], first: Mapping[str, Mapping[str, int]], slot: Slot, most: float
) -> None:
    """Refuses a release of which too many answers failed, and more than of the one beside it, if that has requests."""
    failed, answers = (now[slot][key] - first[slot][key] for key in ("failed", "all"))
    failed_beside, beside = (now[other(slot)][key] - first[other(slot)][key] for key in ("failed", "all"))
    # What fails in both slots alike is no fault of the new release.
    is_worse = failed * beside > failed_beside * answers or not beside
    if failed > PASSED_OVER and failed > answers * most / 100 and is_worse:
        raise SwitchError(f"{failed} of the {answers} answers of the release failed, more than {most:g} %")


def _check_running(host: ContainerCollection, before: Mapping[str, int]) -> None:
    """Refuses a container that does not run, or that Docker has restarted since."""
    for name, count in before.items():
        container = host.get(name)
        if container.status != "running" or container.attrs["RestartCount"] != count:
            state = container.attrs["State"]
            # Docker has reset them where it has restarted it.
            reason = "out of memory" if state.get("OOMKilled") else f"exit code {state['ExitCode']}"
            known = state.get("OOMKilled") or state["ExitCode"]
            raise SwitchError(f"{name} does not go on running: it ended{f' ({reason})' if known else ''}")


def _seconds(moment: str) -> float:
    """Docker's time, which has nanoseconds, in seconds since 1970."""
    date, _, _ = moment.partition(".")
    return float(calendar.timegm(time.strptime(date.removesuffix("Z"), "%Y-%m-%dT%H:%M:%S")))
