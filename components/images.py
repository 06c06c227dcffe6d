"""The images of a stack on another host, brought there before any container is replaced.

The provider would pull one as it makes a container, and by then the container of before is gone: a registry that
refuses, or is slow, would take the service down.
"""

from __future__ import annotations

import pulumi
import pulumi_docker as docker

from components.naming import SYSTEM
from settings.models import ImageSettings

#: What a reference has that a registry can be asked for, and that means the same tomorrow.
DIGEST = "@sha256:"


class Images(pulumi.ComponentResource):
    """Those images that the stack's containers ask for, each pulled once.

    They stay on the host when they are no longer used, for a way back and for other stacks.
    """

    def __init__(self, name: str, images: ImageSettings, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"{SYSTEM}:components:Images", name, None, opts)
        self._services: dict[str, str] = {}
        for service, reference in images:
            if reference is not None and DIGEST in reference:
                self._services.setdefault(reference, service.replace("_", "-"))
        self._pulled: dict[str, docker.RemoteImage] = {}
        self.register_outputs({})

    def pulled(self, reference: str) -> pulumi.Input[str]:
        """`reference`, for a container: an image that is there by then. One with no digest is there already."""
        if reference not in self._services:
            return reference
        if reference not in self._pulled:
            self._pulled[reference] = docker.RemoteImage(
                self._services[reference],
                name=reference,
                keep_locally=True,
                opts=pulumi.ResourceOptions(parent=self),
            )
        return self._pulled[reference].name
