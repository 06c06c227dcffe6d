"""Drills: the proof, now, that what is in the repository can be restored."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ops.tt import times
from ops.tt.backup import object_store
from ops.tt.backup.database import BUSY, events
from ops.tt.errors import FailedError, InterruptedWorkError, RefusedError, TtError
from ops.tt.host.docker_host import Host
from ops.tt.output import Output

DRILLS = "drills"

#: What the last drill came to, beside the metric.
RESULT = "/var/lib/metrics/drill.json"

#: What goes on after each event.
STAGES = {
    "canary": "waiting until the canary's WAL is archived",
    "archived": "restoring",
    "recovering": "replaying WAL",
    "checking": "checking what is restored",
}

#: What a check came to; there may be nothing to check.
CHECKED = {True: "ok", False: "FAILED", None: "nothing to check"}


def take(host: Host, output: Output) -> Mapping[str, Any]:
    """Takes a drill and returns how it went.

    Raises:
        RefusedError: one is under way.
        UnreachableError: the stack's own object store is down.
        FailedError: it has ended without a result.
    """
    object_store.check(host)
    done: dict[str, Any] = {}
    with output.work("Drill") as work:

        def take_event(event: Mapping[str, Any]) -> None:
            if event.get("event") == "done":
                done.update(event)
            elif "percent" in event:
                work.percent(float(event["percent"]))
            else:
                work.say(STAGES.get(str(event.get("event")), ""))

        try:
            result = host.run(DRILLS, ["drill", "--json"], events(take_event))
        except KeyboardInterrupt:
            raise InterruptedWorkError(
                f"the drill goes on in its container, and `./tt status --stack {host.stack}` shows how it ends"
            ) from None
    if result.code == BUSY:
        raise RefusedError(f"a drill is under way; `./tt status --stack {host.stack}` shows how it ends")
    if not done:
        raise FailedError(f"the drill has ended without a result: {result.reason}")
    return done


def last(host: Host) -> Mapping[str, Any] | None:
    """What the last drill came to; None if there was none, or nobody can say."""
    try:
        result = host.run(DRILLS, ["cat", RESULT])
        told = json.loads(result.output) if result.code == 0 else None
    except (TtError, ValueError):
        return None
    return told if isinstance(told, dict) else None


def rows(done: Mapping[str, Any]) -> list[tuple[str, str]]:
    """How it went, for people."""
    times_ = (("RPO", "rpo_seconds"), ("RTO", "rto_seconds"), ("whole drill", "seconds"))
    return [
        ("result", "green" if done.get("ok") else f"RED: {done.get('reason') or 'no reason is known'}"),
        *((name, times.duration(float(done[key]))) for name, key in times_ if done.get(key) is not None),
        *([("backup", str(done["backup"]))] if done.get("backup") else []),
        *(
            (f"check {name}", f"{CHECKED[check['ok']]}: {check['note']}")
            for name, check in (done.get("checks") or {}).items()
        ),
    ]
