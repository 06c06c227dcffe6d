"""Limits of processes and threads, so that a fork bomb in one container leaves the others and the host working."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping

import pulumi

from components.core import host_client
from components.core.naming import SYSTEM

#: Hexadecimal digits that stand for the containers and their limits in the gate's input.
DIGEST_LENGTH = 12


class PidsLimits(pulumi.ComponentResource):
    """The limits of all the containers of a stack.

    The Docker provider cannot set them (its resource `Container` has no such property), so the gate's hook does it by
    Docker's own API when the containers are there. The gate's input stands for the containers' ids, so that a recreated
    one gets its limit in the same update. An update of a container by the provider leaves the limit as it is.
    """

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"{SYSTEM}:components:PidsLimits", name, None, opts)
        self._name = name
        self._containers: dict[str, tuple[pulumi.Output[str], int]] = {}
        self._kept: dict[str, int] = {}
        self.register_outputs({})

    def add(self, container: str, id_: pulumi.Output[str], limit: int) -> None:
        """Limits a container, by its Docker name, to so many processes and threads."""
        self._containers[container] = id_, self._kept.get(container, limit)

    def keep(self, limits: Mapping[str, int]) -> None:
        """Has containers that stay as they are keep their limits, whatever is added for them."""
        self._kept.update(limits)

    def set(self) -> None:
        """Sets the limits of the containers that were added, once they are there."""

        limits = {name: most for name, (_, most) in sorted(self._containers.items())}
        ids = pulumi.Output.all(**{name: id_ for name, (id_, _) in self._containers.items()})

        async def limit(_hook: pulumi.ResourceHookArgs) -> None:
            # In a thread, so that the program goes on with what doesn't depend on it.
            await asyncio.to_thread(host_client.limit_pids, limits)

        hook = pulumi.ResourceHook("limit-pids", limit)
        pulumi.Stash(
            self._name,
            # The audit reads the limits here.
            input={"containers": ids.apply(digest), "limits": limits},
            opts=pulumi.ResourceOptions(
                parent=self, hooks=pulumi.ResourceHookBinding(before_create=[hook], before_update=[hook])
            ),
        )


def digest(ids: Mapping[str, str]) -> str:
    """Stands for containers, by their names and Docker ids."""
    lines = (f"{name} {ids[name]}\n" for name in sorted(ids))
    return hashlib.sha256("".join(lines).encode()).hexdigest()[:DIGEST_LENGTH]
