"""Whether the last switch between releases is as the state has it: an update may have been killed in its middle."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from components.core.naming import Naming
from settings.releases import SLOTS, Records, Slot
from settings.services import HELD

if TYPE_CHECKING:
    from docker import DockerClient

SHOW: Final = ("release", "show")
"""The command of nginx's image that prints which slot gets the requests."""

STOPPED: Final = frozenset({"created", "exited", "dead"})
"""States of a container, as Docker lists it, that does not run."""


def checked(
    stack: str, records: Records, containers: Iterable[Mapping[str, Any]], client: DockerClient
) -> tuple[Records, str | None]:
    """The records, so that the switch is repeated where something is not as the last one left it, and what that is.

    An nginx that does not say what it serves is passed over.

    Raises:
        docker.errors.DockerException, requests.exceptions.RequestException: the host does not answer.
    """
    if records.serving is None:
        return records, None
    found = _served(stack, client)
    if found not in (None, records.serving):
        return records.repeated(found), f"nginx sends requests to {found}, and the state has {records.serving}"
    wrong = next(_wrong(stack, records.serving, containers), None)
    return (records.repeated(None), wrong) if wrong else (records, None)


def _wrong(stack: str, serving: Slot, containers: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """What the switch starts with a slot, and does not run there, or runs with the other one."""
    states = {str(name).removeprefix("/"): each.get("State") for each in containers for name in each["Names"] or ()}
    for service in HELD:
        for slot in SLOTS:
            name = Naming(stack).container(service, slot)
            if name not in states:
                continue
            if slot == serving and states[name] in STOPPED:
                yield f"{name} does not run, and {slot} gets the requests"
            if slot != serving and states[name] not in STOPPED:
                yield f"{name} runs, and {serving} gets the requests"


def _served(stack: str, client: DockerClient) -> Slot | None:
    """The slot that nginx sends requests to; None where it does not say."""
    import docker  # noqa: PLC0415 - see `components.core.host_client`

    try:
        code, output = client.containers.get(Naming(stack).container("nginx")).exec_run([*SHOW])
        assert isinstance(output, bytes)  # noqa: S101 - it is no stream unless that is asked for
        serving = json.loads(output)["release"]["serving"] if code == 0 else None
        return next((slot for slot in SLOTS if slot == serving), None)
    except (docker.errors.APIError, ValueError, KeyError, TypeError):
        return None
