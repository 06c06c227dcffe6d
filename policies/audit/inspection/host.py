"""What a container's own description leaves to the rest of the host."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

#: The networks that Docker makes itself and that nobody can configure or label.
PREDEFINED_NETWORKS: Final = frozenset({"bridge", "host", "none", "nat", "docker_gwbridge"})


@dataclass(frozen=True)
class Host:
    """What a container's own description leaves to the rest of the host.

    `networks`: names by id. `images`: by id, as `docker images` lists them. `cgroup_version`: 1 or 2,
    as `docker info` says; engines before 20.10 don't say, and know only 1.
    """

    networks: Mapping[str, str] = field(default_factory=dict)
    images: Mapping[str, Any] = field(default_factory=dict)
    cgroup_version: str = "1"

    def network(self, name: str) -> str:
        """The name of a network that is named or has that id, which may be cut short."""
        if not name or name in self.networks.values():
            return name
        found = [known for id_, known in self.networks.items() if id_.startswith(name)]
        return found[0] if len(found) == 1 else name
