"""`python -m tests.upgrade.record VERSION [SHAPE...]`: writes the states that tests of upgrades start from.

It brings up each kind of stack (shapes.py) with the program of the released version, and writes its state and config to
`states/VERSION/SHAPE`. For `dev` it needs a Docker engine; it builds that version's images where they are missing.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import docker

from tests.leftovers import remove
from tests.upgrade.releases import ReleaseError, checkout, release
from tests.upgrade.shapes import DOCKER, SHAPES, Shape, fakes
from tests.upgrade.states import keep
from toolchain.process.steps import StepError

#: Seconds to build all images of a version.
BUILD_TIMEOUT = 1800


def build_images(program: Path) -> None:
    """Builds the images of the version in `program` that Docker does not have.

    Raises:
        StepError: that failed.
    """
    command = [sys.executable, "-m", "toolchain", "docker", "images"]
    result = subprocess.run(command, cwd=program, capture_output=True, text=True, check=False, timeout=BUILD_TIMEOUT)
    if result.returncode != 0:
        raise StepError(f"`{' '.join(command)}` in {program} failed:\n{result.stdout}{result.stderr}")


@contextmanager
def running(shape: Shape) -> Iterator[dict[str, str]]:
    """What a shape is brought up on: the fakes, or a real Docker that has nothing of its stack, before and after."""
    if shape.fakes:
        with fakes(shape) as env:
            yield env
        return
    client = docker.from_env()
    remove(client, shape.stack)
    try:
        yield {}
    finally:
        remove(client, shape.stack)


def record(version: str, name: str) -> Path:
    """Brings up a stack of a released version, and keeps its state; returns the folder with it.

    Raises:
        ReleaseError: the version or its commit is unknown.
        StepError: its images cannot be built.
        ValueError: the state would tell of this machine.
    """
    shape = SHAPES[name]
    with tempfile.TemporaryDirectory() as folder, running(shape) as env:
        program = checkout(release(version), Path(folder) / "program")
        if not shape.fakes:
            build_images(program)
        stack = shape.new(Path(folder) / "stack", program, env)
        stack.pulumi("up", "--yes", "--skip-preview")
        stack.pulumi("preview", "--expect-no-changes")
        return keep(stack, shape, release(version), env.get("DOCKER_HOST", DOCKER))


def main(argv: Sequence[str] | None = None) -> int:
    """Records each shape that is asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.upgrade.record", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("version")
    parser.add_argument("shapes", nargs="*", metavar="SHAPE", help=f"of {', '.join(SHAPES)} (default: all)")
    arguments = parser.parse_args(argv)
    if unknown := {*arguments.shapes} - {*SHAPES}:
        parser.error(f"SHAPE: there is no {', '.join(sorted(unknown))}; there are {', '.join(SHAPES)}")
    try:
        for name in arguments.shapes or SHAPES:
            print(record(arguments.version, name))
    except (ReleaseError, StepError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
