"""State files in a folder that are damaged or gone: Pulumi says neither which it is nor what to do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from toolchain.pulumi_engine.backends import folder_of, is_folder

#: Where a backend has the states of its stacks, in a folder for each project.
_STACKS = ".pulumi/stacks"

#: What Pulumi makes for itself; a stack that has nothing else is one that was taken down.
_OWN_TYPES = ("pulumi:pulumi:Stack", "pulumi:providers:")


def damaged(backend: str) -> str | None:
    """What to do about a state that is no state, in words; None where the backend is no folder or has none.

    Pulumi keeps the file as it was before each time that it writes it.
    """
    if not is_folder(backend):
        return None
    for path in sorted((folder_of(backend) / _STACKS).rglob("*.json")):
        try:
            if _resources(path) is not None:
                continue
        except OSError:
            continue
        return f"{path} is damaged. {_cure(path)}"
    return None


def lost(backend: str, project: str, stack: str) -> str | None:
    """What to do about a stack whose state file is gone though it has resources, in words; None where it is not so.

    It has them if the file as it was one step earlier is there, with resources: `pulumi stack rm` leaves that too, with
    none.
    """
    if not is_folder(backend):
        return None
    path = folder_of(backend) / _STACKS / project / f"{stack}.json"
    try:
        if path.is_file() or not _resources(_backup_of(path)):
            return None
    except OSError:
        return None
    what = "is no file" if path.exists() else "is gone"
    return f"{path} {what}. {_cure(path)}. If '{stack}' is to begin anew, remove {_backup_of(path)}"


def _backup_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.bak")


def _cure(path: Path) -> str:
    backup, saved = _backup_of(path), f"`./tt state list --stack {path.stem}` has those that were saved"
    if not backup.is_file():
        return saved
    make_room = f"`rm -r {path}`, then " if path.is_dir() else ""
    return (
        f"{backup} has it as it was one step earlier: {make_room}`cp {backup} {path}`, then "
        f"`make recover STACK={path.stem}`. {saved}"
    )


def _resources(path: Path) -> list[str] | None:
    """The types of what a state has beside what Pulumi makes for itself; None where the file is no state.

    Raises:
        OSError: it can't be read.
    """
    try:
        latest: Any = json.loads(path.read_bytes())["checkpoint"]["latest"]
        types = [str(each["type"]) for each in (latest or {}).get("resources") or ()]
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return [each for each in types if not each.startswith(_OWN_TYPES)]
