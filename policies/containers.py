"""One form for what a `docker.Container` and a Swarm `docker.Service` run.

Rules read this form, so that one rule holds for both. Each value comes with its path in the resource
it was read from. A service lacks some properties (privileged mode, namespaces, devices): their
fields are unset there, with the path None.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from policies.values import UNKNOWN, Unknown, entries, flag, is_unset, items, lookup, text

CONTAINER = "docker:index/container:Container"
SERVICE = "docker:index/service:Service"

#: Where a service has what a container has at its top level. What isn't listed, a service hasn't got.
SERVICE_PATHS = {
    "image": "taskSpec.containerSpec.image",
    "user": "taskSpec.containerSpec.user",
    "groupAdds": "taskSpec.containerSpec.groups",
    "workingDir": "taskSpec.containerSpec.dir",
    "readOnly": "taskSpec.containerSpec.readOnly",
    "capabilities.adds": "taskSpec.containerSpec.capAdds",
    "capabilities.drops": "taskSpec.containerSpec.capDrops",
    "envs": "taskSpec.containerSpec.env",
    "mounts": "taskSpec.containerSpec.mounts",
    "healthcheck": "taskSpec.containerSpec.healthcheck",
    "healthcheck.tests": "taskSpec.containerSpec.healthcheck.tests",
    "sysctls": "taskSpec.containerSpec.sysctl",
    "command": "taskSpec.containerSpec.args",
    "entrypoints": "taskSpec.containerSpec.commands",
    "memory": "taskSpec.resources.limits.memoryBytes",
    "cpus": "taskSpec.resources.limits.nanoCpus",
    "logDriver": "taskSpec.logDriver.name",
    "logOpts": "taskSpec.logDriver.options",
    "restart": "taskSpec.restartPolicy.condition",
    "networksAdvanced": "taskSpec.networksAdvanceds",
    "ports": "endpointSpec.ports",
}


@dataclass(frozen=True)
class Field:
    """A property's value and where it was read; `path` is None where the resource has no such property."""

    path: str | None
    value: Any

    @property
    def unset(self) -> bool:
        """Whether nothing was given."""
        return is_unset(self.value)

    @property
    def unknown(self) -> bool:
        """Whether the value is known only at `up`."""
        return self.value is UNKNOWN


@dataclass(frozen=True)
class Entry:
    """A label or environment variable; either part may be unknown."""

    path: str
    name: str | Unknown
    value: str | Unknown


@dataclass(frozen=True)
class Mount:
    """A mount, from `mounts` or from the older `volumes`.

    `source` is a host path where `type` is `bind`, a volume's name where it is `volume`. In `volumes`
    a `volumeName` that is a path makes a bind mount, as it does for Docker.
    """

    path: str
    type: Any
    source: Any
    target: Any
    read_only: bool | Unknown | None
    propagation: Any = None
    driver: Any = None
    driver_options: Any = None


@dataclass(frozen=True)
class Port:
    """A published port. A service's has no address of its own: Swarm publishes on every interface."""

    path: str
    internal: Any
    external: Any
    address: Any
    protocol: Any


class Container:
    """What runs, read from the properties of a container or a service."""

    def __init__(self, type_: str, properties: Mapping[str, Any]) -> None:
        self._properties = properties
        self.is_service = type_ == SERVICE

    def field(self, path: str) -> Field:
        """The property at `path`, which is the container's; a service's is found by it."""
        found = SERVICE_PATHS.get(path) if self.is_service else path
        return Field(found, None if found is None else lookup(self._properties, found))

    @property
    def never_runs(self) -> bool:
        """Whether it is only created, to carry files into a volume: not started, no network, no restart."""
        if self.is_service:
            return False
        return (
            flag(self.field("start").value) is False
            and flag(self.field("mustRun").value) is False
            and self.field("networkMode").value == "none"
            and self.field("restart").value in (None, "", "no")
        )

    @property
    def is_job(self) -> bool:
        """Whether it is a job that ends: no restart, and nobody demands that it keeps running."""
        restart = self.field("restart").value
        if self.is_service:
            return bool(restart == "none")
        return restart in (None, "", "no") and flag(self.field("mustRun").value) is False

    @cached_property
    def env(self) -> tuple[Entry, ...]:
        """The environment variables."""
        field = self.field("envs")
        if self.is_service:
            return tuple(_map_entries(field))
        return tuple(
            Entry(f"{field.path}[{index}]", UNKNOWN, UNKNOWN)
            if item is UNKNOWN
            else Entry(f"{field.path}[{index}]", *_split(text(item) or ""))
            for index, item in items(field.value)
        )

    @cached_property
    def labels(self) -> tuple[Entry, ...]:
        """The labels; a service's own and those of its containers."""
        own = _label_entries("labels", self._properties.get("labels"))
        if self.is_service:
            path = "taskSpec.containerSpec.labels"
            return (*own, *_label_entries(path, lookup(self._properties, path)))
        return tuple(own)

    def label(self, name: str) -> str | None:
        """The value of a label, where it is known; the last one wins, as in Docker."""
        for entry in reversed(self.labels):
            if entry.name == name and isinstance(entry.value, str):
                return entry.value
        return None

    @cached_property
    def words(self) -> tuple[Field, ...]:
        """Each word of the entrypoint, the command and the health check."""
        found = []
        for field in (self.field("entrypoints"), self.field("command"), self.field("healthcheck.tests")):
            found += [Field(f"{field.path}[{index}]", item) for index, item in items(field.value)]
        return tuple(found)

    @cached_property
    def mounts(self) -> tuple[Mount, ...]:
        """The mounts, however they are written."""
        field = self.field("mounts")
        mounts = [_mount(f"{field.path}[{index}]", item) for index, item in items(field.value)]
        if not self.is_service:
            volumes = self._properties.get("volumes")
            mounts += [_volume(f"volumes[{index}]", item) for index, item in items(volumes)]
        return tuple(mounts)

    @cached_property
    def ports(self) -> tuple[Port, ...]:
        """The published ports."""
        field = self.field("ports")
        read = _service_port if self.is_service else _port
        return tuple(read(f"{field.path}[{index}]", entries(item)) for index, item in items(field.value))

    @cached_property
    def networks(self) -> tuple[Field, ...]:
        """Names (a service's may be ids) of the networks that it is attached to."""
        field = self.field("networksAdvanced")
        return tuple(
            Field(f"{field.path}[{index}].name", UNKNOWN if item is UNKNOWN else entries(item).get("name"))
            for index, item in items(field.value)
        )


def _split(pair: str) -> tuple[str, str]:
    name, _, value = pair.partition("=")
    return name, value


def _map_entries(field: Field) -> Iterator[Entry]:
    for name, value in entries(field.value).items():
        yield Entry(f"{field.path}.{name}", name, value if value is UNKNOWN else text(value) or "")


def _label_entries(path: str, value: object) -> Iterator[Entry]:
    for index, item in items(value):
        label = item if item is UNKNOWN else entries(item).get("label")
        content = item if item is UNKNOWN else entries(item).get("value")
        yield Entry(
            f"{path}[{index}]",
            UNKNOWN if label is UNKNOWN else text(label) or "",
            UNKNOWN if content is UNKNOWN else text(content) or "",
        )


def _mount(path: str, item: object) -> Mount:
    if item is UNKNOWN:
        return Mount(path, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN)
    read_only = entries(item).get("readOnly")
    return Mount(
        path=path,
        type=_lower(entries(item).get("type")),
        source=entries(item).get("source"),
        target=entries(item).get("target"),
        read_only=UNKNOWN if read_only is UNKNOWN else flag(read_only),
        propagation=lookup(item, "bindOptions.propagation"),
        driver=lookup(item, "volumeOptions.driverName"),
        driver_options=lookup(item, "volumeOptions.driverOptions"),
    )


def _volume(path: str, item: object) -> Mount:
    if item is UNKNOWN:
        return Mount(path, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN)
    host, name = entries(item).get("hostPath"), entries(item).get("volumeName")
    read_only = entries(item).get("readOnly")
    source = name if is_unset(host) else host
    is_path = source is not UNKNOWN and not is_unset(source) and ("/" in str(source) or "\\" in str(source))
    return Mount(
        path=path,
        type=UNKNOWN if source is UNKNOWN else "bind" if is_path or not is_unset(host) else "volume",
        source=source,
        target=entries(item).get("containerPath"),
        read_only=UNKNOWN if read_only is UNKNOWN else flag(read_only),
    )


def _port(path: str, item: Mapping[str, Any]) -> Port:
    return Port(path, item.get("internal"), item.get("external"), item.get("ip"), item.get("protocol"))


def _service_port(path: str, item: Mapping[str, Any]) -> Port:
    return Port(path, item.get("targetPort"), item.get("publishedPort"), "0.0.0.0", item.get("protocol"))  # noqa: S104


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value
