"""What is in the backup repository, and why a restore is refused. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from ops.tt import times
from ops.tt.errors import FailedError, RefusedError

LATEST = "latest"

#: Why no backup can be chosen, in the words of `backup-choose` (images/postgres/share/choose.jq): there is no good one,
#: none of that label, that one has errors, the time is in no range, it is of another version of PostgreSQL.
NONE, UNKNOWN, ERRORS, OUTSIDE, VERSION = "none", "unknown", "errors", "outside", "version"


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

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> Backup:
        """Reads one of `backup-list`."""
        fields: dict[str, Any] = {key: document.get(key) for key in cls.__dataclass_fields__}
        return cls(**fields)


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
            return cls(
                [Backup.parse(each) for each in document["backups"]],
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
    def words(self) -> tuple[str, ...]:
        """As `backup-choose` takes it."""
        if self.label is not None:
            return ("set", self.label)
        return (LATEST,) if self.time is None else ("time", f"{self.time.timestamp():.6f}")

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


def chosen(target: Target, answer: str, now: float) -> Backup:
    """The backup that a restore to `target` begins with, by the answer of `backup-choose` in the backups container.

    That program alone decides, as it does in the job that restores; here is only what is said where it refuses.

    Raises:
        RefusedError: there is none; says what there is.
        FailedError: the answer is something else.
    """
    repository = Repository.parse(answer)
    try:
        choice = json.loads(answer)["choice"]
        problem = choice.get("problem")
        if problem != NONE and target.time is not None and target.time.timestamp() > now:
            raise RefusedError(f"{times.both(target.time)} is still to come: it is {_whole(now)} now")
        if problem is not None:
            raise _refusal(choice, target, repository)
        return Backup.parse(choice["backup"])
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise FailedError(f"the answer of `backup-choose` is not understood: {error}") from None


def _refusal(choice: Mapping[str, Any], target: Target, repository: Repository) -> RefusedError:
    """Why there is no restore, in the words of `tt`; those of the program for a problem that it alone knows."""
    problem, labels = choice["problem"], "\n".join(f"  {each.label}" for each in repository.good)
    if problem == NONE:
        there_are = "; all there are have errors" if repository.backups else ": the repository is empty"
        return RefusedError(f"there is no good backup to restore from{there_are}")
    if problem == UNKNOWN:
        return RefusedError(f"there is no backup '{target.label}'. There are:\n{labels}")
    if problem == ERRORS:
        return RefusedError(f"backup {target.label} has pages whose checksums are wrong. Good ones are:\n{labels}")
    if problem == OUTSIDE and target.time is not None:
        return RefusedError(
            f"{times.both(target.time)} can't be restored. What can be:\n{ranges_text(repository)}",
            ranges=repository.asdict()["ranges"],
        )
    if problem == VERSION:
        return RefusedError(
            f"backup {choice['label']} is of PostgreSQL {choice['version']}, and the stack runs {choice['major']}. "
            f"Restore it with an image of PostgreSQL {choice['version']}, `./tt dump` there, and load that with "
            "pg_restore"
        )
    return RefusedError(str(choice["reason"]))


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
