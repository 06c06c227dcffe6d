"""The switch from one release to another, on the Docker host: what the hook of the switch's record does."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi

from components.core.host_client import client, last_errors, last_log_lines
from components.edge.served import Smoke, SwitchError, attempt, shown, use
from components.edge.watching import Watch, restarts, settle, watch
from remote import redacted
from settings.releases import Slot

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container, ContainerCollection

#: Seconds that one command in nginx's container may take.
COMMAND_TIMEOUT = 30


@dataclass(frozen=True)
class Worker:
    """A container that the switch starts and stops. Seconds: how long it may take to be healthy, and to end."""

    container: str
    start_timeout: int
    stop_timeout: int


@dataclass(frozen=True)
class Change:
    """What is to serve.

    Attributes:
        nginx: the container of nginx.
        slot: the slot whose release is tried: the one that is to serve, or that gets some of the clients.
        document: what nginx uses: `serving`, `releases` and `canary` (see images/nginx/share/release.js).
        starts: what runs with the slot that serves.
        stops: what does not run any more, of the other slot.
        drains: what of the other slot has WebSockets: it is restarted, which closes them.
        smoke: the requests that have to succeed before.
        containers: those of the slot, which have to run all the time, and whose logs are shown where it does not serve.
        watch: how it is watched.
    """

    nginx: str
    slot: Slot
    document: Mapping[str, Any]
    starts: Sequence[Worker]
    stops: Sequence[Worker]
    drains: Sequence[Worker]
    smoke: Sequence[Smoke]
    containers: Sequence[str]
    watch: Watch


def switch(change: Change) -> None:
    """Brings a slot to serve: starts what runs with it, tries it, lets it have the requests, and watches it.

    Then what runs with the other slot is stopped.

    Raises:
        SwitchError: it can't serve, and what served before does, if anything.
    """
    import docker  # noqa: PLC0415 - see `components.core.host_client`
    import requests  # noqa: PLC0415 - whose errors the Docker client lets through

    errors = (docker.errors.DockerException, requests.exceptions.RequestException)
    try:
        docker_host = client(COMMAND_TIMEOUT)
        host = docker_host.containers
        nginx = host.get(change.nginx)
        before = shown(nginx)["release"]
        started: list[Worker] = []
        try:
            _serve(docker_host, nginx, change, before, started)
        except (SwitchError, *errors) as error:
            try:
                _undo(host, nginx, change, before, started)
            except SwitchError as failed:
                raise SwitchError(f"{error}. It could not be undone: {failed}") from error
            raise SwitchError(_explained(str(error), change, before)) from error
        for worker in change.stops:
            _stop(host.get(worker.container), worker)
        if change.drains:
            time.sleep(max(0, change.watch.drain - change.watch.seconds))
        for worker in change.drains:
            container = host.get(worker.container)
            # The server's own end closes them with the code 1012, which asks clients to come back.
            container.restart(timeout=worker.stop_timeout)
            # For a way back from now on; one that does not get healthy again is no reason to fail.
            _await_healthy(container, worker.start_timeout)
    except errors as error:
        raise SwitchError(
            f"the switch to the release in {change.slot} was cut off: {redacted(str(error))}. `./tt status --stack "
            f"{pulumi.get_stack()}` shows what serves; the next update completes the switch, or undoes it"
        ) from error


def _serve(
    docker_host: DockerClient, nginx: Container, change: Change, before: Mapping[str, Any], started: list[Worker]
) -> None:
    """Lets the slot serve and watches it; notes what it has started."""
    host = docker_host.containers
    counted = restarts(host, change.containers)
    for worker in change.starts:
        container = host.get(worker.container)
        if container.status != "running":
            started.append(worker)
        _start(container, worker)
    is_new = _is_new(change, before)
    if is_new:
        settle(docker_host, counted, change.watch.settle)
    for each in change.smoke:
        attempt(nginx, each)
    use(nginx, {**{key: its for key, its in before.items() if key != "canary"}, **change.document})
    if is_new:
        watch(host, nginx, change.slot, change.watch, counted)


def _is_new(change: Change, before: Mapping[str, Any]) -> bool:
    """Whether clients get another release than until now, and there is a way back."""
    return bool(before["releases"]) and any(
        before.get(key) != change.document.get(key) for key in ("serving", "canary")
    )


def _undo(
    host: ContainerCollection, nginx: Container, change: Change, before: Mapping[str, Any], started: Sequence[Worker]
) -> None:
    """Brings back what was before."""
    if _is_new(change, before):
        use(nginx, before)
    for worker in started:
        _stop(host.get(worker.container), worker)


def _explained(reason: str, change: Change, before: Mapping[str, Any]) -> str:
    """What is wrong with a release, what serves now, and how the logs of the release end."""
    if not before["releases"]:
        serves = "No release serves yet"
    elif _is_new(change, before):
        name = change.document["releases"].get(before["serving"], "before")
        serves = f"The release {name} ({before['serving']}) serves as before"
    else:
        serves = f"The slot {change.slot} still gets the requests: there is no other release to go back to"
    logs = {name: errors for name in change.containers if (errors := last_errors(name))}
    # Where none has logged an error, the ends of all may tell more.
    logs = logs or {name: last_log_lines(name) for name in change.containers}
    return "\n".join(
        [f"{reason}. {serves}.", *(f"The log of {name} ends with\n{lines}" for name, lines in logs.items())]
    )


def _start(container: Container, worker: Worker) -> None:
    """Starts a container, unless it runs, and waits until it is healthy."""
    # As the daemon comes back: what serves does, and what was stopped does not.
    _set_restart(container, "always")
    container.start()
    if not _await_healthy(container, worker.start_timeout):
        raise SwitchError(f"{container.name} is not healthy after {worker.start_timeout} s")


def _await_healthy(container: Container, timeout: int) -> bool:
    """Waits until a container is healthy, at most `timeout` seconds; returns whether it is."""
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        container.reload()
        if container.attrs["State"].get("Health", {}).get("Status") == "healthy":
            return True
        time.sleep(0.3)
    return False


def _stop(container: Container, worker: Worker) -> None:
    _set_restart(container, "no")
    container.stop(timeout=worker.stop_timeout)


def _set_restart(container: Container, policy: str) -> None:
    # The stubs of the SDK know no policy that never restarts.
    given: Any = {"Name": policy}
    container.update(restart_policy=given)
