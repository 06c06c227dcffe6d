"""The devices of the host that a container can use, and the runtime that hands them out."""

from __future__ import annotations

from collections.abc import Iterator

from policies.containers import CONTAINER, SERVICE, Field
from policies.docker.isolation.lists import known_items
from policies.resource import Resource
from policies.rule import Finding, Level, Options, Rule, Scope, Severity
from policies.values import UNKNOWN, is_unset

_GENERIC_RESOURCES = "taskSpec.resources.reservation.genericResources"
_TASK_RUNTIME = "taskSpec.runtime"


class DeviceOptions(Options):
    """Which runtimes are allowed: runc under both of its names; a sandbox such as gVisor's `runsc` is fine too."""

    runtimes: tuple[str, ...] = ("runc", "io.containerd.runc.v2")


def _devices(resource: Resource, scope: Scope[DeviceOptions]) -> Iterator[Finding]:
    container = resource.container
    if container.is_service:
        yield from (
            Finding(item.path or "", item.value, "no generic resources")
            for item in known_items(Field(_GENERIC_RESOURCES, resource.get(_GENERIC_RESOURCES)))
        )
        runtime = resource.get(_TASK_RUNTIME)
        # A plugin runs with whatever privileges it asks for.
        if not is_unset(runtime) and runtime is not UNKNOWN and runtime != "container":
            yield Finding(_TASK_RUNTIME, runtime, "container or unset")
        return
    for key in ("devices", "deviceRequests", "deviceCgroupRules", "gpus"):
        for item in known_items(container.field(key)):
            yield Finding(item.path or "", item.value, "no devices")
    field = container.field("runtime")
    if not field.unset and not field.unknown and field.value not in scope.options.runtimes:
        yield Finding(field.path or "", field.value, "unset, or a runtime that the pack's config allows")


RULES = (
    Rule(
        id="DKR-DEV",
        title="No devices of the host",
        level=Level.MANDATORY,
        severity=Severity.HIGH,
        sources=("CIS Docker 1.6, 5.18",),
        reads={
            CONTAINER: ("devices", "deviceRequests", "deviceCgroupRules", "gpus", "runtime"),
            SERVICE: (_GENERIC_RESOURCES, _TASK_RUNTIME),
        },
        why="A device is reached past the file system and its permissions: a disk gives away every file, a GPU the "
        "memory of its other users. Another runtime can hand out devices by itself.",
        fix="Remove the devices. Allow a sandboxed runtime by its name (`runtimes`) in the pack's config.",
        check=_devices,
        options=DeviceOptions,
    ),
)
