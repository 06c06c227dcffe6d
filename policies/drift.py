"""What was changed by hand: the containers and volumes of a state as they are, against the inputs that made them.

Docker lets a person change some things of a container that is there (its networks, limits, restart policy, name and
state), and the files in a volume. Pulumi's state keeps what the program asked for, and an update does not look again.
"""

from __future__ import annotations

import hashlib
import io
import json
import posixpath
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import docker

from policies.containers import CONTAINER
from policies.inspection import Host, container, volume
from policies.resource import VOLUME
from policies.values import SECRET_SIGNATURE, SIGNATURE, UNKNOWN, entries, is_unset, lookup, number, text

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
    """One thing that was changed: of what, which property, how, and the commands that restore it."""

    type: str
    name: str
    id: str
    urn: str
    property: str
    message: str
    fix: str


def changes(
    inspected: Mapping[tuple[str, str], Mapping[str, Any]],
    resources: Mapping[tuple[str, str], Mapping[str, Any]],
    files: Mapping[str, Mapping[str, str]],
    pids_limits: Mapping[str, Any],
    host: Host,
    stack: str,
) -> Iterator[Change]:
    """Everything that is not as it was made.

    `inspected` has what is on the host, `resources` what the state has, both by type and id. `files` has the digests
    of the files that carriers brought, by the carrier's id, as `read_files` gives them. `pids_limits` has the limits of
    processes that the program has set, by the container's name.
    """
    for key, known in resources.items():
        thing, asked = inspected.get(key), _plain(known.get("inputs"))
        if thing is None or known.get("delete") or not isinstance(asked, dict):
            continue
        if key[0] == CONTAINER:
            found = [*_of_container(thing, asked, host, stack), *_of_pids(thing, asked, pids_limits)]
        else:
            found = [*_of_volume(key, thing, asked)]
        if key[1] in files:
            found += _of_files(thing, asked, files[key[1]], inspected, stack)
        name = (text(thing.get("Name")) or "").lstrip("/")
        for property_, message, fix in found:
            yield Change(key[0], name, key[1], str(known.get("urn")), property_, message, fix)


_Found = tuple[str, str, str]


def _of_container(thing: Mapping[str, Any], asked: Mapping[str, Any], host: Host, stack: str) -> Iterator[_Found]:
    live = container(thing, host)
    name = live["name"]
    up = f"make up STACK={stack}"
    status = text(lookup(thing, "State.Status"))
    if asked.get("mustRun") is True and status not in ("running", "restarting"):
        yield "state", f"it is {status}, and was made to run", f"`{up}` starts it"
    again = f"`docker stop {name} && docker rm {name}`, then `{up}` makes it again"
    for property_ in sorted({*asked, *UNASKED} - NOT_COMPARED):
        have, want = live.get(property_), asked.get(property_)
        if want is UNKNOWN or (is_unset(want) and property_ not in UNASKED):
            continue
        if property_ == "networksAdvanced":
            yield from _of_networks(_objects(have), _objects(want), name, up)
        elif property_ in FROM_IMAGE:
            if lost := sorted(_keys(want) - _keys(have)):
                yield property_, f"it lacks, or has changed: {', '.join(lost)}", again
        elif normal(have) != normal(want) and property_ not in FILLED_IN:
            yield property_, f"it is {_shown(have)}, and was made as {_shown(want)}", again


def _of_pids(thing: Mapping[str, Any], asked: Mapping[str, Any], limits: Mapping[str, Any]) -> Iterator[_Found]:
    """The limit of processes of a container that runs: the program sets it past the provider, and no input has it."""
    if asked.get("mustRun") is not True:
        return
    name = (text(thing.get("Name")) or "").lstrip("/")
    have, want = number(lookup(thing, "HostConfig.PidsLimit")) or 0, number(limits.get(name))
    limit = int(PIDS_LIMIT if want is None else want)
    fix = f"`docker update --pids-limit {limit} {name}`"
    if have <= 0:
        yield "pidsLimit", "it has no limit of processes", fix
    elif want is not None and have != want:
        yield "pidsLimit", f"its limit of processes is {int(have)}, and was set to {limit}", fix


def _of_networks(
    have: Sequence[Mapping[str, Any]], want: Sequence[Mapping[str, Any]], name: str, up: str
) -> Iterator[_Found]:
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


def _of_volume(key: tuple[str, str], thing: Mapping[str, Any], asked: Mapping[str, Any]) -> Iterator[_Found]:
    if key[0] != VOLUME:
        return
    live = volume(thing)
    for property_ in ("driver", "driverOpts"):
        have, want = live.get(property_), asked.get(property_)
        if normal(have) != normal(want) and not (property_ in FILLED_IN and is_unset(want)):
            yield property_, f"it is {_shown(have)}, and was made as {_shown(want)}", "save its data, and remove it"


def _of_files(
    carrier: Mapping[str, Any],
    asked: Mapping[str, Any],
    found: Mapping[str, str],
    inspected: Mapping[tuple[str, str], Mapping[str, Any]],
    stack: str,
) -> Iterator[_Found]:
    """The files of a volume. Names are shown, and of contents only that they differ."""
    name = (text(carrier.get("Name")) or "").lstrip("/")
    mounted = {str(entries(mount).get("Name")) for mount in carrier.get("Mounts") or ()}
    users = sorted(
        (text(other.get("Name")) or "").lstrip("/")
        for (type_, _), other in inspected.items()
        if type_ == CONTAINER and other is not carrier
        and mounted & {str(entries(mount).get("Name")) for mount in other.get("Mounts") or ()}
    )  # fmt: skip
    containers = " ".join([*users, name])
    fix = (
        f"`docker stop {containers}; docker rm {containers} && docker volume rm {' '.join(sorted(mounted))}`, then "
        f"`make up STACK={stack}` brings the files again"
    )
    brought = {posixpath.basename(str(each.get("file"))): each for each in _objects(asked.get("uploads"))}
    for file, upload in sorted(brought.items()):
        content = upload.get("content")
        if file not in found:
            yield "files", f"the file {file} is gone", fix
        elif isinstance(content, str) and found[file] != hashlib.sha256(content.encode()).hexdigest():
            yield "files", f"the file {file} has another content", fix
    for file in sorted(found.keys() - brought.keys()):
        yield "files", f"the file {file} was not brought by the program", fix


def read_files(api: Any, resources: Mapping[tuple[str, str], Mapping[str, Any]]) -> dict[str, dict[str, str]]:  # noqa: ANN401 - the client's types are incomplete
    """The digests (SHA-256) of the files that each carrier of a state brought, by its id and their names.

    Contents stay in the memory of this process, and only for as long as they are read.
    """
    found: dict[str, dict[str, str]] = {}
    for (type_, id_), known in resources.items():
        uploads = _objects(entries(_plain(known.get("inputs"))).get("uploads"))
        if type_ != CONTAINER or known.get("delete") or not uploads:
            continue
        folder = posixpath.dirname(str(uploads[0].get("file")))
        try:
            chunks, _ = api.get_archive(id_, folder)
        except docker.errors.NotFound:
            # The carrier itself is missing, which is another finding, or its folder is.
            continue
        found[id_] = dict(_digests(chunks))
    return found


def _digests(chunks: Iterable[bytes]) -> Iterator[tuple[str, str]]:
    with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as archive:
        for member in archive.getmembers():
            content = archive.extractfile(member)
            if content is not None:
                yield posixpath.basename(member.name), hashlib.sha256(content.read()).hexdigest()


def are_readable(resources: Mapping[tuple[str, str], Mapping[str, Any]]) -> bool:
    """Whether the state has the contents of secret files, as `pulumi stack export --show-secrets` writes them."""
    uploads = [entries(_plain(known.get("inputs"))).get("uploads") for known in resources.values()]
    contents = [each.get("content") for listed in uploads for each in _objects(listed)]
    return UNKNOWN not in uploads and UNKNOWN not in contents


def _plain(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Inputs as a state has them, with the text of secrets where it is there, and else `UNKNOWN`."""
    if isinstance(value, Mapping):
        if value.get(SIGNATURE) == SECRET_SIGNATURE:
            return _plain(json.loads(value["plaintext"])) if "plaintext" in value else UNKNOWN
        return {str(key): _plain(each) for key, each in value.items() if key != "__defaults"}
    return [_plain(each) for each in value] if isinstance(value, list) else value


def _objects(value: object) -> list[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


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
