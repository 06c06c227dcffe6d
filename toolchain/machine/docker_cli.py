"""The Docker client: which of those on this machine can do what is asked, and how to talk to it."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from remote.host import DockerHost
from remote.silence import silent
from toolchain.machine import debian
from toolchain.machine.docker_engine import DockerUnavailableError, raise_if_refused
from toolchain.process.steps import StepError

#: Seconds that a question to a client or an engine may take; both answer in well under one.
TIMEOUT = 60.0

#: The first client whose BuildKit is a plugin (buildx) and no longer part of it.
FIRST_WITHOUT_BUILDKIT = 23

#: Where clients are looked for besides PATH: a newer one in front may hide one that can build.
FOLDERS = ("/usr/local/bin", "/usr/bin")

REMEDY = "install and start Docker, on Debian as root by `python3 -m toolchain docker`"

_VERSION = re.compile(r"Docker version (\d+)\.")


@dataclass(frozen=True)
class Docker:
    """A Docker client on this machine."""

    path: Path

    def run(self, *args: str, timeout: float = TIMEOUT) -> subprocess.CompletedProcess[str]:
        """Runs `docker ARGS` and returns what came of it, success or not.

        Raises:
            StepError: it could not be started, or took longer than `timeout` seconds.
        """
        argv = [str(self.path), *args]
        try:
            return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=timeout)
        except OSError as error:
            raise StepError(f"cannot run {self.path}: {error.strerror}") from error
        except subprocess.TimeoutExpired:
            raise StepError(f"`docker {args[0]}` gave no answer in {timeout:.0f} s") from None

    def output(self, *args: str) -> str:
        """What `docker ARGS` prints, without the last line end.

        Raises:
            StepError: it failed; the message is Docker's own.
        """
        result = self.run(*args)
        if result.returncode != 0:
            raise StepError(f"`docker {' '.join(args)}`: {result.stderr.strip()}")
        return result.stdout.rstrip("\n")


def candidates(environment: Mapping[str, str]) -> list[Path]:
    """The Docker clients on PATH and in the usual places, in that order, each file once."""
    found: dict[Path, Path] = {}
    for folder in [*environment.get("PATH", "").split(os.pathsep), *FOLDERS]:
        path = Path(folder) / "docker"
        # `access` first: `is_file` raises in a folder that this user may not look into.
        if folder and os.access(path, os.X_OK) and path.is_file():
            found.setdefault(path.resolve(), path)
    return list(found.values())


def can_build(version: str, has_buildx: bool) -> bool:
    """Whether a client does BuildKit builds. `version` is what `docker --version` prints."""
    match = _VERSION.search(version)
    return has_buildx or (match is not None and int(match[1]) < FIRST_WITHOUT_BUILDKIT)


def building_client(clients: Iterable[Docker]) -> Docker | None:
    """The first of `clients` that does BuildKit builds."""
    for client in clients:
        has_buildx = client.run("buildx", "version").returncode == 0
        if can_build(client.run("--version").stdout, has_buildx):
            return client
    return None


def connect(*, build: bool = False, named: DockerHost | str | None = None) -> Docker:
    """A client whose engine answers; with `build`, one that does BuildKit builds.

    `named` is the host that a stack's config names, for the message; the environment leads the client there.

    Raises:
        DockerUnavailableError: there is no client, or its engine doesn't answer.
        StepError: none of the clients can build; says what to install.
    """
    clients = [Docker(path) for path in candidates(os.environ)]
    if not clients:
        raise DockerUnavailableError(f"there is no `docker` command; {REMEDY}")
    client = _ensure_building_client(clients) if build else clients[0]
    answer = client.run("version", "--format", "{{.Server.Version}}")
    if answer.returncode != 0:
        reason = answer.stderr.strip()
        if named is None:
            raise_if_refused(reason)
        raise DockerUnavailableError(silent(reason, named))
    return client


def _ensure_building_client(clients: list[Docker]) -> Docker:
    client = building_client(clients)
    if client is None and debian.can_install():
        debian.install(["docker-buildx"])
        client = building_client(clients)
    if client is None:
        found = ", ".join(str(client.path) for client in clients)
        raise StepError(
            f"the images are built with BuildKit, and no Docker client here can ({found}): install the plugin buildx"
            " (Debian 13: apt-get install docker-buildx; elsewhere: docker-buildx-plugin)"
        )
    return client
