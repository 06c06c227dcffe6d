"""A whole Task Tracker environment."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pulumi

from components.app.slots import ReleaseArgs
from components.core.context import Context
from components.core.naming import SYSTEM, Naming
from components.core.network import Networks
from components.core.part import Assembly
from components.core.pids import PidsLimits
from components.core.provider import provider_of, with_provider
from components.parts import PARTS
from components.preflight.ownership import Owner, keep_identity
from components.runtime.docker_host import DockerHost
from components.secrets.generated import GeneratedSecret
from settings import Settings
from settings.ownership import RELEASE_KEY


@dataclass(frozen=True)
class PlatformArgs:
    """`stack` names the environment on its Docker host, and `owner` tells its things from those of other states."""

    stack: str
    settings: Settings
    owner: Owner = field(default_factory=Owner)


class Platform(pulumi.ComponentResource):
    """Networks and parts of one stack, started in their order, each when healthy."""

    url: str
    containers: dict[str, pulumi.Output[str]]
    """Container name by service."""
    versions: dict[str, str]
    """Release (tag or digest of the image) by service."""
    networks: dict[str, pulumi.Output[str]]
    """Docker network name by network."""
    postgres: dict[str, Any]
    """The number of PostgreSQL's data volume (`volume`) and the Docker volumes by number (`volumes`)."""

    def __init__(self, name: str, args: PlatformArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        settings = args.settings
        naming = Naming(args.stack, args.owner.identity, args.owner.origins, args.owner.known)
        provider = provider_of(naming, settings)
        super().__init__(
            f"{SYSTEM}:components:Platform", name, None, with_provider(opts, provider) if provider else opts
        )
        child = pulumi.ResourceOptions(parent=self)
        # The first of all: what carries it is made later.
        keep_identity(args.owner, self)
        networks = Networks("networks", naming, settings.network, debug=settings.has_debug_ports, opts=child)
        digest_key = GeneratedSecret("digest-key", opts=child).value
        # Ids of releases are needed before anything is made. A rotated key makes them others in the next update.
        GeneratedSecret(RELEASE_KEY, fresh=args.owner.release_key if args.owner.is_new_key else None, opts=child)
        context = Context(naming, networks, digest_key, PidsLimits("pids-limits", child), DockerHost, args.owner.orders)
        stack = Assembly(settings, context, self)
        stack.keep(ReleaseArgs(args.owner.records, args.owner.release_key))
        for each, part in PARTS.items():
            stack.take(each, part(stack))
        context.pids.set()
        self.url, self.postgres, self.containers = stack.outputs["url"], stack.outputs["postgres"], stack.containers
        self.versions = {service.name: image.release for service, image in settings.images.given()}
        self.networks = networks.names
        self.register_outputs({"url": self.url})
