"""`make push`: brings the images that were built here to a registry, under one repository and one tag."""

from __future__ import annotations

import argparse
import os
import re
import sys
from concurrent.futures import ThreadPoolExecutor

from images.catalog import IMAGES, local_reference
from toolchain.image_build.images import version
from toolchain.machine.docker_cli import Docker, connect
from toolchain.machine.docker_engine import NO_CONTEXT
from toolchain.process.steps import StepError, result, run, say, stop_on_signals

#: Pushes at the same time; each sends five layers at a time itself.
CONCURRENCY = 3

#: A registry, and a folder of it: `registry.example.com:5000/tasktracker`.
_REPOSITORY = re.compile(
    r"([A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+(:\d{1,5})?|[A-Za-z0-9-]+:\d{1,5}|localhost)(/[a-z0-9._-]+)+"
)
_TAG = re.compile(r"(?!latest$)[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")

#: How a registry says that it wants to know who asks.
_REFUSED = re.compile("unauthorized|denied|no basic auth|authentication required", re.IGNORECASE)


def push(repository: str, tag: str | None = None) -> list[str]:
    """Pushes every image that containers run as REPOSITORY/IMAGE:TAG; returns those references.

    Without a tag it is the project's version.

    Raises:
        StepError: a name that can't be, an image that is not built, or a registry that refuses.
    """
    tag = version().replace("+", "-") if tag is None else tag
    if not _REPOSITORY.fullmatch(repository):
        raise StepError(
            f"REPOSITORY={repository}: must be a registry and a folder there, such as registry.example.com/tasktracker"
        )
    if not _TAG.fullmatch(tag):
        raise StepError(
            f"TAG={tag}: must be up to 128 letters, digits and . _ - such as 1.2.0; never latest, which says nothing"
        )
    docker = connect()
    references = {name: f"{repository}/{name}:{tag}" for name in IMAGES if name != "base"}
    with ThreadPoolExecutor(CONCURRENCY) as pool:
        futures = [pool.submit(_push, docker, name, reference) for name, reference in references.items()]
        try:
            for future in futures:
                result(future)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return list(references.values())


def _push(docker: Docker, name: str, reference: str) -> None:
    docker.output("tag", local_reference(name), reference)
    try:
        run(f"Pushing {reference}", [docker.path, "push", reference], log=f"push-{name}")
    except StepError as error:
        if _REFUSED.search(str(error)):
            registry = reference.partition("/")[0]
            raise StepError(f"{error}\n    log in first: `docker login {registry}`, as a user who may push") from None
        raise
    finally:
        # Only the second name of the image goes.
        docker.run("image", "rm", reference)


def main() -> int:
    """Does what the command line says; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m toolchain.targets.push", description=__doc__)
    parser.add_argument("--tag")
    parser.add_argument("repository")
    arguments = parser.parse_args()
    stop_on_signals()
    os.environ.update(NO_CONTEXT)
    try:
        pushed = push(arguments.repository, arguments.tag)
    except StepError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ninterrupted; run it again to go on from here", file=sys.stderr)
        return 130
    repository, tag = pushed[0].rpartition("/")[0], pushed[0].rpartition(":")[2]
    say(f"Pushed {len(pushed)} images; `make pin STACK=... REPOSITORY={repository} TAG={tag}` has a stack run them")
    return 0


if __name__ == "__main__":
    sys.exit(main())
