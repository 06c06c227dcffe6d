"""Whose the stack's things on its Docker host are, as the program itself asks before it changes anything."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from ops.tt.errors import RefusedError
from ops.tt.host.docker_host import Host, answering
from ops.tt.project import NAMESPACE, Project
from settings import ownership
from settings.ownership import Memory, Resource, is_remembered, memory_of
from settings.ownership_text import LOST, strangers_text, unknown_text


@dataclass(frozen=True)
class Compared:
    """A state and its Docker host.

    Attributes:
        memory: What the state has of the host.
        missing: The data volumes that the state has and the host does not.
        strangers: The volumes on the host that are not this state's, with what they carry.
        unknown: The stack's containers and networks on the host that are not in this state.
        forgotten: PostgreSQL's data volumes on the host that are neither in the state nor in the config.
    """

    stack: str
    memory: Memory
    missing: Sequence[str]
    strangers: Mapping[str, str]
    unknown: Sequence[str]
    forgotten: Sequence[str]

    @property
    def refusal(self) -> str | None:
        """What to tell who would change or delete what may be another state's; None where nothing is."""
        stack_has = self.memory.origins.keys() | self.memory.volumes
        # Of a volume that this state has not, nothing of it takes anything. A state that has nothing is lost, or new.
        taken = {name: carried for name, carried in self.strangers.items() if name in stack_has or not stack_has}
        if taken:
            return strangers_text(self.stack, self.memory, taken, self.unknown)
        return unknown_text(self.stack, self.unknown) if self.unknown else None

    def check(self) -> None:
        """Refuses to change or delete what may be another state's.

        Raises:
            RefusedError: something is; says what, and what to do.
        """
        if refusal := self.refusal:
            raise RefusedError(refusal)

    @property
    def forgotten_notes(self) -> list[str]:
        """A note on each data volume that nothing else names and nothing deletes."""
        return [
            f"left: {name} is on the Docker host, and neither in the state nor in the config. `docker volume rm "
            f"{name}` there deletes it"
            for name in self.forgotten
        ]


def memory_in(project: Project, resources: Sequence[Mapping[str, Any]]) -> Memory:
    """What the `resources` of the state have of the host."""
    found = (each for each in resources if is_remembered(str(each["urn"])))
    return memory_of(project.stack, [Resource.of(str(each["urn"]), each.get("outputs")) for each in found])


def compare(project: Project, host: Host, resources: Sequence[Mapping[str, Any]]) -> Compared:
    """Compares the state's `resources` with the host.

    Raises:
        UnreachableError: the host does not answer.
    """
    stack, volumes = project.stack, project.volumes()
    memory = memory_in(project, resources)
    restored = [int(volumes.restore["volume"])] if volumes.restore else []
    numbers = {volumes.used, *volumes.kept, *restored}
    with answering():
        api = host.client.api
        found = ownership.origins(stack, api.volumes()["Volumes"] or [])
        unknown = chain(
            ownership.unknown(stack, memory, "container", api.containers(all=True)),
            ownership.unknown(stack, memory, "network", api.networks()),
        )
        return Compared(
            stack,
            memory,
            ownership.missing(stack, memory, found, numbers),
            ownership.strangers(stack, memory, found, numbers),
            sorted(unknown),
            ownership.forgotten(stack, memory, found, numbers),
        )


def refuse_strangers(project: Project, host: Host, resources: Sequence[Mapping[str, Any]]) -> None:
    """Refuses to go on where the host has another state's volumes: its containers are not to be touched.

    Raises:
        RefusedError: says whose they are.
    """
    compared = compare(project, host, resources)
    if compared.strangers:
        raise RefusedError(strangers_text(compared.stack, compared.memory, compared.strangers, compared.unknown))


def begin_empty(project: Project, missing: Sequence[str]) -> None:
    """Lets the program's next runs begin with empty volumes in place of those that are `missing`.

    Raises:
        RefusedError: the backups went with one of them.
    """
    backup = project.config().get(f"{NAMESPACE}:backup") or {}
    objects = ownership.objects_volume(project.stack)
    if objects in missing and backup.get("repository", "object_store") == "object_store":
        raise RefusedError(
            f"the backups were in the volume {objects}, which is gone from the Docker host too. If it is on another"
            " host, or on a disk that is not mounted, bring that back"
        )
    os.environ[LOST] = ",".join(missing)
