"""Containers of the project's images, run as the stack runs them, and removed whatever happens."""

from __future__ import annotations

import functools
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from uuid import uuid4

import pytest

from images.catalog import IMAGES, local_reference
from tests.leftovers import name_of_this_run
from toolchain.image_build.images import ensure_images
from toolchain.machine.docker_cli import Docker, connect

#: Seconds that anything here may take to become true.
PATIENCE = 120.0


@functools.cache
def reference(name: str) -> str:
    """The image `name` as it is when the tests begin, though its inputs may be edited while they run."""
    return local_reference(name)


def wait_for(condition: Callable[[], bool], what: str, *, interval: float = 0.1) -> None:
    """Waits until `condition` holds.

    Raises:
        AssertionError: it doesn't within `PATIENCE`.
    """
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"not within {PATIENCE:.0f} s: {what}"
        time.sleep(interval)


@dataclass(frozen=True)
class Container:
    """A container under test."""

    docker: Docker
    name: str

    def exec(self, *argv: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        variables = [f"--env={key}={value}" for key, value in (env or {}).items()]
        return self.docker.run("exec", *variables, self.name, *argv)

    def sh(self, script: str) -> str:
        """What `script` prints.

        Raises:
            AssertionError: it failed.
        """
        result = self.exec("sh", "-c", script)
        assert result.returncode == 0, result.stderr
        return result.stdout

    def inspect(self, template: str) -> str:
        return self.docker.output("inspect", "--format", template, self.name)

    def start(self) -> None:
        self.docker.output("start", self.name)

    def stop(self) -> None:
        self.docker.output("stop", "--time", "20", self.name)

    @property
    def logs(self) -> str:
        result = self.docker.run("logs", self.name)
        return result.stdout + result.stderr

    def exit_code(self) -> int:
        """The exit code, once it has ended."""
        wait_for(lambda: self.inspect("{{.State.Running}}") == "false", f"end of {self.name}: {self.logs}")
        return int(self.inspect("{{.State.ExitCode}}"))


@dataclass
class Bench:
    """Makes containers and volumes with names of its own, and removes them all."""

    docker: Docker
    prefix: str
    containers: list[str] = field(default_factory=list)
    volumes: list[str] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=count)

    def volume(self) -> str:
        name = f"{self.prefix}-volume{next(self._numbers)}"
        self.docker.output("volume", "create", name)
        self.volumes.append(name)
        return name

    def run(
        self,
        image: str,
        *command: str,
        config: Path | None = None,
        env: Mapping[str, str] | None = None,
        mounts: Mapping[str, str] | None = None,
        tmpfs: Sequence[str] = ("/tmp",),
        options: Sequence[str] = (),
    ) -> Container:
        """Starts a container, hardened as those of the stack."""
        name = f"{self.prefix}-{image}{next(self._numbers)}"
        self.containers.append(name)
        arguments = ["--init", "--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges:true"]
        arguments += [f"--tmpfs={path}:rw,noexec,nosuid,nodev,size=64m,mode=1777" for path in tmpfs]
        arguments += [f"--env={key}={value}" for key, value in (env or {}).items()]
        arguments += [f"--volume={volume}:{path}" for path, volume in (mounts or {}).items()]
        if config is not None:
            arguments.append(f"--volume={config}:/etc/tasktracker:ro")
        self.docker.output("run", "--detach", "--name", name, *arguments, *options, reference(image), *command)
        return Container(self.docker, name)

    def clear(self) -> None:
        """Removes everything; each on its own, so that one that never came to be hinders none."""
        for name in self.containers:
            self.docker.run("rm", "--force", "--volumes", name)
        for name in self.volumes:
            self.docker.run("volume", "rm", "--force", name)


@pytest.fixture(scope="session")
def docker() -> Docker:
    """A client, with all images there."""
    ensure_images(IMAGES)
    for name in IMAGES:
        reference(name)
    return connect()


@pytest.fixture(scope="module")
def shared_bench(docker: Docker) -> Iterator[Bench]:
    """For containers that the tests of a module share."""
    bench = Bench(docker, name_of_this_run("images-", uuid4().hex[:8]))
    yield bench
    bench.clear()


@pytest.fixture
def bench(docker: Docker) -> Iterator[Bench]:
    """For containers of one test."""
    bench = Bench(docker, name_of_this_run("images-", uuid4().hex[:8]))
    yield bench
    bench.clear()
