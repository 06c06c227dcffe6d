"""What every part of a stack is given."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from components.naming import Naming
from components.network import Networks


@dataclass(frozen=True)
class Context:
    """The stack's names and networks, and the key of its files' digests (see `FileVolume`)."""

    naming: Naming
    networks: Networks
    digest_key: pulumi.Output[str]
