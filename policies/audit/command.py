"""The command line of the audit."""

from __future__ import annotations

import argparse
import datetime
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import docker
import requests

import stackfile
from policies import config, waivers
from policies.audit.carrier_files import are_readable, read_files
from policies.audit.exit_codes import EXIT_CODES, INTERRUPTED, NOTHING, UNAVAILABLE, USAGE
from policies.audit.findings import Report, audit
from policies.audit.report import as_json, blocks, summary
from policies.audit.snapshot import Snapshot, take_snapshot
from policies.audit.state import State, UsageError, read_state
from policies.config import Config
from policies.documents.errors import ConfigError
from policies.evaluate import Pack, Target
from policies.registry import RULES
from policies.values import text
from remote import AddressError, DockerHost, HostError, check, sdk, silent

#: Where the pack, its config and its waivers are.
FOLDER = Path(__file__).parent.parent

#: Seconds that one request to Docker may take.
REQUEST_TIMEOUT = 30


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"error: {message}\n")


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = _Parser(
        prog="python -m policies.audit",
        description="Judges what is on a Docker host by the rules of the policy pack.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    # Pulumi also takes ORGANIZATION/PROJECT/STACK; labels, URNs and files have the last part.
    parser.add_argument("--stack", required=True, type=lambda name: name.rpartition("/")[2], help="the stack's name")
    parser.add_argument("--environment", help="its environment, where Pulumi.STACK.yaml doesn't say it")
    parser.add_argument("--config", type=Path, default=FOLDER / "config.json", help="the pack's config")
    parser.add_argument("--state", metavar="FILE", help="output of `pulumi stack export`; - is standard input")
    parser.add_argument("--all", action="store_true", help="judge everything on the host, not only the stack's")
    parser.add_argument("--json", action="store_true", help="print a JSON list; the summary goes to standard error")
    return parser.parse_args(argv)


def _read(reader: Callable[[Path], dict[str, Any]], path: Path) -> dict[str, Any]:
    """What `reader` finds in a file of Pulumi's; nothing where there is none."""
    try:
        return reader(path) if path.exists() else {}
    except stackfile.StackFileError as error:
        raise UsageError(str(error)) from None


class UnavailableError(Exception):
    """Docker doesn't answer; the message is for the user."""


def _look(
    of_stack: Mapping[str, Any], stack: str, state: State | None
) -> tuple[Snapshot, Mapping[str, Mapping[str, str]]]:
    """What is on the Docker host of a stack, and the digests of the files that its carriers brought.

    Raises:
        UsageError: the address of the host is none.
        UnavailableError: it doesn't answer.
    """
    host = text(of_stack.get("docker:host"))
    try:
        own = DockerHost.of_config(of_stack, stack)
        if own is not None:
            check(own)
        client = sdk.client(own or host or None, REQUEST_TIMEOUT)
        return take_snapshot(client), read_files(client.api, state.resources) if state else {}
    except AddressError as error:
        raise UsageError(str(error)) from None
    except HostError as error:
        raise UnavailableError(str(error)) from None
    except (docker.errors.DockerException, requests.RequestException, OSError) as error:
        raise UnavailableError(silent(error, own or host)) from None


def _run(arguments: argparse.Namespace) -> int:
    of_stack = _read(stackfile.config, Path(f"Pulumi.{arguments.stack}.yaml"))
    configured: Config = config.read(arguments.config, RULES)
    conventions = configured.conventions
    accepted = waivers.of(configured, FOLDER, RULES)
    environment = arguments.environment or text(of_stack.get(conventions.environment_key)) or ""
    project = text(_read(stackfile.load, Path("Pulumi.yaml")).get("name")) or "project"
    target = Target(arguments.stack, project, environment)
    state = read_state(arguments.state, arguments.stack) if arguments.state else None
    snapshot, files = _look(of_stack, arguments.stack, state)
    today = datetime.datetime.now(datetime.UTC).date()
    pack = Pack(RULES, configured, accepted, target, today)
    report = audit(snapshot, target, pack, conventions, state, everything=arguments.all, files=files)
    if not report.objects and not report.missing and not state and not arguments.all:
        sys.stderr.write(
            f"error: nothing on this host has the label {conventions.stack_label}={arguments.stack}: "
            "is it the right stack, and the right host?\n"
        )
        return NOTHING
    if state and not are_readable(state.resources):
        sys.stderr.write("note: secret files were not compared; that takes `pulumi stack export --show-secrets`\n")
    _print(report, target, as_list=arguments.json)
    return report.exit_code


def _print(report: Report, target: Target, *, as_list: bool) -> None:
    if as_list:
        sys.stdout.write(f"{json.dumps(as_json(report), indent=2)}\n")
        sys.stderr.write(f"{summary(report, target)}\n")
    else:
        sys.stdout.writelines(
            [*(f"{block}\n" for block in blocks(report, target.stack)), f"{summary(report, target)}\n"]
        )


def main(argv: Sequence[str] | None = None) -> int:
    """Does what the command line says; returns the exit code."""
    try:
        return _run(_arguments(argv))
    except (UsageError, ConfigError) as error:
        sys.stderr.write("".join(f"error: {line}\n" for line in str(error).splitlines()))
        return USAGE
    except UnavailableError as error:
        sys.stderr.write(f"error: {error}\n")
        return UNAVAILABLE
    except KeyboardInterrupt:
        return INTERRUPTED
