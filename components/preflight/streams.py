"""The room of NATS' streams: a limit below what they hold lets every container be healthy, and takes no job."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import pulumi

from components.core.naming import Naming
from settings import Settings
from settings.commands import command_for
from settings.errors import Path, Problem

if TYPE_CHECKING:
    from docker import DockerClient

PATH: Final[Path] = ("nats", "max_file_store")

ASK: Final = ("curl", "--silent", "--fail", "--max-time", "2", "http://127.0.0.1:8222/jsz")
"""NATS' own monitoring, inside of its container."""

MB: Final = 1024 * 1024

HEADROOM: Final = 1.1
"""Room for new jobs beyond what is stored; `tt status` reports a store that is 95 % full."""


def refuse_too_small(stack: str, settings: Settings, client: DockerClient) -> None:
    """Compares `nats.max_file_store` with what the streams hold. A NATS that does not run or answer is passed over.

    Raises:
        pulumi.RunError: the limit is too low; names the least one.
        docker.errors.DockerException, requests.exceptions.RequestException: the host does not answer.
    """
    import docker  # noqa: PLC0415 - see `components.core.host_client`

    name = Naming(stack).container("nats")
    try:
        code, output = client.containers.get(name).exec_run([*ASK])
        assert isinstance(output, bytes)  # noqa: S101 - it is no stream unless that is asked for
        used = int(json.loads(output)["storage"]) if code == 0 else 0
    except (docker.errors.APIError, ValueError, KeyError, TypeError):
        return
    least = int(used * HEADROOM) // MB + 1
    if used and settings.nats.max_file_store < least:
        stored = f"its streams hold {used // MB} MB, so at least {least}MB"
        problem = Problem(PATH, stored, f"{settings.nats.max_file_store}MB")
        raise pulumi.RunError(
            "\n".join(
                [
                    "NATS would take no jobs. Nothing was changed.",
                    f"  {problem}",
                    f"      {command_for(stack, PATH, f'{least}MB')}",
                ]
            )
        )
