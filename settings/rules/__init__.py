"""What ties several settings together: one function a rule.

Each takes settings whose single values are all valid and yields a `Conflict` for each thing that does not fit.
"""

from collections.abc import Iterator
from typing import Final

from settings.rules import backups, hosts, policies, resources, secrets, stack, tunnel
from settings.rules.conflict import SET_SECRET, Conflict, Rule
from settings.rules.secrets import RESERVED_BLOCKS
from settings.stack import Settings

__all__ = ["RESERVED_BLOCKS", "RULES", "SET_SECRET", "Conflict", "conflicts"]

RULES: Final[tuple[Rule, ...]] = (
    *stack.RULES,
    *resources.RULES,
    *secrets.RULES,
    *backups.RULES,
    *hosts.RULES,
    *tunnel.RULES,
    *policies.RULES,
)


def conflicts(settings: Settings) -> Iterator[Conflict]:
    """What any rule finds."""
    for rule in RULES:
        yield from rule(settings)
