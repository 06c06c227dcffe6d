"""A Docker engine that answers: the one that is there, else Debian's, started by hand if need be."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from pathlib import Path

from remote.silence import refused, silent
from toolchain.machine import debian
from toolchain.process.steps import LOGS, StepError, run, say, shown

#: Seconds until a started engine has to answer; it brings its containers back first.
START_TIMEOUT = 60.0

#: Seconds that an engine has for an answer. It takes a tenth of one, and a few on a busy machine.
ANSWER_TIMEOUT = 20.0

#: Seconds between two questions to an engine that is starting.
POLL_INTERVAL = 0.5

PID_FILE = Path("/var/run/docker.pid")
CONTAINERD_PID_FILE = Path("/var/run/docker/containerd/containerd.pid")

#: There where systemd is in charge.
SYSTEMD = Path("/run/systemd/system")

#: Debian's packages: the engine and its client, and what the engine needs to make networks.
PACKAGES = ["docker.io", "iptables"]

#: Pulumi looks at DOCKER_HOST and else at the usual socket, but not at Docker's contexts. So neither
#: does set-up: it would find an engine that the stack then is not brought up on.
NO_CONTEXT = {"DOCKER_CONTEXT": "default"}

WITHOUT = "`make preview` works without one"


class DockerUnavailableError(StepError):
    """No Docker engine answers, and none could be started."""


def answers() -> bool:
    """Whether a Docker engine answers at the address where Pulumi looks for it."""
    return _silence() is None


def ensure_docker() -> None:
    """Returns when a Docker engine answers.

    On Debian, as root, it installs and starts one where there is none.

    Raises:
        DockerUnavailableError: says why none can be had and what to do.
    """
    reason = _silence()
    if reason is None:
        return
    raise_if_refused(reason)
    if os.environ.get("DOCKER_HOST"):
        raise DockerUnavailableError(f"{silent(reason)}. {WITHOUT}")
    elsewhere = _context_host()
    if elsewhere:
        raise DockerUnavailableError(
            f"your Docker engine is at {elsewhere} by a Docker context, which Pulumi does not know of;"
            f" run `export DOCKER_HOST={elsewhere}` and try again"
        )
    if not debian.can_install():
        raise DockerUnavailableError(
            f"no Docker engine answers ({reason}); install and start Docker (https://docs.docker.com/engine/install),"
            f" then try again. {WITHOUT}"
        )
    debian.ensure_program("dockerd", PACKAGES, "to run the stack")
    # Debian 13 has the client in a package of its own.
    debian.ensure_program("docker", ["docker-cli"], "to run the stack")
    if SYSTEMD.is_dir():
        _start_by_systemd()
    else:
        _start_by_hand()


def raise_if_refused(reason: str) -> None:
    """Tells what to do where Docker's words say that there is an engine, which this user may not use.

    Raises:
        DockerUnavailableError: they say so.
    """
    if message := refused(reason):
        raise DockerUnavailableError(message)


def _silence() -> str | None:
    """Why no Docker engine answers, in Docker's words if it has any; None if one does."""
    try:
        result = subprocess.run(
            ["docker", "version", "--format", "{{.Server.Version}}"],
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=ANSWER_TIMEOUT,
            env={**os.environ, **NO_CONTEXT},
        )
    except FileNotFoundError:
        return "there is no `docker` command"
    except OSError as error:
        return f"cannot run `docker`: {error.strerror}"
    except subprocess.TimeoutExpired:
        return f"`docker version` gave no answer in {ANSWER_TIMEOUT:.0f} s"
    if result.returncode == 0:
        return None
    return _last_line(result.stderr) or f"`docker version` failed with exit code {result.returncode}"


def _context_host() -> str | None:
    """Where the user's Docker context points, unless that is where Pulumi looks anyway."""
    command = ["docker", "context", "inspect", "--format", "{{.Name}} {{.Endpoints.docker.Host}}"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=ANSWER_TIMEOUT)
    except (OSError, subprocess.TimeoutExpired):
        return None
    name, _, host = result.stdout.strip().partition(" ")
    return host if result.returncode == 0 and name != "default" else None


def _start_by_systemd() -> None:
    """Starts Debian's unit.

    Raises:
        DockerUnavailableError: it failed, or the engine didn't answer in time.
    """
    try:
        run("Docker engine: starting it by systemd", ["systemctl", "start", "docker"], log="docker-start")
    except StepError as error:
        raise DockerUnavailableError(f"{error}\n{WITHOUT}") from error
    if not _answers_soon():
        raise DockerUnavailableError(
            f"the Docker engine gave no answer in {START_TIMEOUT:.0f} s (see `journalctl -u docker`); {WITHOUT}"
        )


def _start_by_hand() -> None:
    """Starts dockerd in a session of its own, so that it outlives this command.

    Raises:
        DockerUnavailableError: it ended, or didn't answer in time.
    """
    pid = _process_of(PID_FILE, "dockerd")
    if pid is not None:
        # Just started, by its Debian package or by a command that was interrupted; or stuck.
        say(f"Docker engine: waiting for dockerd (process {pid})")
        if not _answers_soon():
            raise DockerUnavailableError(
                f"dockerd (process {pid}) runs but gave no answer in {START_TIMEOUT:.0f} s;"
                f" end it (`kill {pid}`) and try again. {WITHOUT}"
            )
        return
    say("Docker engine: starting dockerd")
    LOGS.mkdir(parents=True, exist_ok=True)
    log = LOGS / "dockerd.log"
    _process_of(CONTAINERD_PID_FILE, "containerd")
    with log.open("ab") as output:
        start = output.tell()
        process = subprocess.Popen(
            ["dockerd"],
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    if not _answers_soon(process):
        reason = _last_line(log.read_bytes()[start:].decode(errors="replace")) or "it says nothing"
        raise DockerUnavailableError(f"no Docker engine can run here: {reason} (see {shown(log)}); {WITHOUT}")


def _process_of(pid_file: Path, program: str) -> int | None:
    """The process id in `pid_file` where it is one of `program`.

    Removes a file whose number belongs to no live process, or to another program, by now: dockerd
    would not start for its own, and kill a stranger for its containerd's.
    """
    with contextlib.suppress(FileNotFoundError, ValueError):
        pid = int(pid_file.read_text())
        # "29633 (dockerd) S ...": one that was killed is Z, until its parent takes note of it.
        name, _, rest = Path(f"/proc/{pid}/stat").read_text().partition(" (")[2].rpartition(") ")
        if name == program and not rest.startswith(("Z", "X")):
            return pid
    pid_file.unlink(missing_ok=True)
    return None


def _answers_soon(process: subprocess.Popen[bytes] | None = None) -> bool:
    """Waits for the engine; gives up after `START_TIMEOUT`, or when `process` has ended."""
    deadline = time.monotonic() + START_TIMEOUT
    while not answers():
        if time.monotonic() >= deadline or (process is not None and process.poll() is not None):
            return False
        time.sleep(POLL_INTERVAL)
    return True


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1].strip() if lines else ""
