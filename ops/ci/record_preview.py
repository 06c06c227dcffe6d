"""`python -m ops.ci.record_preview STACK --output FILE`: a preview with the policy pack, kept for the report.

What is kept are the engine's events that the report shows, and never the rest: the engine's stream has debug
messages too, which may hold anything. A preview that fails is kept like any other; the report says so.

Variables of the environment:

- TASKTRACKER_BACKEND_URL: the state backend, of stacks whose config names none. A stack that it does not have, like
  any stack without this variable, is previewed against an empty state in `.state/`: nothing is made in a backend.
- TASKTRACKER_PASSPHRASE: the passphrase of the stack's secrets. Without it a new one is made up.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ops import pulumi_cli
from ops.ci.preview import PARTS_OF_REPLACE, UNCHANGED
from ops.ci.property_diff import parse
from ops.pulumi_cli import PulumiError
from remote.private_folder import PrivateFolder
from toolchain.process.steps import ROOT, StepError
from toolchain.pulumi_engine.engine import POLICY_OPTIONS, environment
from toolchain.pulumi_engine.environment import PUBLIC_STACK
from toolchain.stacks.stack import ensure_stack
from toolchain.targets.preview import environment_for_preview

#: Makes `pulumi preview --json` print the engine's events, a line each. Only they have policy violations.
STREAMING = {"PULUMI_ENABLE_STREAMING_JSON_PREVIEW": "true"}

BACKEND, PASSPHRASE, PASSPHRASE_FILE = (
    "TASKTRACKER_BACKEND_URL",
    "TASKTRACKER_PASSPHRASE",
    "TASKTRACKER_PASSPHRASE_FILE",
)

#: What the report reads.
KEPT = ("diagnosticEvent", "policyEvent", "resourcePreEvent", "summaryEvent")

SEVERITIES = ("error", "warning")

#: How Pulumi says that a backend does not have a stack.
NO_STACK = "no stack named"


def record(stack: str, folder: Path = ROOT) -> str:
    """Previews `stack` of the project in `folder`; returns the events as JSON lines."""
    try:
        if BACKEND in os.environ:
            result = _preview(stack, folder, environment(folder / f"Pulumi.{stack}.yaml"))
            if result.returncode == 0 or NO_STACK not in result.stderr:
                return _recording(result)
            # A new stack must not be made in a real backend by a mere preview.
            del os.environ[BACKEND]
        # Not where the stack's config says.
        empty = environment()
        ensure_stack(stack, empty)
        return _recording(_preview(stack, folder, empty))
    except (StepError, PulumiError) as error:
        return _lines(_failure(str(error)))


def kept(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """The events among the lines of a preview that the report reads, without what it does not."""
    for number, line in enumerate(lines, 1):
        try:
            event = json.loads(line)
        except ValueError:
            yield _error(f"line {number} of the preview is no event")
            continue
        kind = next((each for each in KEPT if each in event), None)
        if kind is None:
            continue
        body = event[kind]
        if kind == "diagnosticEvent" and (body["severity"] not in SEVERITIES or body.get("ephemeral")):
            continue
        if kind == "resourcePreEvent":
            body = {"metadata": _metadata(body["metadata"])}
        if kind == "summaryEvent":
            # The engine names a pack's folder with it, which says where the preview was made.
            body["PolicyPacks"] = {name.partition("|")[0]: version for name, version in body["PolicyPacks"].items()}
        yield {"sequence": event["sequence"], kind: body}


def _preview(stack: str, folder: Path, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Runs the preview, which needs no Docker."""
    with environment_for_preview({**os.environ, **env, **STREAMING}) as variables:
        return pulumi_cli.completed(
            ["preview", "--json", "--stack", stack, "--color", "never", *POLICY_OPTIONS], folder, variables
        )


def _recording(result: subprocess.CompletedProcess[str]) -> str:
    """What is kept of a preview that has ended, and why it failed where its events don't say so."""
    events = list(kept(line for line in result.stdout.split("\n") if line.strip()))
    results = {event["summaryEvent"]["result"] for event in events if "summaryEvent" in event}
    if not results or (result.returncode and results == {"succeeded"}):
        reason = result.stderr.strip().removeprefix("error: ")
        events += _failure(reason or f"pulumi preview ended with exit code {result.returncode} and no word")
    return _lines(events)


def _metadata(told: dict[str, Any]) -> dict[str, Any]:
    """What happens to a resource, with no more of its properties than can differ."""
    found: dict[str, Any] = {key: told[key] for key in ("op", "urn", "keys", "diffs", "detailedDiff") if key in told}
    differing = {str(part) for text in told.get("detailedDiff") or () for part in parse(text)[:1]}
    for key in ("old", "new"):
        state = told.get(key) or {}
        if not state:
            continue
        found[key] = {"protect": state.get("protect", False)}
        if told["op"] not in UNCHANGED | PARTS_OF_REPLACE:
            found[key]["inputs"] = state.get("inputs", {})
            outputs = state.get("outputs") or {}
            # Read where a property differs that the program does not set.
            found[key]["outputs"] = {name: value for name, value in outputs.items() if name in differing}
    return found


def _failure(message: str) -> list[dict[str, Any]]:
    """The events of a preview that could not be made."""
    return [
        _error(message),
        {"sequence": 0, "summaryEvent": {"result": "failed", "resourceChanges": {}, "PolicyPacks": {}}},
    ]


def _error(message: str) -> dict[str, Any]:
    return {"sequence": 0, "diagnosticEvent": {"severity": "error", "message": message}}


def _lines(events: Iterable[dict[str, Any]]) -> str:
    return "".join(f"{json.dumps(event)}\n" for event in events)


def main(argv: Sequence[str] | None = None) -> int:
    """Writes the recording; returns 0 also where the preview failed."""
    parser = argparse.ArgumentParser(prog="python -m ops.ci.record_preview", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("stack")
    parser.add_argument("--output", type=Path, required=True, help="the file to write")
    arguments = parser.parse_args(argv)
    with PrivateFolder("tasktracker-recording-") as folder:
        passphrase = os.environ.pop(PASSPHRASE, "")
        if passphrase or arguments.stack != PUBLIC_STACK:
            # In a file, where the program and the policies don't see it.
            file = folder / "passphrase"
            if passphrase:
                file.touch(mode=0o600)
                file.write_text(passphrase)
            os.environ[PASSPHRASE_FILE] = str(file)
        if not os.environ.get(BACKEND):
            os.environ.pop(BACKEND, None)
        arguments.output.write_text(record(arguments.stack))
    return 0


if __name__ == "__main__":
    sys.exit(main())
