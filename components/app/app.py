"""What the containers of the app's code (migrations, api, worker) have in common."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import pulumi

from components.core.context import Context
from components.runtime.volumes import DataVolume
from components.spec.container import MOUNT_PATH
from settings.app_files import GENERATED_FILES
from settings.services import SERVICES

USER = SERVICES["api"].user
DATA_PATH = "/var/lib/tasktracker"

#: The name of the volume of uploads.
UPLOADS = "uploads"


@dataclass(frozen=True)
class AppArgs:
    """What api and worker are given: where the stores are, and the secrets to reach them.

    `secrets` maps the name of each secret file to its content, and `env` holds what is no secret.
    `slot` is the release's slot, or None where there is one release only.
    """

    context: Context
    uploads: DataVolume
    secrets: Mapping[str, pulumi.Input[str]]
    slot: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)


def file_env(files: Iterable[str]) -> dict[str, str]:
    """Environment variables that say where each secret file is.

    >>> file_env(["database-url"])
    {'DATABASE_URL_FILE': '/etc/tasktracker/database-url'}
    """
    return {f"{name.upper().replace('-', '_')}_FILE": f"{MOUNT_PATH}/{name}" for name in sorted(files)}


def app_files(
    made: Iterable[Mapping[str, pulumi.Input[str]]], own: Mapping[str, pulumi.Input[str]]
) -> dict[str, pulumi.Input[str]]:
    """The files of api and worker: those that the program has `made`, part by part, and the app's `own` secrets.

    Raises:
        ValueError: two of them have one name, so that one would replace the other; or the settings don't know a name
            that was made, so that they could not keep it from a secret of the app.
    """
    known = {name for names in GENERATED_FILES.values() for name in names}
    files: dict[str, pulumi.Input[str]] = {}
    for part in made:
        if unknown := part.keys() - known:
            raise ValueError(f"settings.app_files does not list {', '.join(sorted(unknown))}")
        files = _joined(files, part)
    return _joined(files, own)


def _joined(
    files: Mapping[str, pulumi.Input[str]], part: Mapping[str, pulumi.Input[str]]
) -> dict[str, pulumi.Input[str]]:
    if twice := files.keys() & part.keys():
        raise ValueError(f"the app would get two files {', '.join(sorted(twice))}")
    return {**files, **part}


def app_env(args: AppArgs, log_level: str) -> dict[str, str]:
    """The environment of api and worker."""
    slot = {"TASKTRACKER_SLOT": args.slot} if args.slot else {}
    return {**args.env, **file_env(args.secrets), "TASKTRACKER_LOG_LEVEL": log_level, **slot}


def slotted(name: str, slot: str | None) -> str:
    """A resource's name: `<name>[-<slot>]`."""
    return f"{name}-{slot}" if slot else name
