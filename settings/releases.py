"""Releases and the two slots that they run in: which slot an update writes, keeps and lets serve. Pure.

A release is one version of the services that are replaced together (api, worker, dashboard), with all their settings.
Its id is a digest of these. It runs in one of two slots, `blue` and `green`; one of them serves, and the other has the
release before, ready to serve again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

Slot = Literal["blue", "green"]

SLOTS: Final[Sequence[Slot]] = ("blue", "green")

SWITCH: Final = "switch"
"""The name of the Stash that keeps which slot serves."""

RELEASE: Final = "release-id"
"""The label of a slot's containers that has the id of their release."""


def ready_name(slot: str) -> str:
    """The name of the Stash that keeps which release is whole in a slot."""
    return f"ready-{slot}"


#: The names of the Stashes that keep records of releases.
RECORDS: Final = frozenset({SWITCH, *map(ready_name, SLOTS)})


@dataclass(frozen=True)
class Ready:
    """A release that is whole in a slot: its id, what people call it, and the limits of processes by container.

    `facts` is what a reader of a preview wants to know of it, such as `{"api.memory": "1024"}`: no secrets.
    """

    release: str
    name: str = ""
    pids: Mapping[str, int] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        """As the header X-Release has it: two releases may be of the same version.

        >>> str(Ready("3f9ac0417d22", "1.4.0")), str(Ready("3f9ac0417d22"))
        ('1.4.0+3f9ac0417d22', '3f9ac0417d22')
        """
        return f"{self.name}+{self.release}" if self.name else self.release

    @classmethod
    def of(cls, record: Any) -> Ready | None:  # noqa: ANN401 - the input of a Stash
        """By its record; None where there is none."""
        if not isinstance(record, Mapping) or "release" not in record:
            return None
        pids = {str(name): int(limit) for name, limit in (record.get("pids") or {}).items()}
        facts = {str(key): str(value) for key, value in (record.get("facts") or {}).items()}
        return cls(str(record["release"]), str(record.get("name", "")), pids, facts)


@dataclass(frozen=True)
class Canary:
    """A release on trial: the slot that it is in, and the percentage of clients that it gets."""

    slot: Slot
    percent: float

    @classmethod
    def of(cls, record: Any) -> Canary | None:  # noqa: ANN401 - part of a Stash's input, or of nginx's answer
        """By its record; None where there is none."""
        if not isinstance(record, Mapping):
            return None
        slot = next((slot for slot in SLOTS if slot == record.get("slot")), None)
        return cls(slot, float(record.get("percent", 0))) if slot else None

    def asdict(self) -> dict[str, Any]:
        """As its record."""
        return {"slot": self.slot, "percent": self.percent}


@dataclass(frozen=True)
class Records:
    """What a stack's last state says of its slots.

    `made` has the ids of the releases that the containers of a slot carry, by their names: one id, unless an update
    ended half-way. `generation` counts the switches that were repeated because the host was not as the last one left
    it. `found` is the slot that nginx sends requests to, where that is another than the state's. `canary` is the
    release on trial beside the one that serves.
    """

    serving: Slot | None = None
    ready: Mapping[Slot, Ready] = field(default_factory=dict)
    made: Mapping[Slot, Mapping[str, str]] = field(default_factory=dict)
    generation: int = 0
    found: Slot | None = None
    canary: Canary | None = None

    @property
    def current(self) -> Slot | None:
        """The slot that gets the requests."""
        return self.found or self.serving

    def repeated(self, found: Slot | None) -> Records:
        """The same, for an update that repeats the switch, where nginx sends requests to the slot `found`."""
        return replace(self, generation=self.generation + 1, found=found)

    def whole(self, slot: Slot) -> Ready | None:
        """The release that a slot has, if all its containers are there and of that one."""
        ready = self.ready.get(slot)
        if ready is None or self.made.get(slot) != dict.fromkeys(ready.pids, ready.release):
            return None
        return ready

    def holding(self, release: str) -> Slot | None:
        """The slot that has a release whole; the one that serves before the other."""
        first = self.current or SLOTS[0]
        return next((slot for slot in (first, other(first)) if _is(self.whole(slot), release)), None)


@dataclass(frozen=True)
class Plan:
    """What an update does with the slots.

    Attributes:
        serve: the slot that serves when it is through.
        release: the id of the release that serves then.
        written: the slot that has the release of the config; None where a pinned one serves.
        kept: the slots that stay as they are, with the releases that they have.
        is_new: whether the written slot gets a release that it did not have.
        canary: the percentage of clients that the written slot gets beside the slot that serves; None for no trial.
    """

    serve: Slot
    release: str
    written: Slot | None
    kept: frozenset[Slot]
    is_new: bool
    canary: Canary | None = None

    @property
    def tried(self) -> Slot:
        """The slot whose release has to prove itself."""
        return self.canary.slot if self.canary else self.serve


def slots_in_use(record: Any) -> frozenset[str]:  # noqa: ANN401 - the input of a Stash
    """The slots that get requests, by the record of the switch.

    >>> sorted(slots_in_use({"serving": "blue", "canary": {"slot": "green", "percent": 10}})), slots_in_use(None)
    (['blue', 'green'], frozenset())
    """
    if not isinstance(record, Mapping):
        return frozenset()
    canary = Canary.of(record.get("canary"))
    found = (record.get("serving"), canary.slot if canary else None)
    return frozenset(slot for slot in SLOTS if slot in found)


def records_of(stashes: Mapping[str, Any], made: Mapping[Slot, Mapping[str, str]]) -> Records:
    """The records: from the inputs of a state's Stashes, and from the ids that its containers carry (see `Records`)."""
    switch = stashes.get(SWITCH)
    record = switch if isinstance(switch, Mapping) else {}
    serving = next((slot for slot in SLOTS if slot == record.get("serving")), None)
    ready = {slot: its for slot in SLOTS if (its := Ready.of(stashes.get(ready_name(slot))))}
    return Records(serving, ready, made, int(record.get("generation", 0)), canary=Canary.of(record.get("canary")))


def differences(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """What another release has otherwise, in words.

    >>> differences({"api.memory": "1024", "api.env.A": "1"}, {"api.memory": "512", "api.env.B": "2"})
    ['api.env.A: 1 -> none', 'api.env.B: none -> 2', 'api.memory: 1024 -> 512']
    """
    return [
        f"{key}: {before.get(key, 'none')} -> {after.get(key, 'none')}"
        for key in sorted({*before, *after})
        if before.get(key) != after.get(key)
    ]


class UnknownReleaseError(Exception):
    """A pinned release that no slot has; the message is for the user."""


def other(slot: Slot) -> Slot:
    """The other slot.

    >>> other("blue")
    'green'
    """
    return "green" if slot == "blue" else "blue"


class CanaryError(Exception):
    """A release on trial is in the way of another one; the message is for the user."""


def plan(
    records: Records,
    release: str,
    *,
    pin: str | None = None,
    keep_previous: bool = True,
    percent: float | None = None,
) -> Plan:
    """Decides where the config's `release` goes; with a `pin` that one serves, whatever the config says.

    With `percent` it gets this share of the clients, beside the release that serves, if there is one.

    Raises:
        UnknownReleaseError: no slot has the pinned release.
        CanaryError: the release would go where another one is on trial.
    """
    if pin is not None and pin != release:
        return _pinned(records, pin, keep_previous=keep_previous)
    holding, current = records.holding(release), records.current
    if records.canary and holding is None and (tried := records.whole(records.canary.slot)):
        raise CanaryError(
            f"the release {tried.release} ({tried.name}) is on trial with {records.canary.percent:g} % of the clients"
        )
    if percent is not None and current and current != holding and (serving := records.whole(current)):
        tried_in = other(current)
        canary = Canary(tried_in, percent)
        return Plan(current, serving.release, tried_in, frozenset({current}), holding is None, canary)
    serve = holding or (SLOTS[0] if records.current is None else other(records.current))
    return Plan(serve, release, serve, _kept(records, other(serve), keep_previous), is_new=holding is None)


def _pinned(records: Records, pin: str, *, keep_previous: bool) -> Plan:
    holding = records.holding(pin)
    if holding is None:
        there = [f"{ready.release} ({ready.name}, {slot})" for slot in SLOTS if (ready := records.whole(slot))]
        raise UnknownReleaseError(
            f"no slot has the release {pin}; " + (f"there are {' and '.join(there)}" if there else "there is none yet")
        )
    kept = _kept(records, other(holding), keep_previous)
    return Plan(holding, pin, None, kept | {holding}, is_new=False)


def _kept(records: Records, slot: Slot, keep_previous: bool) -> frozenset[Slot]:
    """The slot, if it stays. One that goes is removed at the end of the update, after the switch."""
    return frozenset({slot} if keep_previous and records.whole(slot) is not None else ())


def _is(ready: Ready | None, release: str) -> bool:
    return ready is not None and ready.release == release
