"""How a restore, or a change of the data volume, has ended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ops.tt import times
from ops.tt.project import Project


@dataclass
class Outcome:
    """How a restore or a swap has ended; seconds and instants."""

    volume: int
    kept: int | None
    rto: float
    downtime: float | None
    safety_backup: str | None = None
    job: Mapping[str, Any] = field(default_factory=dict)
    backup_after: str | None = None

    @property
    def recovered_to(self) -> datetime | None:
        """The time of the last transaction that was recovered."""
        told = self.job.get("recovered_to")
        return datetime.fromisoformat(str(told).replace("Z", "+00:00")) if told else None

    def asdict(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "volume": self.volume,
            "kept_volume": self.kept,
            "rto_seconds": round(self.rto, 1),
            "downtime_seconds": None if self.downtime is None else round(self.downtime, 1),
            "safety_backup": self.safety_backup,
            "backup": self.job.get("backup"),
            "recovered_to": times.iso(self.recovered_to) if self.recovered_to else None,
            "backup_after": self.backup_after,
        }

    def lines(self, project: Project) -> Iterator[str]:
        """For people."""
        stack, kept = project.stack, self.kept
        yield f"PostgreSQL of {stack} is on data volume {self.volume}."
        if self.recovered_to is not None:
            yield f"  last transaction  {times.both(self.recovered_to)}"
        yield f"  RTO               {times.duration(self.rto)} from go-ahead to serving"
        if self.downtime is not None:
            yield f"  downtime          {times.duration(self.downtime)} without a database"
        if self.safety_backup:
            yield f"  safety backup     {self.safety_backup}"
        if kept is not None:
            yield (
                f"  kept              data volume {kept}: `./tt volumes use {kept} --stack {stack}` goes back to it, "
                f"`./tt volumes remove {kept} --stack {stack}` deletes it"
            )
            yield f"{project.config_file.name} has changed: commit it."
