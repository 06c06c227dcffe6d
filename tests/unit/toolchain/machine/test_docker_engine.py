"""The Docker engine: found, started, or told why there is none. Docker itself is a fake throughout."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.unit.toolchain.conftest import Program
from toolchain.machine import debian, docker_engine
from toolchain.machine.docker_engine import DockerUnavailableError, answers, ensure_docker

PERMISSION_DENIED = (
    "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock:"
    " connect: permission denied"
)
NOT_RUNNING = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?"


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bin_folder: Path) -> None:
    """A machine whose user can install nothing, without a Docker engine and systemd."""
    for name in ("sleep", "cat"):
        (bin_folder / name).symlink_to(f"/bin/{name}")
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.delenv("DOCKER_CONTEXT", raising=False)
    monkeypatch.setattr(debian, "can_install", lambda: False)
    monkeypatch.setattr(docker_engine, "PID_FILE", tmp_path / "docker.pid")
    monkeypatch.setattr(docker_engine, "CONTAINERD_PID_FILE", tmp_path / "containerd.pid")
    monkeypatch.setattr(docker_engine, "SYSTEMD", tmp_path / "systemd")
    monkeypatch.setattr(docker_engine, "POLL_INTERVAL", 0.01)


@pytest.fixture
def root(monkeypatch: pytest.MonkeyPatch) -> None:
    """The user can install packages."""
    monkeypatch.setattr(debian, "can_install", lambda: True)


def silent_docker(program: Program, message: str = NOT_RUNNING, context: str = "default unix:///x") -> None:
    """A client whose engine answers as soon as there is a file `up` beside the programs."""
    program(
        "docker",
        f"""
        if [ "$1" = context ]; then echo "{context}"; exit; fi
        if [ -e "${{0%/*}}/../up" ]; then echo 28.0.0; exit; fi
        echo "{message}" >&2
        exit 1
        """,
    )


def complaint() -> str:
    """What the user is told; one line."""
    with pytest.raises(DockerUnavailableError) as error:
        ensure_docker()
    message = str(error.value)
    assert len(message.splitlines()) == 1
    return message


def test_an_engine_that_answers_is_taken(program: Program, calls: Callable[[], list[str]]) -> None:
    program("docker", "echo 28.0.0")
    ensure_docker()
    assert answers()
    assert all(call.startswith("docker version") for call in calls())


def test_no_engine_answers_without_a_client() -> None:
    assert not answers()
    message = complaint()
    assert "there is no `docker` command" in message
    assert message.endswith("`make preview` works without one")


def test_a_client_that_is_no_program_is_told(bin_folder: Path) -> None:
    (bin_folder / "docker").write_text("text")
    (bin_folder / "docker").chmod(0o755)
    assert "cannot run `docker`: Exec format error" in complaint()


def test_who_is_not_root_is_told_to_start_it(program: Program) -> None:
    silent_docker(program)
    message = complaint()
    assert NOT_RUNNING in message
    assert "install and start Docker" in message
    assert message.endswith("`make preview` works without one")


def test_a_refused_socket_is_not_an_engine_that_is_down(program: Program) -> None:
    silent_docker(program, PERMISSION_DENIED)
    message = complaint()
    assert "this user may not use Docker" in message
    assert "usermod -aG docker" in message
    assert "start Docker" not in message


@pytest.mark.usefixtures("root")
def test_an_unreachable_docker_host_is_named_and_no_other_is_started(
    program: Program, calls: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://192.0.2.1:2375")
    silent_docker(program, "i/o timeout")
    program("dockerd", "")
    message = complaint()
    assert "DOCKER_HOST=tcp://192.0.2.1:2375 (i/o timeout)" in message
    assert "unset DOCKER_HOST" in message
    assert not any(call.startswith("dockerd") for call in calls())


@pytest.mark.usefixtures("root")
def test_an_engine_behind_a_context_is_named_since_pulumi_does_not_see_it(program: Program) -> None:
    silent_docker(program, context="rootless unix:///run/user/1000/docker.sock")
    assert "export DOCKER_HOST=unix:///run/user/1000/docker.sock" in complaint()


def test_the_client_is_asked_where_pulumi_looks(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_CONTEXT", "elsewhere")
    program("docker", '[ "$DOCKER_CONTEXT" = default ]')
    assert answers()


def test_a_client_that_hangs_is_no_engine(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docker_engine, "ANSWER_TIMEOUT", 0.1)
    program("docker", "exec sleep 60")
    assert not answers()
    assert "`docker version` gave no answer in 0 s" in complaint()


def test_a_client_that_fails_without_a_word_is_told(program: Program) -> None:
    program("docker", "exit 7")
    assert "`docker version` failed with exit code 7" in complaint()


@pytest.mark.usefixtures("root")
def test_an_engine_that_starts_is_waited_for_and_stays(
    program: Program, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    silent_docker(program)
    program("dockerd", f"sleep 0.1; echo up > {tmp_path}/up; echo $$ > {tmp_path}/pid; exec sleep 60")
    ensure_docker()
    assert "starting dockerd" in capsys.readouterr().out
    pid = int((tmp_path / "pid").read_text())
    # A session of its own: no Ctrl-C or closed terminal of this command ends it.
    assert os.getsid(pid) == pid
    os.kill(pid, 9)


@pytest.mark.usefixtures("root")
def test_where_no_engine_can_run_the_reason_is_dockers_last_word(program: Program, logs: Path) -> None:
    logs.mkdir()
    (logs / "dockerd.log").write_text("an earlier failure\n")
    silent_docker(program)
    program("dockerd", "echo level=info; echo 'failed to start daemon: Devices cgroup is not mounted'; exit 1")
    assert complaint() == (
        "no Docker engine can run here: failed to start daemon: Devices cgroup is not mounted"
        f" (see {logs}/dockerd.log); `make preview` works without one"
    )


@pytest.mark.usefixtures("root")
def test_an_earlier_reason_is_not_taken_for_this_one(program: Program, logs: Path) -> None:
    logs.mkdir()
    (logs / "dockerd.log").write_text("an earlier failure\n")
    silent_docker(program)
    program("dockerd", "exit 1")
    assert "an earlier failure" not in complaint()


@pytest.mark.usefixtures("root")
def test_an_engine_that_never_answers_is_given_up(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(docker_engine, "START_TIMEOUT", 0.2)
    silent_docker(program)
    program("dockerd", f"echo $$ > {tmp_path}/pid; exec sleep 60")
    assert "`make preview` works without one" in complaint()
    os.kill(int((tmp_path / "pid").read_text()), 9)


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize("content", [None, "", "text", "1", "999999999"])
def test_a_stale_pid_file_is_removed(program: Program, tmp_path: Path, content: str | None) -> None:
    """Process 1 is alive, and not dockerd."""
    silent_docker(program)
    program("dockerd", f"[ -e {tmp_path}/docker.pid ] || echo up > {tmp_path}/up; exec sleep 1")
    if content is not None:
        (tmp_path / "docker.pid").write_text(content)
    ensure_docker()
    assert not (tmp_path / "docker.pid").exists()


@pytest.mark.usefixtures("root")
def test_a_stale_pid_file_of_containerd_is_removed(program: Program, tmp_path: Path) -> None:
    """dockerd takes the process it names for its containerd, and kills it when it doesn't answer."""
    silent_docker(program)
    program("dockerd", f"[ -e {tmp_path}/containerd.pid ] || echo up > {tmp_path}/up; exec sleep 1")
    (tmp_path / "containerd.pid").write_text("1")
    ensure_docker()
    assert not (tmp_path / "containerd.pid").exists()


@pytest.fixture
def running_engine(bin_folder: Path, tmp_path: Path) -> Iterator[int]:
    """A live process that the kernel knows as dockerd, in the pid file."""
    (bin_folder / "dockerd").symlink_to("/bin/sleep")
    process = subprocess.Popen([bin_folder / "dockerd", "60"])
    (tmp_path / "docker.pid").write_text(str(process.pid))
    while Path(f"/proc/{process.pid}/comm").read_text().strip() != "dockerd":
        time.sleep(0.01)
    yield process.pid
    process.kill()
    process.wait()


@pytest.mark.usefixtures("root")
def test_an_engine_that_was_killed_is_not_waited_for(
    program: Program, bin_folder: Path, tmp_path: Path, running_engine: int
) -> None:
    """Its entry in the process table stays until its parent takes note, with its name."""
    os.kill(running_engine, signal.SIGKILL)
    while ") Z" not in Path(f"/proc/{running_engine}/stat").read_text():
        time.sleep(0.01)
    silent_docker(program)
    (bin_folder / "dockerd").unlink()
    program("dockerd", f"[ -e {tmp_path}/docker.pid ] || echo up > {tmp_path}/up; exec sleep 1")
    ensure_docker()
    assert not (tmp_path / "docker.pid").exists()


@pytest.mark.usefixtures("root")
def test_an_engine_that_is_starting_is_waited_for(
    program: Program, tmp_path: Path, running_engine: int, capsys: pytest.CaptureFixture[str]
) -> None:
    program("docker", f'echo x >> {tmp_path}/asked; [ "$(cat {tmp_path}/asked)" = "x\nx\nx" ]')
    ensure_docker()
    assert (tmp_path / "docker.pid").read_text() == str(running_engine)
    assert capsys.readouterr().out == f"==> Docker engine: waiting for dockerd (process {running_engine})\n"


@pytest.mark.usefixtures("root")
def test_an_engine_that_is_stuck_is_named(
    program: Program, tmp_path: Path, running_engine: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(docker_engine, "START_TIMEOUT", 0.1)
    silent_docker(program)
    message = complaint()
    assert f"dockerd (process {running_engine}) runs but gave no answer" in message
    assert (tmp_path / "docker.pid").exists()


@pytest.mark.usefixtures("root")
def test_systemd_starts_it_where_it_runs(program: Program, tmp_path: Path, calls: Callable[[], list[str]]) -> None:
    (tmp_path / "systemd").mkdir()
    silent_docker(program)
    program("dockerd", "exit 1")
    program("systemctl", f"echo up > {tmp_path}/up")
    ensure_docker()
    assert "systemctl start docker" in calls()
    assert not any(call.startswith("dockerd") for call in calls())


@pytest.mark.usefixtures("root")
def test_a_unit_that_fails_is_told_in_systemds_words(program: Program, tmp_path: Path) -> None:
    (tmp_path / "systemd").mkdir()
    silent_docker(program)
    program("dockerd", "")
    program("systemctl", "echo 'Unit docker.service is masked.'; exit 1")
    with pytest.raises(DockerUnavailableError, match=r"(?s)docker\.service is masked.*`make preview` works"):
        ensure_docker()


@pytest.mark.usefixtures("root")
def test_client_and_engine_are_installed_where_they_are_missing(
    monkeypatch: pytest.MonkeyPatch, program: Program, tmp_path: Path
) -> None:
    """Debian 13 has the client in a package of its own."""
    installed: list[str] = []

    def install(packages: list[str]) -> None:
        installed.extend(packages)
        if "docker.io" in packages:
            program("dockerd", f"echo up > {tmp_path}/up; exec sleep 1")
        else:
            silent_docker(program)

    monkeypatch.setattr(debian, "install", install)
    ensure_docker()
    assert installed == ["docker.io", "iptables", "docker-cli"]
