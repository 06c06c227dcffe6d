"""`make logs`: what a stack's containers say. How they are is told by `tt status`."""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator

import stackfile
from remote import AddressError, DockerHost, HostError, reached
from toolchain.machine.docker_cli import Docker, connect
from toolchain.machine.docker_engine import NO_CONTEXT
from toolchain.process.steps import ROOT, StepError, stop_on_signals

#: Lines of the past that `logs` begins with.
LOG_LINES = 100


def containers(docker: Docker, stack: str) -> dict[str, str]:
    """The stack's containers that do work, running or not, by service; a slot shows in that.

    Raises:
        StepError: Docker refused, or there is none.
    """
    prefix = f"tasktracker-{stack}-"
    # What only carries files has no release.
    filters = (f"name=^{prefix}", f"label=stack={stack}", "label=release")
    lines = docker.output(
        "ps", "--all", *(f"--filter={each}" for each in filters), "--format", "{{.Names}}"
    ).splitlines()
    if not lines:
        raise StepError(f"the stack '{stack}' has no containers here; `make up STACK={stack}` makes them")
    return {name.removeprefix(prefix): name for name in sorted(lines)}


def logs(stack: str, service: str) -> int:
    """Runs `docker logs`, which follows the service's log until Ctrl-C; returns its exit code.

    Raises:
        StepError: there is no such service; names those there are.
    """
    with _reached(stack) as named:
        docker = connect(named=named)
        names = containers(docker, stack)
        if service not in names:
            raise StepError(f"service '{service}': the stack '{stack}' has {', '.join(names)}")
        command = [str(docker.path), "logs", "--follow", f"--tail={LOG_LINES}", names[service]]
        return subprocess.run(command, check=False).returncode


@contextlib.contextmanager
def _reached(stack: str) -> Iterator[DockerHost | str | None]:
    """Has Docker's client ask the stack's Docker host while it lasts; gives the one that its config names, if any."""
    config = ROOT / f"Pulumi.{stack}.yaml"
    try:
        settings = stackfile.config(config) if config.exists() else {}
        host = DockerHost.of_config(settings, stack)
        # As Pulumi does: see docker_engine.
        os.environ.update(NO_CONTEXT)
        if host is None:
            address = settings.get("docker:host")
            if isinstance(address, str):
                os.environ["DOCKER_HOST"] = address
            yield address if isinstance(address, str) else None
            return
        with reached(host) as variables:
            os.environ.update(variables)
            yield host
    except (AddressError, HostError) as error:
        raise StepError(str(error)) from None
    except stackfile.StackFileError as error:
        raise StepError(str(error)) from None


def main() -> int:
    """Does what the command line says; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m toolchain.targets.logs", description=__doc__)
    parser.add_argument("--stack", required=True)
    parser.add_argument("service")
    arguments = parser.parse_args()
    stop_on_signals()
    try:
        return logs(arguments.stack, arguments.service)
    except StepError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
