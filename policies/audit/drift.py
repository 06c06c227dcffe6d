"""What was changed by hand: the containers and volumes of a state as they are, against the inputs that made them.

Docker lets a person change some things of a container that is there (its networks, limits, restart policy, name and
state), and the files in a volume. Pulumi's state keeps what the program asked for, and an update does not look again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from policies.audit.carrier_files import Found, file_changes, plain_inputs
from policies.audit.inspection.container import container
from policies.audit.inspection.host import Host
from policies.audit.inspection.values import name_of, objects
from policies.audit.inspection.volume import volume
from policies.audit.state import State
from policies.containers import CONTAINER
from policies.resource import VOLUME
from policies.values import UNKNOWN, is_unset, lookup, number, text

#: Inputs of which Docker keeps no trace, or that say what the provider does and not what a container is.
NOT_COMPARED: Final = frozenset(
    {
        "__defaults", "attach", "containerReadRefreshTimeoutMilliseconds", "destroyGraceSeconds", "logs", "mustRun",
        "removeVolumes", "start", "stdinOpen", "tty", "uploads", "wait", "waitTimeout",
    }
)  # fmt: skip

#: What Docker fills in, from the image or by default, where the program says nothing.
FILLED_IN: Final = frozenset({"command", "entrypoints", "driver", "ipcMode", "runtime", "networkMode", "shmSize"})

#: What must not be there where the program does not ask for it.
UNASKED: Final = ("networksAdvanced", "ports", "cpuPeriod", "cpuQuota", "cpuShares", "cpuSet", "memoryReservation")

#: Lists to which the image adds its own.
FROM_IMAGE: Final = ("envs", "labels")

#: Processes and threads that the program allows a container by default.
PIDS_LIMIT: Final = 1024

#: Characters of a value that a message shows.
SHOWN: Final = 160


@dataclass(frozen=True)
class Change:
    """A change: of what, which property, how, and the commands that restore it."""

    type: str
    name: str
    id: str
    urn: str
    property: str
    message: str
    fix: str


def changes(
    inspected: Mapping[tuple[str, str], Mapping[str, Any]],
    state: State,
    files: Mapping[str, Mapping[str, str]],
    host: Host,
    stack: str,
) -> Iterator[Change]:
    """Everything that is not as it was made.

    `inspected` has what is on the host, by type and id. `files` has the digests of the files that carriers brought, by
    the carrier's id, as `read_files` gives them.
    """
    for key, known in state.resources.items():
        description, asked = inspected.get(key), plain_inputs(known.get("inputs"))
        if description is None or known.get("delete") or not isinstance(asked, dict):
            continue
        if key[0] == CONTAINER:
            asked = _as_switched(asked, state.in_use)
            found = [*_of_container(description, asked, host, stack), *_of_pids(description, asked, state.pids_limits)]
        else:
            found = [*_of_volume(key, description, asked)]
        if key[1] in files:
            found += file_changes(description, asked, files[key[1]], inspected, stack)
        name = name_of(description)
        for property_, message, fix in found:
            yield Change(key[0], name, key[1], str(known.get("urn")), property_, message, fix)


def _as_switched(asked: Mapping[str, Any], in_use: frozenset[str]) -> Mapping[str, Any]:
    """What was asked for, as the switch between releases leaves it.

    It starts what is made and not started and has a health check, which no job and no carrier has, and gives it another
    restart policy: in the slots that get requests.
    """
    held = asked.get("mustRun") is False and asked.get("start") is False and not is_unset(asked.get("healthcheck"))
    labels = {each.get("label"): each.get("value") for each in objects(asked.get("labels"))}
    if held and labels.get("slot") in in_use:
        return {**asked, "mustRun": True, "restart": "always"}
    return asked


def _of_container(description: Mapping[str, Any], asked: Mapping[str, Any], host: Host, stack: str) -> Iterator[Found]:
    live = container(description, host)
    name = live["name"]
    up = f"make up STACK={stack}"
    status = text(lookup(description, "State.Status"))
    if asked.get("mustRun") is True and status not in ("running", "restarting"):
        yield "state", f"it is {status}, and was made to run", f"`{up}` starts it"
    again = f"`docker stop {name} && docker rm {name}`, then `{up}` makes it again"
    for property_ in sorted({*asked, *UNASKED} - NOT_COMPARED):
        have, want = live.get(property_), asked.get(property_)
        if want is UNKNOWN or (is_unset(want) and property_ not in UNASKED):
            continue
        if property_ == "networksAdvanced":
            yield from _of_networks(objects(have), objects(want), name, up)
        elif property_ in FROM_IMAGE:
            if lost := sorted(_keys(want) - _keys(have)):
                yield property_, f"it lacks, or has changed: {', '.join(lost)}", again
        elif normal(have) != normal(want) and property_ not in FILLED_IN:
            yield property_, f"it is {_shown(have)}, and was made as {_shown(want)}", again


def _of_pids(description: Mapping[str, Any], asked: Mapping[str, Any], limits: Mapping[str, Any]) -> Iterator[Found]:
    """The limit of processes of a container that runs: the program sets it past the provider, and no input has it."""
    if asked.get("mustRun") is not True:
        return
    name = name_of(description)
    have, want = number(lookup(description, "HostConfig.PidsLimit")) or 0, number(limits.get(name))
    limit = int(PIDS_LIMIT if want is None else want)
    fix = f"`docker update --pids-limit {limit} {name}`"
    if have <= 0:
        yield "pidsLimit", "it has no limit of processes", fix
    elif want is not None and have != want:
        yield "pidsLimit", f"its limit of processes is {int(have)}, and was set to {limit}", fix


def _of_networks(
    have: Sequence[Mapping[str, Any]], want: Sequence[Mapping[str, Any]], name: str, up: str
) -> Iterator[Found]:
    on, wanted = ({str(each.get("name")): each for each in networks} for networks in (have, want))
    for network in sorted(wanted.keys() - on.keys()):
        yield "networks", f"it is not on the network {network}", f"`{up}` connects it again"
    for network in sorted(on.keys() - wanted.keys() - ({"bridge"} if not wanted else set())):
        message = f"it is on the network {network} too, which it was not made with"
        yield "networks", message, f"`docker network disconnect {network} {name}`"
    for network in sorted(on.keys() & wanted.keys()):
        has, made = ({k: normal(each[network].get(k)) for k in ("aliases", "ipv4Address")} for each in (on, wanted))
        # Docker adds names of its own.
        lacks = {*(made["aliases"] or ())} - {*(has["aliases"] or ())}
        if lacks or (made["ipv4Address"] and has["ipv4Address"] != made["ipv4Address"]):
            message = f"it has other names or another address on the network {network}"
            yield "networks", message, f"`{up}` connects it again"


def _of_volume(key: tuple[str, str], description: Mapping[str, Any], asked: Mapping[str, Any]) -> Iterator[Found]:
    if key[0] != VOLUME:
        return
    live = volume(description)
    for property_ in ("driver", "driverOpts"):
        have, want = live.get(property_), asked.get(property_)
        if normal(have) != normal(want) and not (property_ in FILLED_IN and is_unset(want)):
            yield property_, f"it is {_shown(have)}, and was made as {_shown(want)}", "save its data, and remove it"


def _keys(value: object) -> set[str]:
    """What tells entries of a list from each other: `NAME=value` by a digest, so that no value is shown."""
    found = set()
    for each in value if isinstance(value, list) else []:
        name, content = (
            (str(each.get("label")), str(each.get("value"))) if isinstance(each, Mapping) else str(each).split("=", 1)
        )
        found.add(f"{name} ({hashlib.sha256(content.encode()).hexdigest()[:8]})")
    return found


def normal(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """A value without what is only a way to write it: false and empty for unset, order, number or text."""
    if isinstance(value, Mapping):
        return {key: made for key, item in sorted(value.items()) if (made := normal(item)) is not None} or None
    if isinstance(value, list):
        return sorted((normal(item) for item in value), key=json.dumps) or None
    if value in (False, 0, "0s") or is_unset(value):
        return None
    return number(value) if number(value) is not None else value


def _shown(value: object) -> str:
    shown = "unset" if is_unset(value) else json.dumps(value, default=str, sort_keys=True)
    return shown if len(shown) <= SHOWN else f"{shown[:SHOWN]}..."
