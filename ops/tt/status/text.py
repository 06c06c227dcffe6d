"""`tt status` for people."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from ops.tt import times
from ops.tt.backup import drill
from ops.tt.backup.backups import ranges_text
from ops.tt.host.service import Service
from ops.tt.output import size, table
from ops.tt.project import volume_name
from ops.tt.status.status import Status

HEADER = ("SERVICE", "STATE", "HEALTH", "SINCE", "RESTARTS", "MEMORY", "PORTS", "RELEASE")


def show(status: Status) -> list[str]:
    """The status for people."""
    now = time.time()
    word = "healthy" if not status.problems else "NOT HEALTHY"
    lines: list[str] = [
        f"{status.stack} ({status.environment}): {word}" + (f", at {status.url}" if status.url else ""),
        "",
        table([HEADER, *(_row(each, now) for each in status.services)]),
        "",
    ]
    facts = [*_use_facts(status), *_backup_facts(status, now), *_drill_facts(status, now)]
    facts.append(("data volume", _volumes(status)))
    if status.program:
        commit = status.program.get("commit")
        facts.append(("program", f"{status.program.get('version')}" + (f", commit {commit}" if commit else "")))
    lines += [f"{name:<14} {text}" for name, text in facts]
    if status.repository is not None:
        lines += ["can be restored", ranges_text(status.repository)]
    if status.problems:
        lines += ["", "What is wrong:", *(f"  - {problem}" for problem in status.problems)]
    return lines


def _row(each: Service, now: float) -> tuple[str, ...]:
    state = f"{each.state} ({each.exit_code})" if each.state == "exited" else each.state
    used = f"{size(each.memory)} of {size(each.memory_limit)}" if each.memory is not None else ""
    since = times.duration(now - each.since) if each.since is not None else ""
    restarts = str(each.restarts) if each.restarts else ""
    return each.name, state, each.health or "", since, restarts, used, each.ports, each.release


def _use_facts(status: Status) -> list[tuple[str, str]]:
    """Whether the URL was asked, the queue, and an update that is under way."""
    facts = [("URL", f"not verified: {status.unverified}")] if status.unverified else []
    if status.queue is not None:
        waiting = status.queue.get("waiting") or 0
        oldest = times.duration(float(status.queue.get("oldest_seconds") or 0))
        facts.append(("queue", f"{waiting} tasks, the oldest for {oldest}" if waiting else "no task waits"))
    facts += [
        ("release", f"{each['name']} ({each['id']}) in {slot}, {_role(each)}") for slot, each in status.releases.items()
    ]
    if status.maintenance:
        opens = f"`./tt maintenance off --stack {status.stack}` opens it"
        facts.append(("site", f"closed for maintenance: {opens}"))
    facts += [("lock", f"an update is under way: {lock}") for lock in status.locks if lock.lives is not False]
    return facts


def _role(release: Mapping[str, Any]) -> str:
    """What a release in a slot is for.

    >>> _role({"serving": True}), _role({"serving": False, "canary": 10.0}), _role({"serving": False})
    ('serving', 'on trial with 10 % of the clients', 'ready to serve again')
    """
    if release["serving"]:
        return "serving"
    share = release.get("canary")
    return f"on trial with {share:g} % of the clients" if share else "ready to serve again"


def _backup_facts(status: Status, now: float) -> list[tuple[str, str]]:
    told = status.backups
    if told is None:
        return []
    facts = []
    for name, key in (("last full", "last_good_full"), ("last backup", "last_good")):
        backup = told.get(key)
        text = f"{backup['label']}, {times.age(backup['stop'], now)}" if backup else "none that is good"
        facts.append((name, text))
    if told.get("running_since"):
        facts.append(("under way", f"a backup, since {times.duration(now - told['running_since'])}"))
    archive = told.get("archive") or {}
    waiting, oldest = archive.get("waiting") or 0, archive.get("waiting_since")
    last = archive.get("last_archived_time")
    facts.append(
        (
            "WAL",
            (f"{waiting} files wait" + (f", the first since {times.duration(now - oldest)}" if oldest else ""))
            if waiting
            else "all archived" + (f", the last {times.age(last, now)}" if last else ""),
        )
    )
    return facts


def _drill_facts(status: Status, now: float) -> list[tuple[str, str]]:
    done = status.drill
    if done is None:
        return [("last drill", "none yet")] if any(each.name == drill.DRILLS for each in status.services) else []
    parts = ["green" if done.get("ok") else "RED"]
    if done.get("time") is not None:
        parts.append(times.age(float(done["time"]), now))
    for name, key in (("RPO", "rpo_seconds"), ("RTO", "rto_seconds")):
        if done.get(key) is not None:
            parts.append(f"{name} {times.duration(float(done[key]))}")
    return [("last drill", ", ".join(parts))]


def _volumes(status: Status) -> str:
    used = int(status.volumes["in_use"])
    kept = ", ".join(str(number) for number in status.volumes["kept"])
    return f"{used} ({volume_name(status.stack, used)})" + (f"; kept: {kept}" if kept else "")
