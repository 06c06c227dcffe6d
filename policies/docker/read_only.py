"""What a container writes: a read-only root, and bounded scratch space."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import Annotated, Final

from pydantic import Field as Constraint

from policies.containers import CONTAINER, SERVICE
from policies.docker.restart import CARRIER_PROPERTIES
from policies.resource import Resource
from policies.rule import Finding, Level, Options, Rule, Scope, Severity
from policies.values import MB, UNKNOWN, entries, flag, items, join, lookup, number, text

#: Options of a tmpfs that take nothing of its safety away; Docker adds noexec, nosuid and nodev by itself.
TMPFS_FLAGS: Final = frozenset({
    "", "defaults", "rw", "ro", "noexec", "nosuid", "nodev", "noatime", "nodiratime", "relatime", "strictatime",
    "async", "sync", "dirsync", "private", "rprivate",
})  # fmt: skip
TMPFS_VALUES: Final = frozenset({"mode", "uid", "gid", "mpol"})

#: A size as the kernel reads it. A percentage is one of the host's memory.
TMPFS_SIZE: Final = re.compile(r"([0-9]{1,18})([kmg]?)", re.IGNORECASE)
BINARY_UNITS: Final = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30}

#: Where programs and their settings are: with a writable mount there, a read-only root says nothing.
SYSTEM_FOLDER: Final = re.compile(
    r"/(?:etc|usr|usr/local)?|/(?:usr/(?:local/)?)?(?:s?bin|lib(?:32|64|x32|exec)?)(?:/.*)?", re.DOTALL
)


class ReadOnlyOptions(Options):
    """`max_tmpfs_mb`: the largest file system in memory, in MB. It counts towards the container's memory."""

    max_tmpfs_mb: Annotated[int, Constraint(ge=1)] = 1024


def _read_only(resource: Resource, scope: Scope[ReadOnlyOptions]) -> Iterator[Finding]:
    container = resource.container
    field = container.field("readOnly")
    if not container.never_runs:
        if not field.unknown and not flag(field.value):
            yield Finding(field.path or "", field.value, "true")
        for mount in container.mounts:
            # What a tmpfs holds neither runs nor stays.
            writable = mount.read_only is not UNKNOWN and not mount.read_only and mount.type != "tmpfs"
            if writable and isinstance(mount.target, str) and _is_system_folder(mount.target):
                key = "containerPath" if mount.path.startswith("volumes") else "target"
                yield Finding(f"{mount.path}.{key}", mount.target, "a folder for data, or a read-only mount")
    tmpfs = container.field("tmpfs")
    most = scope.options.max_tmpfs_mb
    for target, options in entries(tmpfs.value).items():
        if options is not UNKNOWN and not _is_safe_tmpfs(text(options) or "", most * MB):
            allowed = f"noexec, nosuid and nodev, with `size` from 1 byte to {most}m"
            yield Finding(join(tmpfs.path or "", target), options, allowed)
    mounts = container.field("mounts")
    for index, item in items(mounts.value):
        kind, size = lookup(item, "type"), lookup(item, "tmpfsOptions.sizeBytes")
        if size is not UNKNOWN and isinstance(kind, str) and kind.lower() == "tmpfs":
            amount = number(size)
            # 0 is no limit, and so is what the provider cuts off to it.
            if amount is None or not 1 <= amount <= most * MB:
                yield Finding(f"{mounts.path}[{index}].tmpfsOptions.sizeBytes", size, f"1 to {most * MB} bytes")


def _is_system_folder(target: str) -> bool:
    # Docker takes a backslash for a slash, and cleans the path.
    cleaned = posixpath.normpath("/" + target.replace("\\", "/").lstrip("/"))
    return bool(SYSTEM_FOLDER.fullmatch(cleaned))


def _is_safe_tmpfs(options: str, most: int) -> bool:
    """Whether every option of a tmpfs is a known one, and its size is bounded by `most` bytes."""
    sized = False
    for option in options.split(","):
        name, separator, value = option.partition("=")
        if separator and name == "size":
            match = TMPFS_SIZE.fullmatch(value)
            # Of several the last one would win; each has to be good.
            if not match or not 0 < int(match[1]) * BINARY_UNITS[match[2].lower()] <= most:
                return False
            sized = True
        elif separator and name == "nr_inodes":
            if not TMPFS_SIZE.fullmatch(value) or not value.strip("0kKmMgG"):
                return False
        elif (name not in TMPFS_VALUES) if separator else (name not in TMPFS_FLAGS):
            # Among them is nr_blocks, which takes the place of the size.
            return False
    return sized


RULES = (
    Rule(
        id="DKR-RO",
        title="A read-only root file system",
        level=Level.MANDATORY,
        severity=Severity.HIGH,
        sources=("CIS Docker 1.6, 5.13", "OWASP Docker #8", "NIST SP 800-190, 4.4.3"),
        reads={
            CONTAINER: ("readOnly", "tmpfs", "mounts", "volumes", *CARRIER_PROPERTIES),
            SERVICE: ("taskSpec.containerSpec.readOnly", "taskSpec.containerSpec.mounts"),
        },
        why="Who breaks into a container writes a program, makes it executable and comes back with it after a "
        "restart. A read-only root, and scratch space that is bounded and runs nothing, leave no place for it.",
        fix="Set `readOnly` and give scratch space as `tmpfs`, such as "
        '`{"/tmp": "rw,noexec,nosuid,nodev,size=64m"}`, or as a mount of type tmpfs with `sizeBytes`. Data belongs '
        "in a volume, outside the folders of programs and settings.",
        check=_read_only,
        options=ReadOnlyOptions,
    ),
)
