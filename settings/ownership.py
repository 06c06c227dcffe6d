"""Whose the things on a Docker host are that bear a stack's name: those of its own state, or of another. Pure.

A state has an identity, a random text that it keeps; the volumes and networks that it makes carry it as a label. Docker
changes no label of a volume, so the state also records, for each data volume that it has taken over, what that one
carries. Containers and networks are known by the ids that Docker gave them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from settings.releases import RECORDS, RELEASE, SLOTS, Records, Slot, records_of

SYSTEM: Final = "tasktracker"

RELEASE_KEY: Final = "release-key"
"""The name of the Stash that keeps the key under which releases have ids that can be shown."""

IDENTITY: Final = "identity"
"""The label of volumes and networks, the output of data volumes, and the name of the Stash that keeps the state's."""

UNIDENTIFIED: Final = "unidentified"
"""The origin of a volume that has the stack's label and no identity, as version 0.1.0 makes them."""

UNLABELLED: Final = "unlabelled"
"""The origin of a volume without the stack's label: made by hand, or by Docker for a container that names it."""

DATA: Final = frozenset({"uploads", "nats-data", "objects"})
"""The data volumes of a stack beside PostgreSQL's, by their names in it; a test compares them with the program."""

POSTGRES: Final = re.compile(r"postgres-data(?:-(\d+))?")
"""PostgreSQL's data volumes, which have numbers; the first has none in its name."""

DATA_VOLUME: Final = f"{SYSTEM}:components:DataVolume"
VOLUME, STASH = "docker:index/volume:Volume", "pulumi:index:Stash"
STASHES: Final = RECORDS | {IDENTITY, RELEASE_KEY, "docker-host"}
HAVE_IDS: Final = frozenset({"docker:index/container:Container", "docker:index/network:Network"})

LISTS: Final[Mapping[str, str]] = {
    "uploads": "file",
    "mounts": "target",
    "networksAdvanced": "name",
    "labels": "label",
    "ports": "internal",
    "envs": "",
}
"""The lists of a container that are sets for the provider, with what tells their items apart: a property, or the text
before an equals sign."""

SOURCE: Final = "source"
"""The property of a container's mount that names the volume."""

KEPT: Final = "postgres-kept"
"""The service whose container has PostgreSQL's data volumes that are kept and not in use."""

PASSING: Final = re.compile(r"restore$|scratch-")
"""Services whose containers `tt` makes or removes itself: the restore job, and scratch servers."""


@dataclass(frozen=True)
class Memory:
    """What a stack's last state has of the Docker host.

    `origins` has the data volumes by name, with what each carries: an identity, `UNIDENTIFIED` or `UNLABELLED`. A
    `pulumi refresh` that does not find a volume takes it from `volumes`, and not from `origins`. By a container's name,
    `limits` has its memory in MB, and `orders` the keys of its lists (see `LISTS`) in the provider's order. `used` is
    the number of the data volume that PostgreSQL runs on, and `kept` are those of the others that it keeps. `records`
    says which release is in which slot. `release_key` is a secret; None too where it is encrypted, as in an exported
    state.
    """

    identity: str | None = None
    origins: Mapping[str, str] = field(default_factory=dict)
    volumes: frozenset[str] = frozenset()
    ids: frozenset[str] = frozenset()
    docker_host: str | None = None
    limits: Mapping[str, int] = field(default_factory=dict)
    orders: Mapping[str, Mapping[str, Sequence[str]]] = field(default_factory=dict)
    used: int | None = None
    kept: frozenset[int] = frozenset()
    records: Records = field(default_factory=Records)
    release_key: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Resource:
    """A resource of a state: the types in its URN, its own last; its name in the program, and its outputs."""

    types: Sequence[str]
    name: str
    outputs: Mapping[str, Any]

    @classmethod
    def of(cls, urn: str, outputs: Mapping[str, Any] | None) -> Resource:
        """By its URN."""
        _, _, types, name = urn.split("::", 3)
        return cls(types.split("$"), name, outputs or {})


def is_remembered(urn: str) -> bool:
    """Whether `memory_of` takes anything from a resource; spares its outputs, with secrets among them, else."""
    _, _, types, name = urn.split("::", 3)
    own = types.rpartition("$")[2]
    return own in {DATA_VOLUME, VOLUME, *HAVE_IDS} or (own == STASH and name in STASHES)


def memory_of(stack: str, resources: Iterable[Resource]) -> Memory:
    """What a state has of the Docker host."""
    recorded: dict[str, str] = {}
    labelled: dict[str, str] = {}
    volumes, ids = set(), set()
    stashes: dict[str, Any] = {}
    limits: dict[str, int] = {}
    orders: dict[str, dict[str, list[str]]] = {}
    mounted: dict[str, set[int]] = {}
    made: dict[Slot, dict[str, str]] = {}
    for each in resources:
        own, outputs = each.types[-1], each.outputs
        if own in HAVE_IDS and "id" in outputs:
            ids.add(str(outputs["id"]))
            name = str(outputs.get("name"))
            if "memory" in outputs:
                limits[name] = int(outputs["memory"])
                orders[name] = {key: _keys(outputs[key], LISTS[key]) for key in LISTS if key in outputs}
            numbers = {number(stack, volume) for volume in _keys(outputs.get("mounts"), SOURCE)}
            if release := _release_in(outputs):
                made.setdefault(release[0], {})[name] = release[1]
            mounted[name.removeprefix(f"{SYSTEM}-{stack}-")] = {its for its in numbers if its is not None}
        elif own == VOLUME and "name" in outputs:
            volumes.add(str(outputs["name"]))
            if DATA_VOLUME in each.types:
                labels = {str(label["label"]): str(label["value"]) for label in outputs.get("labels") or ()}
                labelled[str(outputs["name"])] = origin(stack, labels)
        elif own == DATA_VOLUME and "name" in outputs:
            # Version 0.1.0 recorded no identity, and its volumes have none.
            recorded[str(outputs["name"])] = str(outputs.get(IDENTITY) or "")
        elif own == STASH:
            # The output of a Stash is its first input for ever, and that of the identity never changes.
            stashes[each.name] = outputs.get("input" if each.name in (*RECORDS, "docker-host") else "output")
    origins = {**labelled, **{name: known or labelled.get(name, UNIDENTIFIED) for name, known in recorded.items()}}
    release_key = stashes.get(RELEASE_KEY)
    return Memory(
        stashes.get(IDENTITY),
        origins,
        frozenset(volumes),
        frozenset(ids),
        stashes.get("docker-host") or None,
        limits,
        orders,
        next(iter(mounted.get("postgres", ())), None),
        frozenset(mounted.get(KEPT, ())),
        records_of(stashes, made),
        release_key if isinstance(release_key, str) else None,
    )


def _release_in(outputs: Mapping[str, Any]) -> tuple[Slot, str] | None:
    """The slot of a container and the id of its release, if it has one."""
    labels = {str(each.get("label")): str(each.get("value")) for each in outputs.get("labels") or ()}
    slot, release = labels.get("slot"), labels.get(RELEASE)
    return next(((its, release) for its in SLOTS if its == slot), None) if release else None


def origin(stack: str, labels: Mapping[str, str] | None) -> str:
    """What a volume carries.

    >>> origin("dev", {"stack": "dev", "identity": "3f9a"}), origin("dev", {"stack": "dev"}), origin("dev", None)
    ('3f9a', 'unidentified', 'unlabelled')
    """
    labels = labels or {}
    return labels.get(IDENTITY) or UNIDENTIFIED if labels.get("stack") == stack else UNLABELLED


def origins(stack: str, volumes: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """What the volumes of Docker's list carry that bear the stack's name, without those of stacks with a longer one."""
    return {
        str(each["Name"]): origin(stack, each.get("Labels"))
        for each in volumes
        if _is_named_after(stack, str(each["Name"]), each)
    }


def strangers(stack: str, memory: Memory, found: Mapping[str, str], numbers: Collection[int]) -> dict[str, str]:
    """The volumes on the host that are not this state's, with what they carry; `found` is what `origins` gives.

    `numbers` are those of PostgreSQL's data volumes that the stack's config names: no other is taken over.
    """

    def is_strange(name: str, carried: str) -> bool:
        if name in memory.origins:
            return carried != memory.origins[name]
        # An update that was killed may have made it, and not have come to write that down.
        if carried == memory.identity:
            return False
        if is_data(stack, name, numbers):
            return True
        # Such as the folder of a socket: once it is taken over, nothing is lost with it, and what has no label is a
        # matter of names.
        return (
            name not in memory.volumes
            and carried not in (UNIDENTIFIED, UNLABELLED)
            and not POSTGRES.fullmatch(_short(stack, name))
        )

    return {name: carried for name, carried in sorted(found.items()) if is_strange(name, carried)}


def missing(stack: str, memory: Memory, found: Collection[str], numbers: Collection[int]) -> list[str]:
    """The data volumes that the state has and the host does not, but for those that the config has no place for."""
    return [
        name
        for name in sorted(memory.origins)
        if name not in found and ((its := number(stack, name)) is None or its in numbers)
    ]


def forgotten(stack: str, memory: Memory, found: Collection[str], numbers: Collection[int]) -> list[str]:
    """PostgreSQL's data volumes on the host that are neither in the state nor in the config.

    >>> forgotten("dev", Memory(), ["tasktracker-dev-postgres-data", "tasktracker-dev-postgres-data-3"], {1})
    ['tasktracker-dev-postgres-data-3']
    """
    return [
        name
        for name in sorted(found)
        if (its := number(stack, name)) is not None
        and its not in numbers
        and name not in memory.origins
        and name not in memory.volumes
    ]


def unnamed(memory: Memory, numbers: Collection[int]) -> set[int]:
    """The numbers of PostgreSQL's data volumes that the state uses or keeps, and the config does not name."""
    used = set() if memory.used is None else {memory.used}
    return (used | memory.kept) - {*numbers}


def unknown(stack: str, memory: Memory, kind: str, things: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """The stack's containers or networks that are not in this state, by kind and name."""
    for each in things:
        name = str(each.get("Name") or each["Names"][0]).removeprefix("/")
        labels = each.get("Labels") or {}
        if (
            labels.get("stack") == stack
            and name.startswith(f"{SYSTEM}-{stack}-")
            and str(each["Id"]) not in memory.ids
            and not PASSING.match(str(labels.get("service", "")))
        ):
            yield f"the {kind} {name}"


def is_data(stack: str, volume: str, numbers: Collection[int]) -> bool:
    """Whether a Docker volume is one of the stack's data volumes, by its name.

    >>> [is_data("dev", f"tasktracker-dev-{name}", {1}) for name in ("uploads", "postgres-data", "postgres-data-2")]
    [True, True, False]
    """
    its = number(stack, volume)
    return _short(stack, volume) in DATA if its is None else its in numbers


def number(stack: str, volume: str) -> int | None:
    """The number of one of PostgreSQL's data volumes; None for another volume."""
    match = POSTGRES.fullmatch(_short(stack, volume))
    return None if match is None else int(match.group(1) or 1)


def objects_volume(stack: str) -> str:
    """The data volume of the stack's own S3 service, which has its backups unless they are elsewhere."""
    return f"{SYSTEM}-{stack}-objects"


def _short(stack: str, volume: str) -> str:
    return volume.removeprefix(f"{SYSTEM}-{stack}-")


def _is_named_after(stack: str, name: str, attributes: Mapping[str, Any]) -> bool:
    other = (attributes.get("Labels") or {}).get("stack")
    is_others = other not in (None, stack) and name.startswith(f"{SYSTEM}-{other}-")
    return name.startswith(f"{SYSTEM}-{stack}-") and not is_others


def _keys(items: object, key: str) -> list[str]:
    """What tells the items of a list apart; nothing of a list that is encrypted, as in an exported state."""
    values = [item.get(key) if isinstance(item, Mapping) else item for item in items] if isinstance(items, list) else []
    # A number of JSON may come with a fraction.
    texts = [str(int(value) if isinstance(value, float) else value) for value in values if value is not None]
    return texts if key else [text.partition("=")[0] for text in texts]
