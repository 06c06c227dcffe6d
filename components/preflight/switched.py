"""Whether the last switch between releases is as the state has it: an update may have been killed in its middle."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from components.core.naming import Naming
from settings.releases import SLOTS, Canary, Records, Slot
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
    document = _served(stack, client)
    found = next((slot for slot in SLOTS if slot == document.get("serving")), None)
    if found not in (None, records.serving):
        return records.repeated(found), f"nginx sends requests to {found}, and the state has {records.serving}"
    canary = Canary.of(document.get("canary"))
    if found and canary != records.canary:
        return records.repeated(None), f"nginx has {_trial(canary)}, and the state has {_trial(records.canary)}"
    in_use = {records.serving, *([records.canary.slot] if records.canary else [])}
    wrong = next(_wrong(stack, in_use, containers), None)
    return (records.repeated(None), wrong) if wrong else (records, None)


def _trial(canary: Canary | None) -> str:
    return f"{canary.slot} on trial with {canary.percent:g} %" if canary else "no release on trial"


def _wrong(stack: str, in_use: Collection[Slot], containers: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """What the switch starts with the slots in use, and does not run there, or runs with another one."""
    states = {str(name).removeprefix("/"): each.get("State") for each in containers for name in each["Names"] or ()}
    for service in HELD:
        for slot in SLOTS:
            name = Naming(stack).container(service, slot)
            if name not in states:
                continue
            if slot in in_use and states[name] in STOPPED:
                yield f"{name} does not run, and {slot} gets requests"
            if slot not in in_use and states[name] not in STOPPED:
                yield f"{name} runs, and {slot} gets no requests"


def _served(stack: str, client: DockerClient) -> Mapping[str, Any]:
    """What nginx does with requests (images/nginx/share/release.js); empty where it does not say."""
    import docker  # noqa: PLC0415 - see `components.core.host_client`

    try:
        code, output = client.containers.get(Naming(stack).container("nginx")).exec_run([*SHOW])
        assert isinstance(output, bytes)  # noqa: S101 - it is no stream unless that is asked for
        document = json.loads(output)["release"] if code == 0 else {}
    except (docker.errors.APIError, ValueError, KeyError, TypeError):
        return {}
    return document if isinstance(document, Mapping) else {}
