"""What a stack's state says is there."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from policies.audit.snapshot import KINDS
from policies.values import entries, lookup, text

#: How the URN ends under which the program has the limits of processes (components/core/pids.py).
PIDS_LIMITS = "pulumi:index:Stash::pids-limits"

#: How the URN ends under which the program has which slot of its releases serves (components/edge/switch.py).
SWITCH = "pulumi:index:Stash::switch"


class UsageError(Exception):
    """What the user gave is wrong; the message is for them."""


@dataclass(frozen=True)
class State:
    """What `pulumi stack export` says is there: the resources of Docker by type and id, and all URNs.

    `pids_limits` has the containers' limits of processes, by their names, which the program sets past the provider.
    `in_use` are the slots whose releases get requests.
    """

    resources: Mapping[tuple[str, str], Mapping[str, Any]]
    urns: frozenset[str]
    pids_limits: Mapping[str, Any] = field(default_factory=dict)
    in_use: frozenset[str] = frozenset()


def read_state(source: str, stack: str) -> State:
    """The output of `pulumi stack export`, from a file or, as `-`, from standard input.

    Raises:
        UsageError: it can't be read, isn't a stack's state, or is another stack's.
    """
    where = "standard input" if source == "-" else source
    try:
        content = json.loads(sys.stdin.read() if source == "-" else Path(source).read_text())
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"--state: {where}: {error}") from None
    if not isinstance(entries(content).get("deployment"), dict):
        raise UsageError(f"--state: {where} is not what `pulumi stack export` writes: it has no deployment")
    listed = content["deployment"].get("resources")
    known = [each for each in (listed if isinstance(listed, list) else []) if isinstance(each, dict)]
    urns = {urn for each in known if (urn := text(each.get("urn")))}
    others = {name for urn in urns if (name := urn.split("::")[0].removeprefix("urn:pulumi:")) != stack}
    if others:
        raise UsageError(f"--state: {where} is the state of the stack {min(others)!r}, not of {stack!r}")
    resources = {(str(each.get("type")), str(each.get("id"))): each for each in known if each.get("type") in KINDS}

    def recorded(ending: str, path: str) -> object:
        records = (each for each in known if str(each.get("urn")).endswith(ending))
        return lookup(next(records, {}), f"inputs.input.{path}")

    return State(
        resources,
        frozenset(urns),
        entries(recorded(PIDS_LIMITS, "limits")),
        frozenset(filter(None, (text(recorded(SWITCH, path)) for path in ("serving", "canary.slot")))),
    )
