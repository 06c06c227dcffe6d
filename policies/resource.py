"""A resource as the rules see it, wherever it comes from: the engine or a running Docker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from policies.containers import CONTAINER, SERVICE, Container
from policies.values import lookup

VOLUME = "docker:index/volume:Volume"
NETWORK = "docker:index/network:Network"

#: Images, as the provider's resources pull, push and build them.
REMOTE_IMAGE = "docker:index/remoteImage:RemoteImage"
REGISTRY_IMAGE = "docker:index/registryImage:RegistryImage"
IMAGE = "docker:index/image:Image"

#: The two resources that run something; every rule for one holds for the other where it has the property.
WORKLOADS = (CONTAINER, SERVICE)


@dataclass(frozen=True)
class Resource:
    """One resource with its decoded inputs.

    `secret_paths` are the paths in `properties` that the program marked as secret.
    `dependencies` maps a property to the URNs of the resources that its value came from; only stack
    rules get it. `provider` is the type of the provider that makes it, such as `pulumi:providers:docker`;
    a component of the program's own has none.
    """

    type: str
    name: str
    urn: str
    properties: Mapping[str, Any]
    secret_paths: frozenset[str] = frozenset()
    protect: bool = False
    dependencies: Mapping[str, Sequence[str]] = field(default_factory=dict)
    provider: str = ""

    def get(self, path: str) -> Any:  # noqa: ANN401 - as many types as properties have
        """The value at a dotted path: None where nothing is set, UNKNOWN where it can't be known yet."""
        return lookup(self.properties, path)

    @cached_property
    def container(self) -> Container:
        """What a `docker.Container` or `docker.Service` runs, in one form for both."""
        return Container(self.type, self.properties)

    def is_secret(self, path: str) -> bool:
        """Whether the value at `path`, a part of it or a whole that it is part of was marked as secret."""
        return self.is_marked(path) or any(_contains(path, secret) for secret in self.secret_paths)

    def is_marked(self, path: str) -> bool:
        """Whether all of the value at `path` is secret: it, or a whole that it is part of, was marked."""
        return any(_contains(secret, path) for secret in self.secret_paths)


def _contains(outer: str, inner: str) -> bool:
    return inner == outer or not outer or inner.startswith((f"{outer}.", f"{outer}["))
