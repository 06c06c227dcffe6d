"""Runs a program as the official `pulumi-language-python-exec` does, written apart from this project's own.

What decides whether a program starts: this script's own folder is first on `sys.path`, and PROGRAM is handed to
`runpy.run_path` as it was given, which puts a folder on the path, and no file's.
"""

import argparse
import asyncio
import os
import runpy
import sys
import traceback

import pulumi

SETTINGS = ("project", "root_directory", "stack", "monitor", "engine", "organization")


def main() -> None:
    parser = argparse.ArgumentParser()
    for option in (*SETTINGS, "parallel", "dry_run", "pwd", "tracing"):
        parser.add_argument(f"--{option}")
    parser.add_argument("program")
    parser.add_argument("arguments", nargs="*")
    given = vars(parser.parse_args())

    pulumi.runtime.set_all_config(pulumi.runtime.get_config_env(), pulumi.runtime.get_config_secret_keys_env())
    settings = {name: given[name] for name in SETTINGS}
    pulumi.runtime.configure(
        pulumi.runtime.Settings(**settings, parallel=int(given["parallel"]), dry_run=given["dry_run"] == "true")
    )
    program = given["program"]
    sys.argv = [program, *given["arguments"]]
    os.chdir(given["pwd"])

    def run_program() -> None:
        runpy.run_path(program, run_name="__main__")

    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    print("run by the test's executor")
    try:
        loop.run_until_complete(pulumi.runtime.run_in_stack(run_program))
    except Exception:
        pulumi.log.error(traceback.format_exc())
        sys.exit(32)


if __name__ == "__main__":
    main()
