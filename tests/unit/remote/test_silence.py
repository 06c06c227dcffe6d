"""Why no Docker engine answers, in the same words wherever it is asked."""

from __future__ import annotations

from pathlib import Path

import docker
import pytest
import requests
import urllib3

from ops.tt.errors import UnreachableError
from ops.tt.host.docker_host import Host
from ops.tt.project import Project
from policies.audit import command, exit_codes
from remote import DockerHost, reason, sdk, silent
from toolchain.machine.docker_engine import DockerUnavailableError, ensure_docker


def raised(inner: OSError) -> Exception:
    """As Docker's client wraps an error of the system."""
    try:
        try:
            raise requests.exceptions.ConnectionError(urllib3.exceptions.ProtocolError("Connection aborted.", inner))
        except requests.exceptions.ConnectionError as error:
            raise docker.errors.DockerException(f"Error while fetching server API version: {error}") from error
    except docker.errors.DockerException as error:
        return error


def test_the_reason_is_the_system_s_and_no_chain_of_exceptions() -> None:
    assert reason(raised(PermissionError(13, "Permission denied"))) == "Permission denied"
    assert reason(raised(FileNotFoundError(2, "No such file or directory"))) == "No such file or directory"
    assert reason(ValueError("port is required: nonsense\nmore")) == "port is required: nonsense"


@pytest.mark.parametrize(
    ("error", "named", "env", "said"),
    [
        (
            raised(PermissionError(13, "Permission denied")), None, {},
            "this user may not use Docker (Permission denied); run `sudo usermod -aG docker $USER`, log out and in "
            "again, and try again",
        ),
        (
            raised(ConnectionRefusedError(111, "Connection refused")), None, {"DOCKER_HOST": "tcp://10.0.0.1:1"},
            "no Docker engine answers at DOCKER_HOST=tcp://10.0.0.1:1 (Connection refused); start it or unset "
            "DOCKER_HOST",
        ),
        (
            raised(FileNotFoundError(2, "No such file or directory")), None, {},
            "no Docker engine answers on this machine (No such file or directory): start Docker (`sudo systemctl start "
            "docker`; as root on Debian `make up` does), and try again",
        ),
        (
            raised(ConnectionRefusedError(111, "Connection refused")), "tcp://user:hunter2@10.0.0.1:1", {},
            "no Docker engine answers at tcp://[hidden]@10.0.0.1:1 (Connection refused): start it, or correct the "
            "address",
        ),
        (
            docker.errors.DockerException("host refuses the key: `ssh-copy-id` lets it in\n    (denied)"),
            DockerHost("ssh://deploy@host"), {},
            "no Docker engine answers at ssh://deploy@host: host refuses the key: `ssh-copy-id` lets it in",
        ),
    ],
)  # fmt: skip
def test_what_to_do_is_told(error: Exception, named: DockerHost | str | None, env: dict[str, str], said: str) -> None:
    assert silent(error, named, env) == said


def test_set_up_tt_and_the_audit_say_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong DOCKER_HOST, and a socket that this user may not use."""
    (tmp_path / "Pulumi.yaml").write_text("name: tasktracker\n")
    (tmp_path / "Pulumi.dev.yaml").write_text("config:\n  tasktracker:environment: dev\n")
    monkeypatch.chdir(tmp_path)

    def refuse(*_: object) -> None:
        raise raised(PermissionError(13, "permission denied"))

    for address, said in (("tcp://127.0.0.1:1", "at DOCKER_HOST=tcp://127.0.0.1:1"), (None, "may not use Docker")):
        if address:
            monkeypatch.setenv("DOCKER_HOST", address)
        else:
            monkeypatch.delenv("DOCKER_HOST")
            monkeypatch.setattr(sdk, "client", refuse)
            monkeypatch.setattr("toolchain.machine.docker_engine._silence", lambda: "permission denied")
        with pytest.raises(UnreachableError, match=said):
            Host(Project(tmp_path, "dev"))
        assert command.main(["--stack", "dev"]) == exit_codes.UNAVAILABLE
        assert said in capsys.readouterr().err
        with pytest.raises(DockerUnavailableError, match=said):
            ensure_docker()
