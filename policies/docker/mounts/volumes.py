"""What a volume is made of: its driver, and the driver's options."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from policies.docker.mounts.sources import LOCAL_DRIVER_OPTIONS, MOUNTS, looks_like_path
from policies.resource import VOLUME, Resource
from policies.rule import Finding, Level, Options, Rule, Scope, Severity
from policies.values import UNKNOWN, is_unset

#: Options of a mount of tmpfs that make it nothing else than memory.
_TMPFS_OPTIONS: Final = re.compile(
    r"(?:(?:size|mode|uid|gid|nr_inodes|nr_blocks)=[0-9a-zA-Z%]+|noexec|nosuid|nodev|rw|ro|noatime|relatime)", re.ASCII
)

_ALLOWED_OPTIONS: Final = "no driver options, `size`, or a tmpfs without bind"


class VolumeOptions(Options):
    """`drivers`: volume drivers that are allowed beside `local`."""

    drivers: tuple[str, ...] = ()


def _shown_option(name: str, value: object) -> object:
    """An option's value without what may be a password: only the names in `o`, no user in `device`."""
    if not isinstance(value, str):
        return value
    if name == "o":
        return ",".join(part.partition("=")[0] for part in value.split(","))
    return re.sub(r"//[^/]*@", "//", value)


def _driver(path: str, driver: object, scope: Scope[VolumeOptions]) -> Iterator[Finding]:
    if driver is not UNKNOWN and not is_unset(driver) and driver not in ("local", *scope.options.drivers):
        yield Finding(path, driver, "local, or a driver that the option `drivers` allows")


def _driver_options(path: str, options: object) -> Iterator[Finding]:
    if is_unset(options) or options is UNKNOWN:
        return
    if not isinstance(options, dict):
        yield Finding(path, None, _ALLOWED_OPTIONS)
        return
    # The option `bind` makes any type a bind mount of the device, so the type alone says nothing.
    is_tmpfs = options.get("type") in ("tmpfs", UNKNOWN) and options.get("device") in ("tmpfs", "none", UNKNOWN)
    for name, value in options.items():
        if is_unset(value) or value is UNKNOWN or (is_tmpfs and name in ("type", "device")):
            continue
        if name not in LOCAL_DRIVER_OPTIONS:
            # The name, not the value: a driver's own option can be a password.
            yield Finding(path, name, _ALLOWED_OPTIONS)
        elif not (name == "size" and not looks_like_path(value)) and not (
            name == "o" and is_tmpfs and _is_for_tmpfs(value)
        ):
            yield Finding(f"{path}.{name}", _shown_option(name, value), _ALLOWED_OPTIONS)


def _is_for_tmpfs(value: object) -> bool:
    return isinstance(value, str) and all(_TMPFS_OPTIONS.fullmatch(each) for each in value.split(","))


def _volume(resource: Resource, scope: Scope[VolumeOptions]) -> Iterator[Finding]:
    if resource.type == VOLUME:
        yield from _driver("driver", resource.get("driver"), scope)
        yield from _driver_options("driverOpts", resource.get("driverOpts"))
        cluster = resource.get("cluster")
        if not is_unset(cluster) and cluster is not UNKNOWN:
            yield Finding("cluster", "set", "unset")
        return
    for mount in resource.container.mounts:
        path = f"{mount.path}.volumeOptions"
        yield from _driver(f"{path}.driverName", mount.driver, scope)
        yield from _driver_options(f"{path}.driverOptions", mount.driver_options)


RULES = (
    Rule(
        id="VOL-BIND",
        title="No host folder, device or network share hidden in a volume",
        level=Level.MANDATORY,
        severity=Severity.HIGH,
        sources=("OWASP Docker #1", "Kubernetes PSS baseline"),
        reads={**MOUNTS, VOLUME: ("driver", "driverOpts", "cluster")},
        why="The local driver mounts whatever its options name, so a volume can be a bind mount, a disk of the host or "
        "another machine's folder without looking like one.",
        fix="Remove the driver options, so that the volume lies in Docker's own folder. A driver that is needed goes "
        "into the rule's option `drivers`.",
        check=_volume,
        options=VolumeOptions,
    ),
)
