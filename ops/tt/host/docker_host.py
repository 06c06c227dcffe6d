"""A stack's Docker host: its containers and volumes, and commands that run inside containers."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import docker
import requests
from docker.models.containers import Container

from ops.tt.errors import FailedError, UnreachableError
from ops.tt.project import NAMESPACE, Project
from remote import DockerHost, HostError, check, reason, sdk, silent

#: Seconds for one answer of the Docker host. Commands in containers take the time they need.
REQUEST_TIMEOUT = 30

#: The exit code of coreutils' `timeout` for a command that it ended.
TIMED_OUT = 124

#: Where Docker is without an address.
LOCAL = "unix:///var/run/docker.sock"

#: The first line on standard error is the command's process id; it leads a group of its own.
_WITH_PID = ("sh", "-c", 'echo "$$" >&2 && exec "$@"', "sh")


@dataclass(frozen=True)
class Result:
    """How a command in a container has ended."""

    code: int
    output: str
    errors: str

    @property
    def reason(self) -> str:
        """The last thing it said of what is wrong."""
        lines = [line for line in self.errors.splitlines() if line.strip()]
        return lines[-1] if lines else f"it ended with exit code {self.code} and no word"


class Running:
    """A command in a container that is under way; `chunks` have to be read to the end."""

    def __init__(self, client: docker.DockerClient, container: Container, command: Sequence[str], user: str) -> None:
        self._api, self._container, self._user = client.api, container, user
        self._id = self._api.exec_create(container.id, [*_WITH_PID, *command], user=user)["Id"]
        self._pid = ""
        self._errors = bytearray()

    def chunks(self) -> Iterator[bytes]:
        """What it writes to standard output, as it comes; some are empty."""
        for output, errors in self._api.exec_start(self._id, stream=True, demux=True):
            self._errors += errors or b""
            if not self._pid and b"\n" in self._errors:
                pid, _, rest = self._errors.partition(b"\n")
                self._pid, self._errors = pid.decode(), rest
            yield output or b""

    def end(self) -> Result:
        """Its result, after the last of `chunks`; what it has written to standard output is not in it."""
        code = self._api.exec_inspect(self._id)["ExitCode"]
        return Result(255 if code is None else int(code), "", self._errors.decode(errors="replace"))

    def stop(self) -> None:
        """Ends it with all that it has started: Docker lets a command go on when nobody listens any more."""
        if self._pid:
            kill = self._api.exec_create(self._container.id, ["kill", "-TERM", "--", f"-{self._pid}"], user=self._user)
            self._api.exec_start(kill["Id"])


class Host:
    """The Docker host that a stack runs on."""

    def __init__(self, project: Project) -> None:
        self.stack = project.stack
        found = project.docker_host
        self.address = found.address if isinstance(found, DockerHost) else found
        try:
            if isinstance(found, DockerHost):
                check(found)
            self.client = sdk.client(found, REQUEST_TIMEOUT)
            self.client.ping()
        except HostError as error:
            raise UnreachableError(str(error)) from None
        # ValueError: an address that is none.
        except (docker.errors.DockerException, requests.exceptions.RequestException, OSError, ValueError) as error:
            raise UnreachableError(silent(error, found)) from None

    @property
    def is_local(self) -> bool:
        """Whether it is this machine: its published ports are then this one's."""
        return self._address.startswith("unix://")

    @property
    def server(self) -> str | None:
        """The name or address of a host that is another machine."""
        return None if self.is_local else urlsplit(self._address).hostname

    @property
    def _address(self) -> str:
        return self.address or os.environ.get("DOCKER_HOST") or LOCAL

    def name(self, service: str) -> str:
        """The container of a service."""
        return f"{NAMESPACE}-{self.stack}-{service}"

    def containers(self, **labels: str) -> list[Container]:
        """The stack's containers, running or not, by name."""
        with answering():
            wanted = [f"stack={self.stack}", *(f"{label}={value}" for label, value in labels.items())]
            found = self.client.containers.list(all=True, filters={"label": wanted}, ignore_removed=True)
        return sorted(found, key=lambda each: str(each.name))

    def find(self, service: str) -> Container | None:
        """The container of a service, if there is one, as it is now."""
        with answering():
            try:
                return self.client.containers.get(self.name(service))
            except docker.errors.NotFound:
                return None

    def running(self, service: str) -> Container:
        """The container of a service.

        Raises:
            UnreachableError: there is none, or it doesn't run; says what to do.
        """
        container = self.find(service)
        if container is None:
            raise UnreachableError(
                f"the stack '{self.stack}' has no container '{service}' here; `make up STACK={self.stack}` makes it"
            )
        if container.status == "paused":
            raise UnreachableError(f"{container.name} is paused: `docker unpause {container.name}`")
        if container.status != "running":
            raise UnreachableError(
                f"{container.name} is {container.status}: `make logs STACK={self.stack} SERVICE={service}` says why"
            )
        return container

    def start(self, service: str, command: Sequence[str]) -> Running:
        """Begins to run a command in the container of a service, as the container's own user."""
        container = self.running(service)
        with answering():
            return Running(self.client, container, command, str(container.attrs["Config"]["User"]))

    def run_within(self, seconds: int, service: str, command: Sequence[str]) -> Result:
        """Runs a command that is ended after some seconds, as where the service that it asks hangs."""
        result = self.run(service, ["timeout", str(seconds), *command])
        if result.code == TIMED_OUT:
            raise FailedError(f"{self.name(service)}: `{command[0]}` gave no answer in {seconds} s")
        return result

    def run(self, service: str, command: Sequence[str], on_line: Callable[[str], object] = str) -> Result:
        """Runs a command in the container of a service to its end; `on_line` gets each line of its output."""
        with answering():
            running = self.start(service, command)
            output, begun = bytearray(), b""
            for part in running.chunks():
                output += part
                *lines, begun = (begun + part).split(b"\n")
                for line in lines:
                    on_line(line.decode(errors="replace"))
            result = running.end()
        return Result(result.code, output.decode(errors="replace"), result.errors)

    def volumes(self) -> Mapping[str, int | None]:
        """The size in bytes of each of the stack's volumes, by name; None where Docker doesn't know."""
        with answering():
            found = self.client.df()["Volumes"] or []
        return {
            str(each["Name"]): size if size >= 0 else None
            for each in found
            if (each["Labels"] or {}).get("stack") == self.stack
            for size in [int((each.get("UsageData") or {}).get("Size", -1))]
        }


@contextlib.contextmanager
def answering() -> Iterator[None]:
    """Turns what the Docker client raises into a message."""
    try:
        yield
    except docker.errors.APIError as error:
        raise FailedError(f"Docker: {reason(error)}") from None
    except (docker.errors.DockerException, requests.exceptions.RequestException, OSError) as error:
        raise UnreachableError(f"Docker does not answer: {reason(error)}") from None
