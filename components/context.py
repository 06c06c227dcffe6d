"""What every part of a stack is given."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from components.images import Images
from components.naming import Naming
from components.network import Networks


@dataclass(frozen=True)
class Context:
    """The stack's names and networks, the key of its files' digests (see `FileVolume`), and what brings its images."""

    naming: Naming
    networks: Networks
    digest_key: pulumi.Output[str]
    images: Images | None = None

    def image(self, reference: str) -> pulumi.Input[str]:
        """An image that a container is made from."""
        return reference if self.images is None else self.images.pulled(reference)
