"""One of a stack's containers: how it is, and what is wrong with it."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import docker
import requests
from docker.models.containers import Container

from ops.tt import times
from ops.tt.project import NAMESPACE
from remote import redacted
from remote.memory import in_use
from settings.services import HELD

#: Docker's word for a time that has not come.
NEVER = "0001-01-01T00:00:00Z"

#: Lines of a log that are searched for the last warning or error, and characters of one that a problem shows.
LOG_LINES, SHOWN = 50, 200

#: Seconds before the last start in which one that ends again and again has said why.
LAST_RUN = 60

#: How the services mark lines that say what is wrong: JSON, nginx, NATS, PostgreSQL and pgBackRest.
_BAD = re.compile(
    r'"level": ?"(warning|error|critical)"'
    r"|\[(warn|error|crit|alert|emerg|ERR|WRN|FTL)\]"
    r"|\b(WARN(ING)?|ERROR|FATAL|PANIC):"
)

#: How `tasktracker probe` and curl report an answer with a status of the HTTP classes 4xx and 5xx.
_ANSWERED = re.compile(r": [45]\d\d |returned error: [45]\d\d")

#: What is wrong, in an answer that may be cut off behind it.
_DETAIL = re.compile(r'\{"[^{}]*?"detail": ?("(?:[^"\\]|\\["\\/bfnrt])*").*', re.DOTALL)

#: Docker's words for a job that does not run.
ENDED = ("created", "exited")

#: How nginx' health check begins where it serves on with the files before (images/nginx/bin/healthcheck).
REFUSED = "changed files are refused"

#: Restarts after which a service that is not healthy is in a loop, and not only back from a crash.
LOOP = 2


@dataclass(frozen=True)
class Service:
    """A container that does work, as Docker has it. `since` is when it started, or ended, in seconds since 1970.

    `check` is what its last failed health check wrote and `log` the last line of its log, both only where it is not
    well.
    """

    name: str
    state: str
    health: str | None
    since: float | None
    restarts: int
    memory: int | None
    memory_limit: int
    ports: str
    release: str
    exit_code: int
    is_job: bool
    container: str = ""
    check: str = ""
    log: str = ""

    @property
    def stack(self) -> str:
        """The stack that it belongs to."""
        return self.container.removeprefix(f"{NAMESPACE}-").removesuffix(f"-{self.name}")

    def problem_behind(self, ill: Sequence[str]) -> str | None:
        """What is wrong with it, where the stores `ill` are not well: it may need them, and a restart does not help."""
        problem = self.problem
        if problem is None or not ill or self.name in ill:
            return problem
        return problem.replace(self._restart, f"it may wait for {' and '.join(ill)}")

    @property
    def _restart(self) -> str:
        return f"`docker restart {self.container}` helps where it hangs"

    @property
    def problem(self) -> str | None:
        """What is wrong with it, and the command that helps."""
        wrong = self._wrong
        if wrong is None:
            return None
        parts = [f"its health check: {self.check}" if self.check else "", f"its log: {self.log}" if self.log else ""]
        said = "; ".join(filter(None, parts))
        return f"{wrong}. The end of {said}" if said else wrong

    @property
    def _wrong(self) -> str | None:
        # A person may have given a service the restart policy of a job.
        if self.is_job and self.state in ENDED:
            # The switch to another release has stopped it, and killed it where it took too long.
            if self.name.rpartition("-")[0] in HELD:
                return None
            return f"{self.name} has failed with exit code {self.exit_code}" if self.exit_code else None
        if self.state == "paused":
            return f"{self.name} is paused: `docker unpause {self.container}`"
        if self.state == "restarting" or (self.health == "starting" and self.restarts >= LOOP):
            code = f", the last exit code was {self.exit_code}" if self.exit_code else ""
            return f"{self.name} ends soon after each start: Docker has restarted it {self.restarts} times{code}"
        if self.state != "running":
            return f"{self.name} is {self.state} (exit code {self.exit_code}): `docker start {self.container}`"
        if self.health == "unhealthy" and self.check.startswith(REFUSED):
            return (
                f"{self.name} has refused its changed files. Do not restart it: it serves with those before, and a "
                f"start has none. `make audit STACK={self.stack}` finds files that were changed by hand and names the "
                f"command; otherwise correct the config and run `make up STACK={self.stack}`"
            )
        if self.health == "unhealthy" and _ANSWERED.search(self.check):
            return f"{self.name} is unhealthy: it does not hang, and reports what it needs"
        if self.health == "unhealthy":
            return f"{self.name} is unhealthy, and Docker does not restart it for that: {self._restart}"
        return f"{self.name} is {self.health}" if self.health not in (None, "healthy") else None

    def asdict(self) -> dict[str, Any]:
        """For `--json`."""
        found = {key: value for key, value in self.__dict__.items() if key not in ("is_job", "container")}
        return {**found, "since": None if self.since is None else times.iso(times.at(self.since))}


def service(container: Container, stack: str) -> Service:
    """What Docker says of a container."""
    state, config = container.attrs["State"], container.attrs["HostConfig"]
    running = state["Status"] == "running"
    moment = state["StartedAt"] if running else state["FinishedAt"]
    stats: Any = container.stats(stream=False, one_shot=True) if running else {}
    health = state.get("Health") or {}
    if health.get("Status") == "unhealthy" and passed(health):
        # Docker calls it so as it goes on after a pause, until the next check.
        health = {**health, "Status": "starting"}
    ends = is_job(config)
    is_well = (
        state["ExitCode"] == 0
        if ends and state["Status"] in ENDED
        else running and health.get("Status") in (None, "healthy")
    )
    return Service(
        str(container.name).removeprefix(f"{NAMESPACE}-{stack}-"),
        str(state["Status"]),
        health.get("Status"),
        None if moment == NEVER else datetime.fromisoformat(_microseconds(moment)).timestamp(),
        int(container.attrs["RestartCount"]),
        in_use(stats),
        int(config["Memory"]),
        published(config["PortBindings"] or {}),
        str(container.labels["release"]),
        int(state["ExitCode"]),
        ends,
        str(container.name),
        "" if is_well else failed_check(health),
        "" if is_well else last_line(container),
    )


def is_job(config: Mapping[str, Any]) -> bool:
    """Whether a container may end, by the HostConfig that Docker has of it."""
    return config["RestartPolicy"]["Name"] in ("", "no")


def failed_check(health: Mapping[str, Any]) -> str:
    """What the last health check wrote, if it failed; of an answer in JSON that says what is wrong, that (RFC 9457).

    >>> failed_check({"Log": [{"ExitCode": 1, "Output": "curl: (7) refused\\n"}]}), failed_check({"Log": None})
    ('curl: (7) refused', '')
    >>> failed_check({"Log": [{"ExitCode": 1, "Output": 'x: 503 {"status":503,"detail":"Unavailable: nats","che'}]})
    'x: 503 Unavailable: nats'
    """
    last = (health.get("Log") or [{}])[-1]
    output = _DETAIL.sub(lambda found: str(json.loads(found[1], strict=False)), str(last.get("Output") or ""))
    return _shown(output) if last.get("ExitCode") else ""


def passed(health: Mapping[str, Any]) -> bool:
    """Whether the last health check passed."""
    log = health.get("Log") or [{}]
    return bool(log[-1].get("ExitCode") == 0)


def last_line(container: Container) -> str:
    """The last line that a container has logged since its start, or in the run before; empty where there is none."""
    started = container.attrs["State"]["StartedAt"]
    since = None
    if started != NEVER:
        before = LAST_RUN if container.attrs["RestartCount"] else 0
        since = int(datetime.fromisoformat(_microseconds(started)).timestamp()) - before
    with contextlib.suppress(docker.errors.DockerException, requests.exceptions.RequestException, OSError):
        text = container.logs(tail=LOG_LINES, since=since).decode(errors="replace")
        return _shown(text, ended=container.attrs["State"]["Status"] == "restarting")
    return ""


def _shown(text: str, *, ended: bool = False) -> str:
    """The last line that says what is wrong, or else the last one; of one in JSON the message.

    One that `ended` has said last why.

    >>> _shown('{"level": "error", "message": "no room"}\\n{"level": "info", "message": "GET /"}\\n')
    'no room'
    >>> _shown("a\\nb\\n"), _shown("FATAL: a\\nb\\n", ended=True)
    ('b', 'b')
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    last = lines[-1] if lines else ""
    line = last if ended else next((each for each in reversed(lines) if _BAD.search(each)), last)
    with contextlib.suppress(ValueError):
        found = json.loads(line)
        if isinstance(found, dict) and isinstance(found.get("message"), str):
            line = found["message"]
    return redacted(line)[:SHOWN]


def published(bindings: Mapping[str, Sequence[Mapping[str, str]] | None]) -> str:
    """The host's ports that lead to a container.

    >>> published({"8080/tcp": [{"HostIp": "127.0.0.1", "HostPort": "80"}], "4222/tcp": None})
    '127.0.0.1:80->8080'
    """
    return ", ".join(
        f"{each['HostIp']}:{each['HostPort']}->{port.removesuffix('/tcp')}"
        for port, hosts in sorted(bindings.items())
        for each in hosts or ()
    )


def _microseconds(moment: str) -> str:
    """Docker's time, which has nanoseconds, as Python reads it.

    >>> _microseconds("2026-11-20T12:05:30.123456789Z"), _microseconds("2026-11-20T12:05:30Z")
    ('2026-11-20T12:05:30.123456Z', '2026-11-20T12:05:30Z')
    """
    seconds, point, fraction = moment.removesuffix("Z").partition(".")
    return f"{seconds}{point}{fraction[:6]}Z"
