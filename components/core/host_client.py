"""What the program itself asks of the stack's Docker host: to run a job, to show a log, to wait for changed files.

Everything else goes through the Docker provider. Only resource hooks call this module, and `components.preflight`,
which does without an answer: a preview needs no Docker. The client library is imported when it is needed: it takes
longer than the rest.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

import pulumi

from remote import DockerHost, redacted, sdk

if TYPE_CHECKING:
    from docker import APIClient, DockerClient

#: Lines of a container's log that an error message carries.
LOG_LINES = 15

#: Lines in which errors are searched for, and how many of them an error message carries.
SEARCHED_LINES, ERRORS = 300, 5

#: How the services mark errors in their logs: JSON, nginx, and programs of Python that end with one.
ERROR = re.compile(
    r'"level": ?"(error|critical)"|\[(error|crit|alert|emerg)\]'
    r"|^(Traceback |[A-Za-z.]*Error\b)|\b(ERROR|FATAL|CRITICAL)\b"
)

#: Seconds that one request to the Docker host may take.
REQUEST_TIMEOUT = 30

#: Seconds that a request may take which waits for changed files: `await-files` gives up before.
FILES_TIMEOUT = 60


def configured() -> DockerHost | None:
    """The host that the stack's config names; None where it is that of the default provider."""
    block = pulumi.Config().get_object("docker_host")
    return None if block is None else DockerHost(**block)


def is_local() -> bool:
    """Whether the host is this machine, as far as addresses tell: by its socket."""
    address = pulumi.Config("docker").get("host") or os.environ.get("DOCKER_HOST") or "unix://"
    return configured() is None and address.startswith("unix://")


def client(timeout: int = REQUEST_TIMEOUT) -> DockerClient:
    """A client for the host that the Docker provider uses; `timeout` is that of one request, in seconds.

    Raises:
        docker.errors.DockerException: the host doesn't answer.
    """
    return sdk.client(configured() or pulumi.Config("docker").get("host"), timeout)


def last_log_lines(container: str) -> str:
    """The end of a container's log, indented; why there is none, where there is none."""
    lines = _log_lines(container, LOG_LINES)
    return "\n".join(f"    {line}" for line in lines) or "    (the log is empty)"


def last_errors(container: str) -> str:
    """The last errors that a container has logged, indented; empty where it has logged none in its last lines."""
    errors = [line for line in _log_lines(container, SEARCHED_LINES) if ERROR.search(line)]
    return "\n".join(f"    {line}" for line in errors[-ERRORS:])


def _log_lines(container: str, number: int) -> list[str]:
    import docker  # noqa: PLC0415 - see the module's docstring
    import requests  # noqa: PLC0415

    try:
        output = client().containers.get(container).logs(tail=number)
    except (docker.errors.DockerException, requests.exceptions.RequestException) as error:
        return [f"(no log: {redacted(str(error))})"]
    return [line for line in output.decode(errors="replace").splitlines() if line.strip()]


def limit_pids(limits: Mapping[str, int]) -> None:
    """Sets how many processes and threads containers may have, by their names.

    Raises:
        PidsError: a container is gone, or the host does not answer.
    """
    import docker  # noqa: PLC0415
    import requests  # noqa: PLC0415

    try:
        api = client().api
        for container, limit in limits.items():
            _limit_pids(api, container, limit)
    except (docker.errors.DockerException, requests.exceptions.RequestException) as error:
        raise PidsError(f"cannot limit the processes of containers: {redacted(str(error))}") from error


def _limit_pids(api: APIClient, container: str, limit: int) -> None:
    # The SDK's own `update_container` does not know this limit.
    address = f"{api.base_url}/v{api.api_version}/containers/{container}/update"
    api.post(address, json={"PidsLimit": limit}).raise_for_status()


def run_job(container: str, timeout: int, pids: int) -> None:
    """Starts a created container and waits, at most `timeout` seconds, for its end. It may have `pids` processes.

    Raises:
        JobError: it exited non-zero, ran too long (it is killed then), or could not be started.
    """
    import docker  # noqa: PLC0415
    import requests  # noqa: PLC0415 - whose errors the Docker client lets through

    try:
        host = client()
        job = host.containers.get(container)
        _limit_pids(host.api, container, pids)
        job.start()
        start = time.monotonic()
        try:
            code = job.wait(timeout=timeout)["StatusCode"]
        except requests.exceptions.RequestException:
            if time.monotonic() - start < timeout:
                # Not a time-out: the engine went away, or refused.
                raise
            job.kill()
            raise JobError(
                f"{job.name} ran longer than {timeout} s and was killed; its log ends with\n"
                + last_log_lines(container)
            ) from None
    except (docker.errors.DockerException, requests.exceptions.RequestException) as error:
        raise JobError(f"cannot run {container}: {redacted(str(error))}") from error
    if code != 0:
        raise JobError(
            f"{job.name} failed with exit code {code}; its log ends with\n"
            + last_log_lines(container)
            + "\nNothing that depends on it was changed; the next `pulumi up` runs it again."
        )


def await_files(container: str, digest: str) -> None:
    """Waits until a container that takes up changed files by itself uses those of `digest`.

    Raises:
        FilesError: it refuses them, they are not in use in time, or it could not be asked.
    """
    import docker  # noqa: PLC0415
    import requests  # noqa: PLC0415

    try:
        found = client(FILES_TIMEOUT).containers.get(container)
        if found.status != "running":
            command = "unpause" if found.status == "paused" else "start"
            raise FilesError(
                f"{container} is {found.status}, so it does not use its changed files:"
                f" `make up STACK={pulumi.get_stack()}` starts it, or `docker {command} {container}` and another update"
            )
        asked = found.exec_run(["await-files", digest])
    except (docker.errors.DockerException, requests.exceptions.RequestException) as error:
        said = redacted(str(error))
        raise FilesError(f"cannot ask {container} for the files that it uses: {said}") from error
    if asked.exit_code != 0:
        assert isinstance(asked.output, bytes)  # noqa: S101 - it is no stream unless that is asked for
        reason = asked.output.decode(errors="replace").strip()
        raise FilesError(
            f"{container} does not take up its changed files: {reason}\n"
            "It goes on with those before; correct the config, and the next `pulumi up` brings the files anew."
        )


class PidsError(Exception):
    """A container's limit of processes could not be set; the message is for the user."""


class FilesError(Exception):
    """A container does not use the files that it was given; the message is for the user."""


class JobError(Exception):
    """A one-shot container did not do its work; the message is for the user."""
