"""Runs one Pulumi program, for the language host: `pulumi-language-python-exec OPTION... PROGRAM [ARGUMENT...]`.

It does what the official executor does, step by step, as a program can tell the difference: its own folder stays first
on `sys.path`, PROGRAM is run as it was given (only a folder is put on the path by that), and the exit code is

- 0 when the program ended,
- 32 when it failed and the user has seen why,
- 1 after a `pulumi.RunError`, whose message the user has seen too,
- the program's own after `sys.exit`.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import runpy
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor

try:
    import pulumi
    import pulumi.runtime
except ImportError:
    print(traceback.format_exc(), file=sys.stderr)
    print("The virtual environment has no Pulumi SDK: run `make tools` in the project's folder.", file=sys.stderr)
    sys.exit(1)

#: The exit code by which the language host knows that the user has seen the reason.
USER_KNOWS = 32

#: Threads for each resource operation that may run at a time: a registration blocks one.
THREADS_PER_OPERATION = 4


def arguments() -> argparse.Namespace:
    """The command line, as the language host writes it."""
    parser = argparse.ArgumentParser(description="Runs a Pulumi program")
    for option in ("project", "root_directory", "stack", "parallel", "dry_run", "pwd", "monitor", "engine", "tracing"):
        parser.add_argument(f"--{option}")
    parser.add_argument("--organization")
    parser.add_argument("PROGRAM")
    parser.add_argument("ARGS", nargs="*")
    return parser.parse_args()


def configure(given: argparse.Namespace) -> None:
    """Gives the SDK the stack's config and the addresses of the engine."""
    pulumi.runtime.set_all_config(pulumi.runtime.get_config_env(), pulumi.runtime.get_config_secret_keys_env())
    pulumi.runtime.configure(
        pulumi.runtime.Settings(
            project=given.project,
            root_directory=given.root_directory,
            stack=given.stack,
            parallel=int(given.parallel),
            dry_run=given.dry_run == "true",
            monitor=given.monitor,
            engine=given.engine,
            organization=given.organization,
        )
    )


def run(program: str) -> None:
    """Runs a file, or the `__main__.py` of a folder.

    Raises:
        SystemExit: there is no such file in the folder; the user is told.
    """
    try:
        runpy.run_path(program, run_name="__main__")
    except ImportError as error:
        files = [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
        # Python 3.11 has a name of its own for runpy's frames.
        files = [runpy.__file__ if file == "<frozen runpy>" else file for file in files]
        # An import that fails in the program has a frame of the program.
        if set(files) != {__file__, runpy.__file__} or files[-1] != runpy.__file__:
            raise
        pulumi.log.error(f"unable to find main python program `__main__.py` in `{os.path.abspath(program)}`")  # noqa: PTH100
        sys.exit(USER_KNOWS)


def module_of(path: str) -> str:
    """The file of a program without its suffix, whether a file or a folder names it."""
    stem, suffix = os.path.splitext(path)  # noqa: PTH122 - `.` is a folder here, and Path knows no suffix of it
    return os.path.abspath(stem if suffix else os.path.join(stem, "__main__"))  # noqa: PTH100, PTH118


def user_traceback(program: str) -> str:
    """The traceback of the exception under way, from the program's first frame on; whole where it has none."""
    frames = traceback.extract_tb(sys.exc_info()[2])
    for index, frame in enumerate(frames):
        if module_of(frame.filename) == module_of(program):
            return traceback.format_exc(limit=index - len(frames))
    return traceback.format_exc()


def main() -> int:
    """Runs the program; returns the exit code."""
    given = arguments()
    configure(given)
    sys.argv = [given.PROGRAM, *given.ARGS]
    if given.pwd is not None:
        os.chdir(given.pwd)
    # A failed program leaves unfinished tasks behind; asyncio's complaints about them hide the error.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    executor = ThreadPoolExecutor(max_workers=max(int(given.parallel), 1) * THREADS_PER_OPERATION)
    loop.set_default_executor(executor)
    # Before the program can change the working directory.
    program = os.path.abspath(given.PROGRAM)  # noqa: PTH100 - as it is, with no link resolved
    try:
        loop.run_until_complete(pulumi.runtime.run_in_stack(lambda: run(given.PROGRAM)))
    except pulumi.RunError as error:
        pulumi.log.error(str(error))
        return 1
    except Exception:
        pulumi.log.error(f"Program failed with an unhandled exception:\n{user_traceback(program)}")
        return USER_KNOWS
    finally:
        executor.shutdown(wait=True)
        loop.close()
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
