"""Which files and folders of the host a container sees."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from policies.containers import CONTAINER, SERVICE
from policies.docker.mounts.sources import MOUNTS, PROCESS_ROOT, AbsolutePath, looks_like_path, normal_path, source_path
from policies.resource import Resource
from policies.rule import Finding, Level, Options, Rule, Scope, Severity
from policies.values import UNKNOWN, entries, is_unset, items, text

#: What moby takes as a volume's name.
_VOLUME_NAME: Final = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*", re.ASCII)

_PROPAGATIONS: Final = ("private", "rprivate")

#: Where a process finds the files that it has open, among them runc's own, which are the host's (CVE-2024-21626).
_OPEN_FILES: Final = re.compile(r"/(?:proc|dev)(?=/|$)")


class BindOptions(Options):
    """`paths`: files and folders of the host that may be mounted, read-only; what is below them, too."""

    paths: tuple[AbsolutePath, ...] = ()


def _is_allowed(source: str, paths: tuple[str, ...]) -> bool:
    found = normal_path(source)
    # What Docker would take as another path than the one that was cleaned here, or follow to another root.
    if found is None or source[:1] != "/" or source != source.strip() or "\\" in source or PROCESS_ROOT.match(found):
        return False
    return any(found == path or found.startswith(f"{path}/") for path in map(normal_path, paths) if path)


def _bind(resource: Resource, scope: Scope[BindOptions]) -> Iterator[Finding]:
    container = resource.container
    for mount in container.mounts:
        source, path = mount.source, source_path(mount, resource)
        if mount.type in ("volume", "tmpfs"):
            name = text(source)
            if not is_unset(source) and source is not UNKNOWN and not (name and _VOLUME_NAME.fullmatch(name)):
                yield Finding(path, source, "a volume's name")
        elif mount.type == "bind" or (mount.type is UNKNOWN and looks_like_path(source)):
            if source is not UNKNOWN and not (isinstance(source, str) and _is_allowed(source, scope.options.paths)):
                yield Finding(path, source, "an absolute path that the option `paths` allows")
                continue
            if mount.read_only is not UNKNOWN and not mount.read_only:
                yield Finding(f"{mount.path}.readOnly", mount.read_only, "true")
            propagation = mount.propagation
            if not is_unset(propagation) and propagation is not UNKNOWN and propagation not in _PROPAGATIONS:
                yield Finding(f"{mount.path}.bindOptions.propagation", propagation, "unset, private or rprivate")
        elif mount.type is not UNKNOWN:
            yield Finding(f"{mount.path}.type", mount.type, "volume or tmpfs, or bind of an allowed path")
    folder = container.field("workingDir")
    if isinstance(folder.value, str) and _OPEN_FILES.match(normal_path(folder.value) or "/"):
        yield Finding(folder.path or "", folder.value, "a folder of the image or of a mount")
    if not container.is_service:
        for index, item in items(resource.properties.get("volumes")):
            other = entries(item).get("fromContainer")
            if not is_unset(other) and other is not UNKNOWN:
                yield Finding(f"volumes[{index}].fromContainer", other, "unset")


RULES = (
    Rule(
        id="DKR-BIND",
        title="Bind mounts only of allowed paths, read-only and private",
        level=Level.MANDATORY,
        severity=Severity.HIGH,
        sources=("CIS Docker 1.6, 5.6", "CIS Docker 1.6, 5.20", "Kubernetes PSS baseline"),
        reads={
            CONTAINER: (*MOUNTS[CONTAINER], "workingDir"),
            SERVICE: (*MOUNTS[SERVICE], "taskSpec.containerSpec.dir"),
        },
        why="A container that sees the host's files can read what is secret there or change what the host runs, and "
        "one that takes another's volumes sees data that is not its own.",
        fix="Use a named volume, or upload the files into one. A path that has to be the host's goes into the rule's "
        "option `paths`, and is mounted with `readOnly` true and no propagation.",
        check=_bind,
        options=BindOptions,
    ),
)
