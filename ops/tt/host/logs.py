"""`tt logs`: what a stack's containers say. How they are is told by `tt status`."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from collections.abc import Iterator, Mapping

from ops.tt.errors import UnreachableError, UsageError
from ops.tt.host.url_check import NGINX
from ops.tt.project import NAMESPACE, Project
from remote import DockerHost, HostError, reached
from settings.releases import SLOTS
from toolchain.machine.docker_cli import Docker, connect
from toolchain.machine.docker_engine import NO_CONTEXT
from toolchain.process.steps import StepError


def containers(docker: Docker, stack: str) -> dict[str, str]:
    """The stack's containers that do work, running or not, by service; a slot shows in that.

    Raises:
        UnreachableError: there is none.
        StepError: Docker refused.
    """
    prefix = f"{NAMESPACE}-{stack}-"
    # What only carries files has no release.
    filters = (f"name=^{prefix}", f"label=stack={stack}", "label=release")
    lines = docker.output(
        "ps", "--all", *(f"--filter={each}" for each in filters), "--format", "{{.Names}}"
    ).splitlines()
    if not lines:
        raise UnreachableError(f"the stack '{stack}' has no containers here; `make up STACK={stack}` makes them")
    return {name.removeprefix(prefix): name for name in sorted(lines)}


def logs(project: Project, service: str, lines: int, *, follow: bool) -> int:
    """Runs `docker logs` from the last `lines` on; with `follow` until Ctrl-C. Returns its exit code.

    Raises:
        UsageError: there is no such service; names those there are.
        UnreachableError: Docker does not answer, or has nothing of the stack.
    """
    try:
        with _reached(project) as named:
            docker = connect(named=named)
            names = containers(docker, project.stack)
            service = _in_slot(docker, project.stack, service, names)
            if service not in names:
                raise UsageError(f"service '{service}': the stack '{project.stack}' has {', '.join(names)}")
            options = ["--follow"] if follow else []
            command = [str(docker.path), "logs", *options, f"--tail={lines}", names[service]]
            return subprocess.run(command, check=False).returncode
    except StepError as error:
        raise UnreachableError(str(error)) from None


def _in_slot(docker: Docker, stack: str, service: str, names: Mapping[str, str]) -> str:
    """The container of a service; of one that is part of a release, that of the slot which serves."""
    slots = [slot for slot in SLOTS if f"{service}-{slot}" in names]
    if service in names or not slots:
        return service
    shown = docker.run("exec", f"{NAMESPACE}-{stack}-{NGINX}", "release", "show")
    with contextlib.suppress(ValueError, KeyError):
        serving = json.loads(shown.stdout)["release"]["serving"]
        if serving in slots:
            return f"{service}-{serving}"
    return f"{service}-{slots[0]}"


@contextlib.contextmanager
def _reached(project: Project) -> Iterator[DockerHost | str | None]:
    """Has Docker's client ask the stack's Docker host while it lasts; gives the one that its config names, if any."""
    host = project.docker_host
    # As Pulumi does: see docker_engine.
    os.environ.update(NO_CONTEXT)
    if not isinstance(host, DockerHost):
        if host is not None:
            os.environ["DOCKER_HOST"] = host
        yield host
        return
    try:
        with reached(host) as variables:
            os.environ.update(variables)
            yield host
    except HostError as error:
        raise UnreachableError(str(error)) from None
