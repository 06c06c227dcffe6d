"""The releases that a stack has on its Docker host, by the slots that they run in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ops.tt.errors import RefusedError, UsageError
from ops.tt.host.docker_host import Host
from settings.releases import RELEASE, SLOTS, Slot
from settings.services import SERVICES

#: What gets requests: the containers that have to be healthy before a release serves.
ASKED = tuple(service.name for service in SERVICES.values() if service.slotted and not service.held)


@dataclass(frozen=True)
class Release:
    """A release in a slot. `problem` says why it can't serve, and is empty where it can."""

    slot: Slot
    id: str
    name: str
    problem: str = field(default="", compare=False)

    def __str__(self) -> str:
        """As messages name it.

        >>> str(Release("blue", "3f9ac0417d22", "1.4.0"))
        '1.4.0 (3f9ac0417d22, blue)'
        """
        return f"{self.name} ({self.id}, {self.slot})"


def releases(host: Host) -> list[Release]:
    """Those that are there, as their containers say."""
    return found([(dict(each.labels), each.attrs) for each in host.containers()])


def found(containers: Sequence[tuple[Mapping[str, str], Mapping[str, Any]]]) -> list[Release]:
    """The releases by the labels of containers and by what Docker says of them."""
    made: list[Release] = []
    for slot in SLOTS:
        its = {
            labels["service"]: (labels, attributes)
            for labels, attributes in containers
            if labels.get("slot") == slot and RELEASE in labels and labels.get("service") in ASKED
        }
        if its:
            labels, _ = its[min(its)]
            made.append(Release(slot, labels[RELEASE], labels.get("release", ""), _problem(slot, its)))
    return made


def _problem(slot: Slot, its: Mapping[str, tuple[Mapping[str, str], Mapping[str, Any]]]) -> str:
    """Why a release can't serve."""
    for service in ASKED:
        name = f"{service}-{slot}"
        if service not in its:
            return f"{name} is not there"
        state = its[service][1].get("State") or {}
        health = (state.get("Health") or {}).get("Status", "healthy")
        if state.get("Status") != "running" or health != "healthy":
            return f"{name} is {state.get('Status') if state.get('Status') != 'running' else health}"
    if len({labels[RELEASE] for labels, _ in its.values()}) > 1:
        return f"{slot} has containers of different releases: an update of it was cut off"
    return ""


def chosen(there: Sequence[Release], serving: str, wanted: str | None) -> Release:
    """The release to go back to: `wanted`, by its id or name, or the one that does not serve.

    Raises:
        UsageError: there is none of that id or name, or it is that of two.
        RefusedError: there is no other one, or it can't serve.
    """
    if wanted is None:
        match = [each for each in there if each.slot != serving]
        if not match:
            raise RefusedError(
                "there is no other release on the host to go back to: with `release.keep_previous: true` the one "
                "before stays from the next release on. Deploy the version that is wanted"
            )
    else:
        match = [each for each in there if wanted in (each.id, each.name)]
        if not match:
            names = " and ".join(str(each) for each in there) or "none"
            raise UsageError(f"release '{wanted}': the host has {names}. Deploy the version that is wanted")
        if len(match) > 1:
            raise UsageError(f"release '{wanted}': that is {match[0]} and {match[1]}: name the id")
    release = match[0]
    if release.problem:
        raise RefusedError(f"the release {release} can't serve: {release.problem}. Nothing was changed")
    return release
