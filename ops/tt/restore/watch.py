"""What is watched while a restore goes on: the job, the time without a database, and what has to come after."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Mapping
from typing import Any

import docker

from ops.tt.backup.database import POLL, events
from ops.tt.errors import FailedError, TtError
from ops.tt.host.docker_host import Host, answering
from ops.tt.operator import Operator
from ops.tt.output import Work
from ops.tt.restore.unfinished import JOB, POSTGRES

#: Seconds that all services get to be healthy after a swap, and the sidecar for the first backup after it.
HEALTH_LIMIT = 120
BACKUP_LIMIT = 180

HEALTHY = "healthy"


class JobLog:
    """Follows the log of the restore job from its start, in a thread: shows progress, and keeps how it ended."""

    def __init__(self, host: Host, work: Work) -> None:
        self._host, self._work = host, work
        self._before = self._id()
        self._stop, self._kill = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self.done: Mapping[str, Any] = {}
        self.failure = ""

    def _id(self) -> str | None:
        container = self._host.find(JOB)
        return container.id if container else None

    def __enter__(self) -> JobLog:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()

    def kill(self) -> None:
        """Ends the job, as soon as it runs."""
        self._work.say("stopping")
        self._kill.set()

    def finish(self) -> None:
        """Reads what is left of the log, after the update."""
        self._stop.set()
        container = self._host.find(JOB)
        if container is not None and container.id != self._before:
            with answering():
                self._read(container.logs(stdout=True, stderr=False))

    def _follow(self) -> None:
        """Looks at the job each second, and at the end of its log: what follows a log can't be told to end."""
        while not self._stop.wait(POLL):
            with contextlib.suppress(TtError, docker.errors.DockerException):
                container = self._host.find(JOB)
                if container is None or container.id == self._before or container.status != "running":
                    continue
                if self._kill.is_set():
                    container.kill()
                self._read(container.logs(stdout=True, stderr=False, tail=5))

    def _read(self, log: bytes) -> None:
        read = events(self._take)
        for line in log.decode(errors="replace").splitlines():
            read(line)

    def _take(self, event: Mapping[str, Any]) -> None:
        match event.get("event"):
            case "progress":
                self._work.percent(float(event.get("percent", 0)))
            case "recovering":
                self._work.say("replaying WAL")
            case "done":
                self.done = dict(event)
            case "failed":
                self.failure = str(event.get("reason", ""))


class Downtime:
    """Counts the seconds between the end of PostgreSQL's old container and the health of its new one."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._ended: float | None = None
        self._back: float | None = None

    def __enter__(self) -> Downtime:
        self._stream = self._host.client.events(
            decode=True,
            filters={"container": self._host.name(POSTGRES), "event": ["die", "health_status"]},
        )
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(Exception):
            self._stream.close()

    @property
    def seconds(self) -> float | None:
        """None where it did not end, or did not come back."""
        return None if self._ended is None or self._back is None else self._back - self._ended

    def _listen(self) -> None:
        # A closed stream ends in whatever error its socket has.
        with contextlib.suppress(Exception):
            for event in self._stream:
                moment, action = event["timeNano"] / 1e9, str(event["Action"])
                if action == "die" and self._ended is None:
                    self._ended = moment
                elif action == "health_status: healthy" and self._ended is not None and self._back is None:
                    self._back = moment


def wait_for_health(operator: Operator, work: Work) -> None:
    """Waits until no service is unhealthy: those that lost the database for a moment find it again."""
    deadline = time.monotonic() + HEALTH_LIMIT
    while True:
        ill = [
            str(each.labels.get("service"))
            for each in operator.host.containers()
            # What somebody has stopped stays so.
            if each.status == "running" and each.attrs["State"].get("Health", {}).get("Status", HEALTHY) != HEALTHY
        ]
        if not ill:
            return
        if POSTGRES not in ill and time.monotonic() > deadline:
            operator.output.warn(
                f"not healthy yet: {', '.join(ill)}; `./tt status --stack {operator.project.stack}` shows it"
            )
            return
        if time.monotonic() > deadline:
            raise FailedError("PostgreSQL is not healthy on the new volume")
        work.say(f"waiting for {', '.join(ill)}")
        time.sleep(POLL)


def wait_for_backup(operator: Operator) -> str | None:
    """Waits for the first backup of the new history; until it is there, a restore can't go to times after the swap."""
    with operator.output.work("First backup of the new history"):
        deadline = time.monotonic() + BACKUP_LIMIT
        while time.monotonic() < deadline:
            with contextlib.suppress(TtError):
                timeline = operator.database.timeline()
                found = operator.database.repository()
                newest = next((each for each in found.good if each.timeline == timeline), None)
                if newest is not None and newest == found.good[0]:
                    return newest.label
            time.sleep(POLL)
    operator.output.warn(
        "there is no backup of the new history yet; it is taken by itself, and "
        f"`./tt status --stack {operator.project.stack}` shows it"
    )
    return None
