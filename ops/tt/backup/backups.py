"""What is in the backup repository, and which backup a restore would begin with. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from ops.tt import times
from ops.tt.errors import FailedError, RefusedError

LATEST = "latest"


@dataclass(frozen=True)
class Backup:
    """A backup in the repository; times in seconds since 1970, sizes in bytes.

    `size` is the database's, `repository_size` what the backup itself takes in the repository. `error`: it has pages
    whose checksums are wrong.
    """

    label: str
    type: str
    start: float
    stop: float
    size: int
    repository_size: int
    error: bool
    timeline: int | None
    database_version: str | None


@dataclass(frozen=True)
class Range:
    """From when to when one can restore on a timeline."""

    timeline: int
    start: float
    end: float


@dataclass(frozen=True)
class Repository:
    """What `backup-list` tells."""

    backups: Sequence[Backup]
    ranges: Sequence[Range]
    archived_until: float | None

    @classmethod
    def parse(cls, text: str) -> Repository:
        """Reads the output of `backup-list`.

        Raises:
            FailedError: it is something else.
        """
        try:
            document = json.loads(text)
            fields = Backup.__dataclass_fields__
            return cls(
                [Backup(**{key: each.get(key) for key in fields}) for each in document["backups"]],
                # A time within the second in which the backup ended may be before its end.
                [Range(each["timeline"], min(each["from"] + 1, each["to"]), each["to"]) for each in document["ranges"]],
                document["archived_until"],
            )
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise FailedError(f"the answer of `backup-list` is not understood: {error}") from None

    @property
    def good(self) -> list[Backup]:
        """The backups without errors, the newest first."""
        return sorted((each for each in self.backups if not each.error), key=lambda each: -each.stop)

    def until(self, now: float, timeline: int) -> Repository:
        """The same, as it will be when all WAL that PostgreSQL has written on `timeline` so far is archived."""
        return replace(
            self,
            ranges=[
                replace(each, end=max(each.end, now)) if each.timeline == timeline else each for each in self.ranges
            ],
        )

    def asdict(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "backups": [
                {**asdict(each), "start": times.iso(times.at(each.start)), "stop": times.iso(times.at(each.stop))}
                for each in self.backups
            ],
            "ranges": [
                {
                    "timeline": each.timeline,
                    "from": times.iso(times.at(each.start)),
                    "to": times.iso(times.at(each.end)),
                }
                for each in self.ranges
            ],
            "archived_until": None if self.archived_until is None else times.iso(times.at(self.archived_until)),
        }


@dataclass(frozen=True)
class Target:
    """What a restore goes to: one of the three is given."""

    time: datetime | None = None
    label: str | None = None
    latest: bool = False

    @property
    def config(self) -> dict[str, str]:
        """As the stack's config has it."""
        if self.label is not None:
            return {"set": self.label}
        return {"to": LATEST if self.time is None else times.iso(self.time)}

    def __str__(self) -> str:
        if self.label is not None:
            return f"the end of backup {self.label}"
        return "the latest state that is archived" if self.time is None else times.both(self.time)


def choose(target: Target, repository: Repository, now: float) -> Backup:
    """The backup that a restore to `target` begins with: the newest good one before it, on its timeline.

    Raises:
        RefusedError: there is none; says what there is.
    """
    if not repository.good:
        raise RefusedError(
            "there is no good backup to restore from"
            + ("; all there are have errors" if repository.backups else ": the repository is empty")
        )
    if target.label is not None:
        return _labelled(target.label, repository)
    if target.time is None:
        return repository.good[0]
    time = target.time.timestamp()
    if time > now:
        raise RefusedError(f"{times.both(target.time)} is still to come: it is {_whole(now)} now")
    # As the job itself chooses (images/postgres/choose.jq): a range's end is known to the second, so what was written
    # within that second may be there, and recovery finds out.
    for backup in repository.good:
        if backup.stop < time and any(
            each.timeline == backup.timeline and each.end + 1 > time for each in repository.ranges
        ):
            return backup
    raise RefusedError(
        f"{times.both(target.time)} can't be restored. What can be:\n{ranges_text(repository)}",
        ranges=repository.asdict()["ranges"],
    )


def _labelled(label: str, repository: Repository) -> Backup:
    found = next((each for each in repository.backups if each.label == label), None)
    labels = "\n".join(f"  {each.label}" for each in repository.good)
    if found is None:
        raise RefusedError(f"there is no backup '{label}'. There are:\n{labels}")
    if found.error:
        raise RefusedError(f"backup {label} has pages whose checksums are wrong. Good ones are:\n{labels}")
    return found


def ranges_text(repository: Repository) -> str:
    """The ranges that can be restored to, a line each, the newest first."""
    lines = (
        f"  {_whole(each.start)}  to  {_whole(each.end)}  (timeline {each.timeline})"
        for each in sorted(repository.ranges, key=lambda each: -each.end)
    )
    return "\n".join(lines) or "  nothing yet"


def _whole(epoch: float) -> str:
    """An instant without its fraction of a second."""
    return times.both(times.at(int(epoch)))
