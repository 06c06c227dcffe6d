"""Jobs and logs, on a Docker host of paper."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import docker
import pulumi
import pytest
import requests
from docker.models.containers import ExecResult

from components.core import host_client
from components.core.host_client import (
    FilesError,
    JobError,
    PidsError,
    await_files,
    last_log_lines,
    limit_pids,
    run_job,
)
from remote import DockerHost, sdk


class Job:
    """A container that ends with `code`; an exception as its code is what waiting for it raises."""

    name = "tasktracker-test-migrations"
    status = "running"

    def __init__(self, code: int | Exception = 0, log: bytes = b"") -> None:
        self.code = code
        self.log = log
        self.did: list[str] = []
        self.waited: float | None = None

    def start(self) -> None:
        self.did.append("start")

    def wait(self, timeout: float) -> dict[str, Any]:
        self.did.append("wait")
        self.waited = timeout
        if isinstance(self.code, Exception):
            raise self.code
        return {"StatusCode": self.code, "Error": None}

    def kill(self) -> None:
        self.did.append("kill")

    def exec_run(self, command: list[str]) -> ExecResult:
        self.did.append(" ".join(command))
        assert isinstance(self.code, int)
        return ExecResult(self.code, self.log)

    def logs(self, tail: int) -> bytes:
        return b"".join(self.log.splitlines(keepends=True)[-tail:])


class Host:
    """A Docker host with one container at the most; `error` is what asking for one raises."""

    base_url, api_version = "http+docker://localhost", "1.41"

    def __init__(self, job: Job | None = None, error: Exception | None = None) -> None:
        self.api = self.containers = self
        self.job = job
        self.error = error

    def post(self, address: str, json: dict[str, int]) -> requests.Response:
        if self.error is not None:
            raise self.error
        assert re.fullmatch("http\\+docker://localhost/v1.41/containers/[a-z-]+/update", address)
        response = requests.Response()
        response.url, response.status_code = address, 200 if self.job else 404
        if self.job:
            self.job.did.append(f"limit {json['PidsLimit']}")
        return response

    def get(self, container: str) -> Job:
        if self.error is not None:
            raise self.error
        if self.job is None:
            raise docker.errors.NotFound(f"No such container: {container}")
        return self.job


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Sets the Docker host up."""
    return lambda *given, **more: monkeypatch.setattr(host_client, "client", lambda timeout=0: Host(*given, **more))


def test_a_job_that_works_is_started_and_waited_for(host: Callable[..., None]) -> None:
    host(job := Job())
    run_job("id", timeout=600, pids=64)
    assert job.did == ["limit 64", "start", "wait"]
    assert job.waited == 600


def test_a_job_that_fails_says_so_with_the_end_of_its_log_and_what_comes_next(host: Callable[..., None]) -> None:
    host(Job(3, b"connecting\nsyntax error\n"))
    with pytest.raises(JobError) as error:
        run_job("id", timeout=600, pids=64)
    assert str(error.value) == (
        "tasktracker-test-migrations failed with exit code 3; its log ends with\n"
        "    connecting\n"
        "    syntax error\n"
        "Nothing that depends on it was changed; the next `pulumi up` runs it again."
    )


@pytest.mark.parametrize("error", [requests.exceptions.ReadTimeout(), requests.exceptions.ConnectionError()])
def test_a_job_that_takes_too_long_is_killed(host: Callable[..., None], error: Exception) -> None:
    """The client raises the one or the other, by whether the answer has begun."""
    host(job := Job(error, b"waiting for a lock\n"))
    with pytest.raises(JobError, match=r"(?s)ran longer than 0 s and was killed.*    waiting for a lock"):
        run_job("id", timeout=0, pids=64)
    assert job.did == ["limit 64", "start", "wait", "kill"]


def test_a_job_that_is_not_there_is_an_error(host: Callable[..., None]) -> None:
    host()
    with pytest.raises(JobError, match="cannot run the-id: No such container: the-id"):
        run_job("the-id", timeout=600, pids=64)


def test_a_docker_host_that_cannot_be_reached_is_an_error(host: Callable[..., None]) -> None:
    host(error=docker.errors.DockerException("Error while fetching server API version"))
    with pytest.raises(JobError, match="cannot run the-id: Error while fetching server API version"):
        run_job("the-id", timeout=600, pids=64)


def test_an_engine_that_goes_away_is_not_a_job_that_takes_too_long(host: Callable[..., None]) -> None:
    host(job := Job(requests.exceptions.ConnectionError("Connection aborted")))
    with pytest.raises(JobError, match="cannot run the-id: Connection aborted"):
        run_job("the-id", timeout=600, pids=64)
    assert job.did == ["limit 64", "start", "wait"]


def test_an_engine_that_is_gone_is_an_error_without_a_traceback(host: Callable[..., None]) -> None:
    host(error=requests.exceptions.ConnectionError("Connection refused"))
    with pytest.raises(JobError, match="cannot run the-id: Connection refused"):
        run_job("the-id", timeout=600, pids=64)
    assert last_log_lines("the-id") == "    (no log: Connection refused)"


def test_a_container_is_limited(host: Callable[..., None]) -> None:
    host(job := Job())
    limit_pids({"tasktracker-test-api": 128, "tasktracker-test-nginx": 256})
    assert job.did == ["limit 128", "limit 256"]


@pytest.mark.parametrize("error", [None, docker.errors.DockerException("no answer")])
def test_a_container_that_cannot_be_limited_is_an_error(host: Callable[..., None], error: Exception | None) -> None:
    host(error=error)
    with pytest.raises(PidsError, match=r"cannot limit the processes of containers: (404 Client Error|no answer)"):
        limit_pids({"api": 128})


@pytest.mark.parametrize(("status", "command"), [("exited", "start"), ("paused", "unpause")])
def test_a_container_that_does_not_run_uses_no_files(host: Callable[..., None], status: str, command: str) -> None:
    host(job := Job())
    job.status = status
    with pytest.raises(FilesError) as error:
        await_files("tasktracker-test-nginx", "c0ffee")
    assert str(error.value) == (
        f"tasktracker-test-nginx is {status}, so it does not use its changed files:"
        f" `make up STACK={pulumi.get_stack()}` starts it,"
        f" or `docker {command} tasktracker-test-nginx` and another update"
    )
    assert job.did == []


def test_files_that_are_in_use_are_no_error(host: Callable[..., None]) -> None:
    host(job := Job())
    await_files("tasktracker-test-nginx", "c0ffee")
    assert job.did == ["await-files c0ffee"]


def test_files_that_are_refused_are_an_error_with_the_reason_and_what_comes_next(host: Callable[..., None]) -> None:
    host(Job(1, b'nginx: [emerg] unknown directive "x"\n'))
    with pytest.raises(FilesError) as error:
        await_files("tasktracker-test-nginx", "c0ffee")
    assert str(error.value) == (
        'tasktracker-test-nginx does not take up its changed files: nginx: [emerg] unknown directive "x"\n'
        "It goes on with those before; correct the config, and the next `pulumi up` brings the files anew."
    )


def test_a_container_that_cannot_be_asked_for_its_files_is_an_error(host: Callable[..., None]) -> None:
    host()
    with pytest.raises(FilesError, match="cannot ask the-id for the files that it uses: No such container"):
        await_files("the-id", "c0ffee")


def test_a_log_is_shown_from_its_end_without_empty_lines(host: Callable[..., None]) -> None:
    host(Job(log=b"".join(f"line {number}\n".encode() for number in range(40)) + b"\n  \nbad byte \xff\n"))
    lines = last_log_lines("id").splitlines()
    assert lines[0] == "    line 28"
    assert lines[-2:] == ["    line 39", "    bad byte �"]
    assert len(lines) <= host_client.LOG_LINES


@pytest.mark.parametrize("log", [b"", b"\n\n"])
def test_an_empty_log_is_told(host: Callable[..., None], log: bytes) -> None:
    host(Job(log=log))
    assert last_log_lines("id") == "    (the log is empty)"


def test_a_log_that_cannot_be_had_is_no_second_error(host: Callable[..., None]) -> None:
    host()
    assert last_log_lines("the-id") == "    (no log: No such container: the-id)"


@pytest.mark.parametrize(
    ("configured", "expected"),
    [
        (None, {"from": "environment"}),
        ("tcp://192.0.2.1:2375", {"base_url": "tcp://192.0.2.1:2375", "use_ssh_client": False}),
        ("ssh://me@192.0.2.1", {"base_url": "ssh://me@192.0.2.1", "use_ssh_client": True}),
    ],
)
def test_it_asks_the_host_that_the_provider_uses(
    monkeypatch: pytest.MonkeyPatch, configured: str | None, expected: dict[str, Any]
) -> None:
    monkeypatch.setattr(pulumi.Config, "get", lambda self, key: configured if self.name == "docker" else None)
    monkeypatch.setattr(pulumi.Config, "get_object", lambda self, key: None)
    monkeypatch.setattr(docker, "from_env", lambda **options: {"from": "environment", **options})
    monkeypatch.setattr(docker, "DockerClient", lambda **options: options)
    found: Any = host_client.client()
    assert found == {**expected, "timeout": host_client.REQUEST_TIMEOUT}


def test_a_host_of_the_stack_s_own_is_asked_in_the_provider_s_way(monkeypatch: pytest.MonkeyPatch) -> None:
    block = {"address": "ssh://deploy@host.example.com", "key_file": "~/.ssh/deploy"}
    monkeypatch.setattr(pulumi.Config, "get_object", lambda self, key: block if key == "docker_host" else None)
    monkeypatch.setattr(sdk, "client", lambda host, timeout: (host, timeout))
    found: Any = host_client.client(7)
    assert found == (DockerHost("ssh://deploy@host.example.com", "~/.ssh/deploy"), 7)
