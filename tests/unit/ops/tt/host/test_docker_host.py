"""Commands in containers: what they write, how they end, and how they are stopped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import docker
import pytest
import requests

from ops.tt.errors import FailedError, UnreachableError
from ops.tt.host.docker_host import Host, Result, Running, answering
from ops.tt.project import Project

Chunk = tuple[bytes | None, bytes | None]


class FakeApi:
    """Docker's side of a command in a container."""

    def __init__(self, chunks: Sequence[Chunk], code: int | None = 0) -> None:
        self._chunks, self._code = chunks, code
        self.commands: list[Sequence[str]] = []

    def exec_create(self, _container: str, command: Sequence[str], user: str) -> dict[str, str]:
        assert user == "10001:10001"
        self.commands.append(command)
        return {"Id": "x"}

    def exec_start(self, _id: str, **_options: object) -> Iterator[Chunk]:
        return iter(self._chunks)

    def exec_inspect(self, _id: str) -> dict[str, Any]:
        return {"ExitCode": self._code}


def running(api: FakeApi) -> Running:
    client: Any = SimpleNamespace(api=api)
    container: Any = SimpleNamespace(id="c")
    return Running(client, container, ["backup-list"], "10001:10001")


def test_the_process_id_is_no_part_of_what_it_says() -> None:
    api = FakeApi([(None, b"4"), (b"a\n", b"2\nwar"), (b"b\n", b"ning\n")], 3)
    command = running(api)
    assert b"".join(command.chunks()) == b"a\nb\n"
    assert command.end() == Result(3, "", "warning\n")
    assert api.commands[0][-1] == "backup-list"
    command.stop()
    assert api.commands[1] == ["kill", "-TERM", "--", "-42"]


def test_what_never_began_is_not_killed() -> None:
    api = FakeApi([])
    command = running(api)
    assert list(command.chunks()) == []
    command.stop()
    assert len(api.commands) == 1


def test_an_end_that_nobody_knows_is_a_failure() -> None:
    command = running(FakeApi([], None))
    assert command.end().code != 0


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        (Result(1, "", "first\nlast\n\n"), "last"),
        (Result(69, "", "\n"), "it ended with exit code 69 and no word"),
    ],
)
def test_the_last_line_is_the_reason(result: Result, reason: str) -> None:
    assert result.reason == reason


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (docker.errors.APIError("no such exec"), FailedError),
        (docker.errors.DockerException("gone"), UnreachableError),
        (requests.exceptions.ConnectionError("refused"), UnreachableError),
        (ConnectionResetError("reset"), UnreachableError),
    ],
)
def test_docker_s_errors_are_told_without_a_traceback(error: Exception, raised: type[Exception]) -> None:
    with pytest.raises(raised), answering():
        raise error


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "unix:///nowhere.sock", "nonsense://x", "tcp://"])
def test_an_address_where_no_engine_is_names_it(tmp_path: Path, address: str) -> None:
    (tmp_path / "Pulumi.dev.yaml").write_text(f"config:\n  docker:host: {address}\n")
    with pytest.raises(UnreachableError, match=f"no Docker engine answers at {address}"):
        Host(Project(tmp_path, "dev"))


def test_a_host_of_the_stack_s_own_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.dev.yaml").write_text(
        "config:\n  tasktracker:docker_host: {address: 'ssh://deploy@host', key_file: /no/such/key}\n"
    )
    with pytest.raises(UnreachableError, match="/no/such/key: there is no such file on this machine"):
        Host(Project(tmp_path, "dev"))
