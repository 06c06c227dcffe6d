"""Names and labels of what a stack makes. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from settings.ownership import IDENTITY

#: Prefix of every name on the Docker host and in AWS, and of every type token.
SYSTEM = "tasktracker"


@dataclass(frozen=True)
class Naming:
    """Names of one stack's containers, volumes and networks, and of what it has in AWS.

    Every name carries the stack, so that stacks live side by side on one host and in one account. `identity` is that of
    the stack's state (see `settings.ownership`), and `origins` has what volumes carry that are there already, by name.
    `known` are all that the state or the host has; None where that is not known.
    """

    stack: str
    identity: str = ""
    origins: Mapping[str, str] = field(default_factory=dict)
    known: frozenset[str] | None = None

    def container(self, service: str, slot: str | None = None) -> str:
        """`tasktracker-<stack>-<service>[-<slot>]`."""
        return "-".join(filter(None, (SYSTEM, self.stack, service, slot)))

    def volume(self, name: str) -> str:
        """`tasktracker-<stack>-<name>`."""
        return f"{SYSTEM}-{self.stack}-{name}"

    def network(self, name: str) -> str:
        """`tasktracker-<stack>-<name>`."""
        return f"{SYSTEM}-{self.stack}-{name}"

    def bucket(self, name: str, account: str) -> str:
        """`tasktracker-<stack>-<name>-<account>`: all the accounts of AWS share the names of buckets."""
        return f"{SYSTEM}-{self.stack}-{name}-{account}"

    def user(self, name: str) -> str:
        """`tasktracker-<stack>-<name>`."""
        return f"{SYSTEM}-{self.stack}-{name}"

    def tunnel(self) -> str:
        """`tasktracker-<stack>`: a name in a Cloudflare account, which may have tunnels of other systems."""
        return f"{SYSTEM}-{self.stack}"

    def labels(self, service: str, *, slot: str | None = None, release: str | None = None) -> Mapping[str, str]:
        """Labels that tell what belongs to which stack and service, sorted by name."""
        labels = {"stack": self.stack, "service": service, "slot": slot, "release": release}
        return {name: value for name, value in sorted(labels.items()) if value is not None}

    def owned(self, service: str, *, slot: str | None = None) -> Mapping[str, str]:
        """The same with the state's identity: of volumes and networks, which others could take for their own."""
        return dict(sorted({**self.labels(service, slot=slot), IDENTITY: self.identity}.items()))

    def may_have(self, volume: str) -> bool:
        """Whether the state or the host may have the Docker volume of that name."""
        return self.known is None or self.volume(volume) in self.known

    def origin(self, volume: str) -> str:
        """What the Docker volume of that name carries, or will once it is made."""
        return self.origins.get(self.volume(volume), self.identity)
