"""`tt history`: the updates of a stack, as its state has them."""

from __future__ import annotations

import calendar
import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ops import pulumi_cli
from ops.pulumi_cli import PulumiError
from ops.tt.errors import UnreachableError
from ops.tt.project import Project
from ops.tt.stack.attached import variables
from settings.values.image_ref import ImageRef

#: How the history writes a time.
TIME = "%Y-%m-%dT%H:%M:%S"


@dataclass(frozen=True)
class Update:
    """An update. `start` is in seconds since 1970, `seconds` is how long it took, None where it has no end.

    `kind` is `update`, `destroy`, `refresh` and so on, `result` is `succeeded`, `failed` or `in-progress`. `version` is
    the tag of the api's image in the config, `author` and `commit` are those of the project's last commit, `changes`
    has the number of resources by what was done with them.
    """

    start: float
    seconds: float | None
    kind: str
    result: str
    author: str
    commit: str
    version: str
    message: str
    changes: Mapping[str, int]

    def asdict(self) -> dict[str, Any]:
        """As a document."""
        return asdict(self)

    @classmethod
    def parse(cls, entry: Mapping[str, Any]) -> Update:
        """By an entry of `pulumi stack history --json`."""
        start, end = _seconds(entry.get("startTime")), _seconds(entry.get("endTime"))
        environment = entry.get("environment") or {}
        changes = {kind: count for kind, count in (entry.get("resourceChanges") or {}).items() if kind != "same"}
        return cls(
            start or 0.0,
            None if start is None or end is None or end < start else end - start,
            str(entry.get("kind", "")),
            str(entry.get("result", "")),
            str(environment.get("git.author", "")),
            str(environment.get("git.head", "")),
            _version(entry.get("config") or {}),
            str(entry.get("message", "")),
            changes,
        )


def history(project: Project, count: int) -> list[Update]:
    """The last updates, the newest first.

    Raises:
        UnreachableError: the state does not answer.
    """
    arguments = ["stack", "history", "--json", "--stack", project.stack, "--page-size", str(count), "--page", "1"]
    try:
        found = json.loads(pulumi_cli.output(arguments, project.folder, variables(project)) or "[]")
    except PulumiError as error:
        raise UnreachableError(str(error)) from None
    return parsed(found or [])


def parsed(entries: Iterable[Mapping[str, Any]]) -> list[Update]:
    """The updates of a history."""
    return [Update.parse(entry) for entry in entries]


def _seconds(text: Any) -> float | None:  # noqa: ANN401 - any JSON
    """The time of a text such as 2026-11-29T14:00:00.000Z, to the second; None where there is none."""
    if not isinstance(text, str):
        return None
    try:
        return float(calendar.timegm(time.strptime(text[:19], TIME)))
    except ValueError:
        return None


def _version(config: Mapping[str, Any]) -> str:
    """The tag of the api's image; empty where the config names none."""
    for key, entry in config.items():
        if key.rpartition(":")[2] != "images" or not isinstance(entry, Mapping):
            continue
        found = entry.get("objectValue")
        if found is None:
            try:
                found = json.loads(str(entry.get("value")))
            except ValueError:
                return ""
        reference = found.get("api") if isinstance(found, Mapping) else None
        if isinstance(reference, str):
            return ImageRef.parse(reference).tag or ""
    return ""
