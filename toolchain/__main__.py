"""`python3 -m toolchain STEP...`: takes the steps, in the order given, each skipped when it's done."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping

from toolchain.machine.docker_engine import NO_CONTEXT, DockerUnavailableError
from toolchain.process.exclusive import alone
from toolchain.process.steps import ROOT, StepError, stop_on_signals
from toolchain.process.streams import open_closed
from toolchain.pulumi_engine.environment import clean
from toolchain.pulumi_engine.stack_files import no_stack, stack_files

#: EX_UNAVAILABLE of sysexits.h: no Docker engine. `make test` goes on without one.
UNAVAILABLE = 69


def _venv(stack: str) -> None:
    from toolchain.python.venv import ensure_venv  # noqa: PLC0415

    ensure_venv(stack)


def _development(_: str) -> None:
    from toolchain.python.venv import ensure_venv  # noqa: PLC0415

    ensure_venv(development=True)


def _settings(stack: str) -> None:
    from toolchain.python.venv import check_settings  # noqa: PLC0415

    check_settings(stack)


def _engine(_: str) -> None:
    from toolchain.pulumi_engine.engine import ensure_engine  # noqa: PLC0415

    ensure_engine()


def _stack(stack: str) -> None:
    from toolchain.stacks.stack import ensure_stack  # noqa: PLC0415

    ensure_stack(stack)


def _docker(_: str) -> None:
    from toolchain.machine.docker_engine import ensure_docker  # noqa: PLC0415

    ensure_docker()
    # So that the images get into the engine that was found.
    os.environ.update(NO_CONTEXT)


def _dev_docker(stack: str) -> None:
    if _is_dev(stack):
        _docker(stack)


def _dev_images(stack: str) -> None:
    if _is_dev(stack):
        _docker(stack)
        _images(stack)


def _is_dev(stack: str) -> bool:
    """Whether the stack is of the environment dev, which runs the images built here, on this machine's engine."""
    from toolchain.python.venv import read_stack_file  # noqa: PLC0415

    environment = read_stack_file(ROOT / f"Pulumi.{stack}.yaml")["config"].get("tasktracker:environment")
    return bool(environment == "dev")


def _images(_: str) -> None:
    from toolchain.image_build.images import ensure_images  # noqa: PLC0415

    ensure_images()


def _browser(_: str) -> None:
    from toolchain.machine.debian import ensure_program  # noqa: PLC0415

    ensure_program("chromium", ["chromium"], "to test the dashboard")


def _graphviz(_: str) -> None:
    from toolchain.machine.debian import ensure_program  # noqa: PLC0415

    ensure_program("dot", ["graphviz"], "to draw the picture of the system")


def _ensure_for_tests(programs: Mapping[str, str], purpose: str, without: str) -> None:
    """Installs the Debian package of each program that is missing; prints `without` where this user may not."""
    from toolchain.machine.debian import can_install, ensure_program  # noqa: PLC0415

    if not can_install():
        print(f"==> {without}")
        return
    for program, package in programs.items():
        ensure_program(program, [package], purpose)


def _shells(_: str) -> None:
    _ensure_for_tests(
        SHELLS,
        "for the tests of `.tools/env`",
        "the shells that `.tools/env` is tested in take root: tests of those that are missing are skipped",
    )


#: The shells that `.tools/env` is tested in, by program and Debian package.
SHELLS = {
    "zsh": "zsh",
    "ksh93": "ksh93u+m",
    "busybox": "busybox",
    "mksh": "mksh",
    "yash": "yash",
}


def _remote_host(_: str) -> None:
    # A server's programs are not on every user's path.
    os.environ["PATH"] += os.pathsep + "/usr/sbin"
    # Only root can start the engine that these tests need, too.
    _ensure_for_tests(
        REMOTE_HOST,
        "for the tests of a second Docker host",
        "a second Docker host, for tests, takes root: those tests are skipped",
    )


#: What the tests of a second Docker host start there, by program and Debian package.
REMOTE_HOST = {
    "sshd": "openssh-server",
    "ssh": "openssh-client",
    "docker-registry": "docker-registry",
    "htpasswd": "apache2-utils",
    "ip": "iproute2",
}


#: Each imports what it needs: the later ones must not be loaded by a Python that `venv` refuses.
STEPS: dict[str, Callable[[str], None]] = {
    "venv": _venv,
    "development": _development,
    "settings": _settings,
    "engine": _engine,
    "stack": _stack,
    "docker": _docker,
    "images": _images,
    "dev_docker": _dev_docker,
    "dev_images": _dev_images,
    "browser": _browser,
    "graphviz": _graphviz,
    "remote_host": _remote_host,
    "shells": _shells,
}


def main() -> int:
    """Takes the steps; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python3 -m toolchain", description=__doc__)
    parser.add_argument("steps", nargs="+", choices=STEPS, metavar="STEP", help=", ".join(STEPS))
    parser.add_argument(
        "--stack", default="dev", help="for the steps venv, settings, stack, dev_docker and dev_images (default: dev)"
    )
    arguments = parser.parse_args()
    open_closed()
    stop_on_signals()
    clean(os.environ)
    try:
        if "stack" in arguments.steps:
            _check_stack(arguments.stack)
        with alone():
            for step in arguments.steps:
                STEPS[step](arguments.stack)
                if step == "venv" and "stack" in arguments.steps:
                    _check_file(arguments.stack)
    except StepError as error:
        print(f"error: {error}", file=sys.stderr)
        return UNAVAILABLE if isinstance(error, DockerUnavailableError) else 1
    except OSError as error:
        # A full disk, or files that belong to another user since a `sudo make`.
        print(f"error: {error.filename or 'set-up'}: {error.strerror or error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ninterrupted; run it again to go on from here", file=sys.stderr)
        return 130
    return 0


def _check_stack(stack: str) -> None:
    """Refuses a stack without a config, before the long steps.

    Raises:
        StepError: names the stacks there are.
    """
    if stack not in stack_files(ROOT):
        raise StepError(f"{no_stack(ROOT, stack)}. `./tt stack new NAME` makes a new one")


def _check_file(stack: str) -> None:
    """Refuses a stack's file that a later step would read in another way than the engine, or not at all."""
    from toolchain.pulumi_engine.backends import check_backend  # noqa: PLC0415
    from toolchain.python.venv import read_stack_file  # noqa: PLC0415

    config = ROOT / f"Pulumi.{stack}.yaml"
    check_backend(config, read_stack_file(config)["config"])


if __name__ == "__main__":
    sys.exit(main())
