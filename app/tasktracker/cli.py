"""The `tasktracker` command.

Each subcommand imports what it needs when it runs: `probe` is started by the container's health
check every few seconds and must not pay for the web framework.
"""

# ruff: noqa: PLC0415, T201 - late imports for the reason above; a command prints

import os
import sys
from collections.abc import Sequence

USAGE = """\
usage: tasktracker COMMAND

  api         serve the HTTP API and /ws
  worker      process queued tasks
  migrate     bring the database's schema up to date, then exit
  probe URL   exit 0 if URL answers with 2xx within 3 s, else 1
"""

EXIT_FAILURE = 1
EXIT_USAGE = 2
"""Also the exit code for a bad configuration: trying again would not help."""


def _api() -> int:
    from tasktracker import logs
    from tasktracker.api.app import create_app
    from tasktracker.config import API_BIND, ServiceSettings, load
    from tasktracker.web.server import serve

    settings = load(ServiceSettings, os.environ)
    logs.configure(settings.log_level, service="api", slot=settings.slot)
    return serve(create_app(settings), settings.bind or API_BIND)


def _worker() -> int:
    from tasktracker import logs
    from tasktracker.config import WORKER_BIND, ServiceSettings, load
    from tasktracker.web.server import serve
    from tasktracker.worker.worker import create_app

    settings = load(ServiceSettings, os.environ)
    logs.configure(settings.log_level, service="worker", slot=settings.slot)
    return serve(create_app(settings), settings.bind or WORKER_BIND)


def _migrate() -> int:
    from tasktracker import logs
    from tasktracker.config import Settings, load
    from tasktracker.migrate import MigrationError, migrate

    settings = load(Settings, os.environ)
    logs.configure(settings.log_level, service="migrate", slot=settings.slot)
    try:
        migrate(settings.database_url)
    except MigrationError as error:
        print(f"tasktracker migrate: {error}", file=sys.stderr)
        return EXIT_FAILURE
    return 0


def _probe(url: str) -> int:
    from tasktracker.web.probe import ProbeError, probe

    try:
        probe(url)
    except ProbeError as error:
        print(f"tasktracker probe: {error}", file=sys.stderr)
        return EXIT_FAILURE
    return 0


def _configured(name: str) -> int:
    """Run a subcommand that reads the settings; a bad one is a line each, not a traceback."""
    from tasktracker.config import ConfigError

    try:
        return {"api": _api, "worker": _worker, "migrate": _migrate}[name]()
    except ConfigError as error:
        for problem in error.problems:
            print(f"tasktracker: {problem}", file=sys.stderr)
        return EXIT_USAGE


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand and return the process's exit code."""
    match list(sys.argv[1:] if arguments is None else arguments):
        case ["probe", url]:
            return _probe(url)
        case ["api" | "worker" | "migrate" as name]:
            return _configured(name)
        case ["help" | "-h" | "--help"]:
            print(USAGE, end="")
            return 0
        case _:
            print(USAGE, end="", file=sys.stderr)
            return EXIT_USAGE
