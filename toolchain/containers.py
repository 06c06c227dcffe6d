"""`make logs`: what a stack's containers say. How they are is told by `tt status`."""

from __future__ import annotations

import argparse
import os
import re
import sys

from toolchain.docker_cli import Docker, connect
from toolchain.docker_engine import NO_CONTEXT
from toolchain.steps import ROOT, StepError

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


def logs(stack: str, service: str) -> None:
    """Becomes `docker logs`, which follows the service's log until Ctrl-C.

    Raises:
        StepError: there is no such service; names those there are.
    """
    docker = _connect(stack)
    names = containers(docker, stack)
    if service not in names:
        raise StepError(f"service '{service}': the stack '{stack}' has {', '.join(names)}")
    arguments = ["logs", "--follow", f"--tail={LOG_LINES}", names[service]]
    os.execv(docker.path, [str(docker.path), *arguments])  # noqa: S606 - no shell is wanted


def _connect(stack: str) -> Docker:
    """A client for the stack's Docker host, which its config may name."""
    config = ROOT / f"Pulumi.{stack}.yaml"
    text = config.read_text() if config.exists() else ""
    host = re.search(r"^ +docker:host: *['\"]?([^'\"\s]+)", text, re.MULTILINE)
    if host:
        os.environ["DOCKER_HOST"] = host[1]
    # As Pulumi does: see docker_engine.
    os.environ.update(NO_CONTEXT)
    return connect()


def main() -> int:
    """Does what the command line says; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python3 -m toolchain.containers", description=__doc__)
    parser.add_argument("--stack", required=True)
    parser.add_argument("service")
    arguments = parser.parse_args()
    try:
        logs(arguments.stack, arguments.service)
    except StepError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
