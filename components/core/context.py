"""What every part of a stack is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import pulumi

from components.core.naming import Naming
from components.core.network import Networks
from components.core.pids import PidsLimits
from components.core.runtime import Runtime

Item = TypeVar("Item")


@dataclass(frozen=True)
class Context:
    """The stack's names and networks, the key of its digests (see `FileVolume`), and its limits of processes.

    `runtime_of` makes the stack's runtime from this. `orders` has the keys of containers' lists as the last state has
    them (see `settings.ownership.Memory`).
    """

    naming: Naming
    networks: Networks
    digest_key: pulumi.Output[str]
    pids: PidsLimits
    runtime_of: Callable[[Context], Runtime]
    orders: Mapping[str, Mapping[str, Sequence[str]]] = field(default_factory=dict)

    @property
    def runtime(self) -> Runtime:
        """What makes the containers."""
        return self.runtime_of(self)

    def ordered(self, container: str, property_: str, items: Mapping[str, Item]) -> list[Item]:
        """The items of a list of a container, by their keys: those that the state has in its order, then the others.

        The lists are sets for the provider, which sorts them by hashes that change with each item. A diff compares item
        by item, so that in another order each would show as changed.
        """
        before = [key for key in self.orders.get(container, {}).get(property_, ()) if key in items]
        return [items[key] for key in dict.fromkeys((*before, *items))]
