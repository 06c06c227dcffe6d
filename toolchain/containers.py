"""`make status` and `make logs`: what a stack's containers do, as Docker tells it."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from toolchain.docker_cli import Docker, connect
from toolchain.docker_engine import NO_CONTEXT
from toolchain.steps import ROOT, StepError

#: Lines of the past that `logs` begins with.
LOG_LINES = 100

HEADER = ("SERVICE", "STATUS", "MEMORY", "PORTS", "RELEASE")


@dataclass(frozen=True)
class Container:
    """A container that does work; what only carries files has no release.

    `service` is the container's name without the stack's prefix: a slot shows in it. `status` is in
    Docker's words, with health and age.
    """

    name: str
    service: str
    status: str
    ports: str
    release: str


def containers(docker: Docker, stack: str) -> list[Container]:
    """The stack's containers, running or not, by name.

    Raises:
        StepError: Docker refused, or there is none.
    """
    prefix = f"tasktracker-{stack}-"
    fields = ("{{.Names}}", "{{.Status}}", "{{.Ports}}", '{{.Label "release"}}')
    filters = (f"name=^{prefix}", f"label=stack={stack}", "label=release")
    lines = docker.output(
        "ps", "--all", *(f"--filter={each}" for each in filters), "--format", "\t".join(fields)
    ).splitlines()
    if not lines:
        raise StepError(f"the stack '{stack}' has no containers here; `make up STACK={stack}` makes them")
    rows = (line.split("\t") for line in sorted(lines))
    return [
        Container(name, name.removeprefix(prefix), status, published(ports), release)
        for name, status, ports, release in rows
    ]


def published(ports: str) -> str:
    """Those of a container's ports that the host publishes.

    >>> published("127.0.0.1:14222->4222/tcp, 8222/tcp, 127.0.0.1:8080->8080/tcp")
    '127.0.0.1:14222->4222, 127.0.0.1:8080->8080'
    """
    return ", ".join(port.removesuffix("/tcp") for port in ports.split(", ") if "->" in port)


def memory(docker: Docker, names: Iterable[str]) -> dict[str, str]:
    """Use and limit of the containers that run, by name."""
    lines = docker.output("stats", "--no-stream", "--format", "{{.Name}}\t{{.MemUsage}}", *names).splitlines()
    return {name: usage for name, usage in (line.split("\t") for line in lines) if not usage.startswith("0B / 0B")}


def table(rows: Sequence[Sequence[str]]) -> str:
    """`rows` with their columns aligned.

    >>> print(table([("a", "bcd", "e"), ("fg", "", "h")]))
    a   bcd  e
    fg  -    h
    """
    filled = [[cell or "-" for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*filled, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in filled
    )


def status(stack: str) -> None:
    """Prints a line for each container of the stack."""
    docker = _connect(stack)
    found = containers(docker, stack)
    used = memory(docker, [each.name for each in found])
    rows = [(each.service, each.status, used.get(each.name, ""), each.ports, each.release) for each in found]
    print(table([HEADER, *rows]))


def logs(stack: str, service: str) -> None:
    """Becomes `docker logs`, which follows the service's log until Ctrl-C.

    Raises:
        StepError: there is no such service; names those there are.
    """
    docker = _connect(stack)
    names = {each.service: each.name for each in containers(docker, stack)}
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
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("status", help="a line for each container")
    commands.add_parser("logs", help="follows the log of one").add_argument("service")
    arguments = parser.parse_args()
    try:
        if arguments.command == "status":
            status(arguments.stack)
        else:
            logs(arguments.stack, arguments.service)
    except StepError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
