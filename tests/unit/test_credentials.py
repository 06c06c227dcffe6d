"""Whatever ends with a message about an address ends without the password in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import docker
import pytest

from components.core import host_client, provider
from ops.tt.errors import BrokenError, FailedError, TtError, UsageError
from ops.tt.host.docker_host import Host
from ops.tt.output import Output
from ops.tt.project import Project
from ops.tt.state.store import open_store
from policies.audit import command, exit_codes
from remote import AddressError, DockerHost, HostError, sdk
from toolchain.machine.docker_engine import DockerUnavailableError
from toolchain.process.steps import StepError

SECRET = "hunter2"
ADDRESS = f"ssh://root:{SECRET}@127.0.0.1:1"
URL = f"s3://AKIA:{SECRET}@bucket"


@pytest.mark.parametrize("kind", [UsageError, FailedError, BrokenError, StepError, DockerUnavailableError, HostError])
def test_errors_for_people_hide_credentials(kind: type[Exception]) -> None:
    assert str(kind(f"{URL}: no such bucket, and {ADDRESS} is silent")) == (
        "s3://[hidden]@bucket: no such bucket, and ssh://root:[hidden]@127.0.0.1:1 is silent"
    )


def _host(tmp_path: Path) -> object:
    (tmp_path / "Pulumi.yaml").write_text("name: tasktracker\n")
    (tmp_path / "Pulumi.dev.yaml").write_text(f"config:\n  docker:host: tcp://root:{SECRET}@127.0.0.1:1\n")
    return Host(Project.find("dev", tmp_path))


FAILING: dict[str, Callable[[Path], object]] = {
    "a Docker host of tt": _host,
    "a backend of tt": lambda _: open_store(f"nonsense://u:{SECRET}@bucket"),
    "a backend with an unknown option": lambda _: open_store(f"s3://bucket?secret_key={SECRET}"),
    "an address that is not of SSH": lambda _: DockerHost(f"tcp://root:{SECRET}@h:1").command,
    "a host of Docker's SDK by TLS": lambda _: sdk.client(DockerHost(f"tcp://root:{SECRET}@127.0.0.1:1"), 1),
}


@pytest.mark.parametrize("work", FAILING.values(), ids=FAILING)
def test_no_failure_shows_a_password(tmp_path: Path, work: Callable[[Path], object]) -> None:
    with pytest.raises((TtError, AddressError, HostError, docker.errors.DockerException)) as caught:
        work(tmp_path)
    assert SECRET not in str(caught.value)


def test_notes_and_warnings_hide_credentials(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output(json=False)
    output.note(f"Copying the state to {URL}")
    output.warn(f"{URL} has no versions")
    with output.work(f"Copying the state to {URL}"):
        pass
    said = capsys.readouterr()
    assert SECRET not in said.out + said.err
    assert "s3://[hidden]@bucket" in said.err


def test_the_program_s_own_words_hide_credentials(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> None:
        raise docker.errors.DockerException(f"no Docker engine answers at {ADDRESS}")

    monkeypatch.setattr(host_client, "client", refuse)
    assert SECRET not in host_client.last_log_lines("api")
    works: tuple[Callable[[], object], ...] = (
        lambda: host_client.run_job("migrations", 1, 64),
        lambda: host_client.await_files("nginx", "0"),
    )
    for work in works:
        with pytest.raises((host_client.JobError, host_client.FilesError)) as caught:
            work()
        assert SECRET not in str(caught.value)
        assert "ssh://root:[hidden]@127.0.0.1:1" in str(caught.value)
    assert SECRET not in provider.moved(ADDRESS, "ssh://deploy@h", "postgres-data")


def test_the_audit_hides_credentials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Pulumi.dev.yaml").write_text(f"config:\n  docker:host: tcp://root:{SECRET}@127.0.0.1:1\n")
    assert command.main(["--stack", "dev", "--config", str(command.FOLDER / "config.json")]) == exit_codes.UNAVAILABLE
    said = capsys.readouterr().err
    assert SECRET not in said
    assert "tcp://[hidden]@127.0.0.1:1" in said
