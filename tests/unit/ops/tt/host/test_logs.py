"""`tt logs`, with a fake Docker."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ops.tt import cli
from ops.tt.errors import Exit
from ops.tt.host import logs as module
from remote import DockerHost
from tests.unit.toolchain.conftest import Program, bin_folder, calls, program
from toolchain.machine import docker_cli

__all__ = ["bin_folder", "calls", "program"]

PS = "tasktracker-dev-nginx\ntasktracker-dev-api-blue"


@pytest.fixture
def docker(program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Docker with two containers, or with those given."""
    monkeypatch.setattr(docker_cli, "FOLDERS", ())
    (tmp_path / "Pulumi.yaml").write_text("name: tasktracker\n")
    (tmp_path / "Pulumi.dev.yaml").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setenv("DOCKER_CONTEXT", "elsewhere")

    def make(ps: str = PS) -> None:
        program(
            "docker",
            f"""
            echo "host $DOCKER_HOST context $DOCKER_CONTEXT" >> {tmp_path}/calls
            case "$1" in
            ps) echo "{ps}" ;;
            logs) echo "the log" ;;
            esac
            """.replace('echo ""', ":"),
        )

    return make


def call(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["tt", "logs", "--stack", "dev", *arguments])
    # The signals of the tests' own process stay as they are.
    monkeypatch.setattr(cli, "interrupt_on_signals", lambda: None)
    return cli.main()


def test_only_the_stacks_working_containers_are_asked_for(
    docker: Callable[..., None], monkeypatch: pytest.MonkeyPatch, calls: Callable[[], list[str]]
) -> None:
    docker()
    call(monkeypatch, "nonsense")
    ps = next(each for each in calls() if each.startswith("docker ps"))
    for wanted in ("--all", "--filter=name=^tasktracker-dev-", "--filter=label=stack=dev", "--filter=label=release"):
        assert wanted in ps.split()


def test_a_stack_that_is_down_is_told(
    docker: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    docker(ps="")
    assert call(monkeypatch, "api") == Exit.UNREACHABLE
    assert capsys.readouterr().err == (
        "error: the stack 'dev' has no containers here; `make up STACK=dev` makes them\n"
    )


def test_an_unknown_service_names_the_known(
    docker: Callable[..., None], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    docker()
    assert call(monkeypatch, "nonsense") == Exit.USAGE
    assert capsys.readouterr().err == "error: service 'nonsense': the stack 'dev' has api-blue, nginx\n"


def test_logs_is_dockers_own(
    docker: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    calls: Callable[[], list[str]],
    capfd: pytest.CaptureFixture[str],
) -> None:
    docker()
    assert call(monkeypatch, "nginx") == 0
    assert "docker logs --follow --tail=100 tasktracker-dev-nginx" in calls()
    assert capfd.readouterr().out == "the log\n"


@pytest.mark.parametrize(
    ("config", "host"),
    [
        ("", ""),
        ("config:\n  docker:host: ssh://me@prod.example.com\n", "ssh://me@prod.example.com"),
        ('config:\n  docker:host: "tcp://192.0.2.1:2376" # a comment\n', "tcp://192.0.2.1:2376"),
    ],
)
def test_docker_is_asked_where_the_stack_runs(
    docker: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    calls: Callable[[], list[str]],
    tmp_path: Path,
    config: str,
    host: str,
) -> None:
    docker()
    (tmp_path / "Pulumi.dev.yaml").write_text(config)
    monkeypatch.setenv("DOCKER_HOST", "")
    call(monkeypatch, "nonsense")
    assert f"host {host} context default" in calls()


BLOCK = "config:\n  tasktracker:docker_host: {address: 'unix:///no/other.sock'}\n"


def test_a_host_of_the_stack_s_own_is_asked(
    docker: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    calls: Callable[[], list[str]],
    tmp_path: Path,
) -> None:
    docker()
    (tmp_path / "Pulumi.dev.yaml").write_text(BLOCK)
    # So that what is set for it is gone after the test.
    monkeypatch.setenv("DOCKER_HOST", "")

    @contextlib.contextmanager
    def there(host: DockerHost) -> Iterator[dict[str, str]]:
        yield {"DOCKER_HOST": f"by way of {host.address}"}

    monkeypatch.setattr(module, "reached", there)
    assert call(monkeypatch, "nginx") == 0
    assert "host by way of unix:///no/other.sock context default" in calls()


def test_a_host_that_cannot_be_used_is_told(
    docker: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    docker()
    (tmp_path / "Pulumi.dev.yaml").write_text(BLOCK)
    assert call(monkeypatch, "nginx") == Exit.UNREACHABLE
    assert capsys.readouterr().err.startswith("error: Docker does not run on /no/other.sock")
    (tmp_path / "Pulumi.dev.yaml").write_text("config:\n  tasktracker:docker_host: nonsense\n")
    assert call(monkeypatch, "nginx") == Exit.UNREACHABLE
    assert "tasktracker:docker_host is not understood" in capsys.readouterr().err


def test_an_address_of_the_config_is_named_as_that_and_not_as_the_variable(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The client gets it by DOCKER_HOST, which the user has not set."""
    monkeypatch.setattr(docker_cli, "FOLDERS", ())
    (tmp_path / "Pulumi.yaml").write_text("name: tasktracker\n")
    (tmp_path / "Pulumi.dev.yaml").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DOCKER_HOST", "")
    (tmp_path / "Pulumi.dev.yaml").write_text("config:\n  docker:host: tcp://10.0.0.1:2376\n")
    program("docker", 'echo "Cannot connect to the Docker daemon" >&2; exit 1')
    assert call(monkeypatch, "api") == Exit.UNREACHABLE
    assert capsys.readouterr().err == (
        "error: no Docker engine answers at tcp://10.0.0.1:2376 (Cannot connect to the Docker daemon): start it, or "
        "correct the address\n"
    )
