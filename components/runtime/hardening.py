"""What every container gets, whether it runs or only carries files."""

from __future__ import annotations

from typing import Any

import pulumi_docker as docker

#: Rotation of the json-file log: 30 MB a container at the most (requirement R5).
LOG_OPTIONS = {"max-file": "3", "max-size": "10m"}


def hardened(*, memory: int, cpus: str) -> dict[str, Any]:
    """Arguments of a container: no capabilities, no new privileges, limits, bounded logs.

    `memory` is in MB, and there is no swap beyond it; `cpus` is as the provider reads it back.
    """
    return {
        "capabilities": docker.ContainerCapabilitiesArgs(drops=["ALL"]),
        "security_opts": ["no-new-privileges:true"],
        "memory": memory,
        "memory_swap": memory,
        "cpus": cpus,
        "log_driver": "json-file",
        "log_opts": LOG_OPTIONS,
    }
