"""Locks of stacks whose state is in a folder or a bucket: who holds one, since when, and whether he still lives.

Pulumi's lock is a file for each process that wants it: it looks whether there is another one, writes its own, and looks
again. Of two that come at the same instant, so, one goes ahead or none, and never both.
"""

from __future__ import annotations

import getpass
import json
import os
import re
import socket
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ops.tt import times
from ops.tt.errors import RefusedError
from ops.tt.state.store import Store

#: Where the kernel has the time of a process's start, in ticks after its own, among what follows the name in
#: /proc/PID/stat.
_START = 19

#: Seconds by which a lock's time and the start of its process may disagree: clocks are set.
_CLOCK = 60

#: How Pulumi tells of a lock.
_TOLD = re.compile(r"created by (\S+)@(\S+) \(pid (\d+)\)(?: at (\S+))?")


@dataclass(frozen=True)
class Lock:
    """A lock. `source` and `target` are the backends of a move of the state, if it is one's."""

    user: str
    host: str
    pid: int
    since: float | None
    key: str = ""
    source: str | None = None
    target: str | None = None

    @property
    def lives(self) -> bool | None:
        """Whether the process that holds it is there; None for one of another machine."""
        return _lives(self.pid, self.since) if self.host == socket.gethostname() else None

    def __str__(self) -> str:
        since = ""
        if self.since is not None:
            since = f", since {times.both(times.at(self.since))}, {times.age(self.since, time.time())}"
        return f"process {self.pid} of {self.user} on {self.host}{since}"

    def asdict(self) -> dict[str, Any]:
        """For `--json`."""
        since = None if self.since is None else times.iso(times.at(self.since))
        return {"user": self.user, "host": self.host, "pid": self.pid, "since": since, "alive": self.lives}


class LockedError(RefusedError):
    """Another update is under way. `dead`: it was killed, and has left its lock."""

    def __init__(self, stack: str, locks: Sequence[Lock]) -> None:
        self.dead = bool(locks) and all(lock.lives is False for lock in locks)
        who = "; ".join(map(str, locks)) or "somebody"
        recover = f"`./tt recover --stack {stack}`"
        target = next((lock.target for lock in locks if lock.target), None)
        if self.dead and target:
            # Cleared alone, it would leave the state in two places.
            message = (
                f"a move of '{stack}' to {target} was cut off ({who}) and has left its lock: "
                f"`make state STACK={stack} BACKEND='{target}'` carries on"
            )
        elif self.dead:
            message = f"an update of '{stack}' was killed ({who}) and has left its lock: {recover} clears it"
        else:
            message = f"another update of '{stack}' is under way ({who}): wait for its end"
            if target:
                message = f"a move of '{stack}' is under way ({who}): wait for its end"
            elif any(lock.lives is None for lock in locks):
                message += f". If it was killed: {recover} on that machine, or here with `--confirm {stack}`"
        super().__init__(message, locks=[lock.asdict() for lock in locks])


def holders(text: str) -> list[Lock]:
    """The locks that Pulumi tells of."""
    return [Lock(user, host, int(pid), _epoch(at)) for user, host, pid, at in _TOLD.findall(text)]


def read(store: Store, project: str, stack: str) -> list[Lock]:
    """The locks of a stack in its backend.

    Raises:
        UnreachableError: it does not answer.
    """
    found = []
    for key in store.keys(_folder(project, stack)):
        try:
            content = json.loads(store.read(key) or b"")
            move = content.get("move") or {}
            lock = Lock(
                str(content["username"]), str(content["hostname"]), int(content["pid"]),
                _epoch(str(content["timestamp"])), key, move.get("source"), move.get("target"),
            )  # fmt: skip
        except (ValueError, KeyError, TypeError, AttributeError):
            # Just gone, or cut off while it was written.
            if store.read(key) is None:
                continue
            lock = Lock("somebody", "an unknown machine", 0, None, key)
        found.append(lock)
    return found


def take(store: Store, project: str, stack: str, source: str, target: str) -> Lock:
    """Takes the lock of a stack for a move of its state, as Pulumi does, and so that it refuses all updates meanwhile.

    Raises:
        LockedError: somebody else has it.
    """
    now = datetime.now(UTC)
    lock = Lock(getpass.getuser(), socket.gethostname(), os.getpid(), now.timestamp(),
                f"{_folder(project, stack)}{uuid.uuid4()}.json", source, target)  # fmt: skip
    content = {
        "pid": lock.pid, "username": lock.user, "hostname": lock.host, "timestamp": now.isoformat(),
        "move": {"source": source, "target": target},
    }  # fmt: skip
    _refuse_others(store, project, stack)
    store.write(lock.key, json.dumps(content).encode())
    try:
        _refuse_others(store, project, stack, lock.key)
    except BaseException:
        store.delete(lock.key)
        raise
    return lock


def _refuse_others(store: Store, project: str, stack: str, own: str = "") -> None:
    if others := [lock for lock in read(store, project, stack) if lock.key != own]:
        raise LockedError(stack, others)


def _folder(project: str, stack: str) -> str:
    return f".pulumi/locks/organization/{project}/{stack}/"


def _epoch(text: str) -> float | None:
    """A time as Go writes it, with up to nine digits of a second.

    >>> _epoch("2026-11-20T12:05:00.123456789+01:00"), _epoch("soon")
    (1795172700.123456, None)
    """
    try:
        return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text)).timestamp()
    except ValueError:
        return None


def _lives(pid: int, since: float | None) -> bool:
    """Whether a process of this machine is there that has a lock `since` then.

    Where process 1 does not collect the processes that have ended, as in many containers, they stay in the list. After
    a restart of the machine another process may have the number.
    """
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    try:
        # "12 (a name) Z 1 ...": what follows the name has no parentheses.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        boot = next(int(line.split()[1]) for line in Path("/proc/stat").read_text().splitlines() if "btime" in line)
    except OSError:
        # There is no /proc on a Mac; or it has ended just now, which the next look finds.
        return True
    started = boot + int(fields[_START]) / os.sysconf("SC_CLK_TCK")
    return fields[0] not in "ZX" and (since is None or started <= since + _CLOCK)
