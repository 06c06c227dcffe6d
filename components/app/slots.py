"""The slots of releases: each has one release of the services that are replaced together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Final

import pulumi

from components.app import api, dashboard, worker
from components.app.app import SLOT_VARIABLE, UPLOADS, AppArgs
from components.app.migrations import Migrations
from components.app.release_id import release_id
from components.core.naming import SYSTEM
from components.core.options import unchanged
from components.core.part import Assembly, Part
from components.core.runtime import Given, Running
from components.spec.container import ServiceSpec
from settings.releases import (
    SLOTS,
    CanaryError,
    Plan,
    Ready,
    Records,
    Slot,
    UnknownReleaseError,
    differences,
    plan,
    ready_name,
)

#: What a release is made of: the spec of each service in a slot.
SLOTTED: Final[Mapping[str, Callable[[Assembly, Slot], ServiceSpec]]] = {
    "api": api.in_slot,
    "worker": worker.in_slot,
    "dashboard": dashboard.in_slot,
}

#: Config secrets that the program knows and that a release has.
SECRETS: Final = frozenset({"encryption_key", "database_url"})


@dataclass(frozen=True)
class ReleaseArgs:
    """What the last state says of releases, and the secret key of their digests."""

    records: Records
    key: str = field(repr=False)


class ReleaseSlot(pulumi.ComponentResource):
    """A slot with a release, each service of which is healthy, or is made and waits for the switch."""

    def __init__(
        self,
        slot: Slot,
        stack: Assembly,
        specs: Mapping[str, ServiceSpec],
        ready: Ready,
        opts: pulumi.ResourceOptions,
    ) -> None:
        super().__init__(f"{SYSTEM}:components:ReleaseSlot", slot, None, opts)
        child = pulumi.ResourceOptions(parent=self, depends_on=opts.depends_on)
        self.slot, self.ready = slot, ready
        self.running: dict[str, Running] = {
            name: stack.context.runtime.service(f"{name}-{slot}", spec, _given(stack, spec), child)
            for name, spec in specs.items()
        }
        pulumi.Stash(
            ready_name(slot),
            input={
                "release": ready.release,
                "name": ready.name,
                "pids": dict(ready.pids),
                "facts": dict(ready.facts),
            },
            opts=pulumi.ResourceOptions(parent=self, depends_on=[each.container for each in self.running.values()]),
        )
        self.register_outputs({})


@dataclass(frozen=True)
class Planned:
    """What this update does with the slots, before it is done.

    `specs` are those of the config's release in each slot, and `release` is its id.
    """

    plan: Plan
    records: Records
    release: str
    specs: Mapping[Slot, Mapping[str, ServiceSpec]]


@dataclass(frozen=True)
class Slots:
    """The slots that the stack has."""

    made: Mapping[Slot, ReleaseSlot]


def planning(stack: Assembly) -> Part:
    """Decides which slot has the release of the config, before anything of it is made."""
    args = stack.get(ReleaseArgs)
    specs = {slot: {name: spec(stack, slot) for name, spec in SLOTTED.items()} for slot in SLOTS}
    release = release_id(args.key, [*specs[SLOTS[0]].values()], _secrets(stack))
    try:
        planned = plan(
            args.records,
            release,
            pin=stack.settings.release.pin,
            keep_previous=stack.settings.keeps_previous,
            percent=stack.settings.release.canary,
        )
    except CanaryError as error:
        name = stack.context.naming.stack
        raise pulumi.RunError(
            f"{error}: first `./tt promote --stack {name}` or `./tt abort --stack {name}`. Nothing was changed."
        ) from None
    except UnknownReleaseError as error:
        raise pulumi.RunError(f"{SYSTEM}:release.pin: {error}. Nothing was changed.") from None
    stack.keep(Planned(planned, args.records, release, specs))
    stack.keep(planned)
    lines = [described(args.records, planned, release, specs[SLOTS[0]]["api"].image.release)]
    before = args.records.ready.get(args.records.current) if args.records.current else None
    if planned.is_new and before:
        changed = differences(before.facts, facts(specs[SLOTS[0]]))
        lines += [
            f"    {each}" for each in changed or ["a config secret, or what the program makes of the same config"]
        ]
    pulumi.log.info("\n".join(lines))
    return Part()


def described(records: Records, planned: Plan, release: str, name: str) -> str:
    """What an update does with the slots, in words; `release` and `name` are those of the config's release.

    >>> before = Records("blue", {"blue": Ready("aaaa", "1.4.0", {"api-blue": 64})}, {"blue": {"api-blue": "aaaa"}})
    >>> described(before, plan(before, "bbbb"), "bbbb", "1.5.0")
    'release 1.4.0 aaaa (blue, serving) -> 1.5.0 bbbb (green)'
    >>> described(before, plan(before, "aaaa"), "aaaa", "1.4.0")
    'release 1.4.0 aaaa (blue, serving)'
    >>> described(before, plan(before, "bbbb", percent=10), "bbbb", "1.5.0")
    'release 1.4.0 aaaa (blue, serving), and 1.5.0 bbbb (green) for 10 % of the clients'
    """
    if planned.canary and records.current:
        serving = records.ready[records.current]
        return (
            f"release {serving.name} {serving.release} ({records.current}, serving), and {name} {release} "
            f"({planned.canary.slot}) for {planned.canary.percent:g} % of the clients"
        )
    ready = records.ready.get(planned.serve)
    its = name if planned.written == planned.serve else (ready.name if ready else "")
    serves = f"{its} {planned.release} ({planned.serve}"
    if planned.serve == records.current:
        pinned = ", pinned" if planned.written is None else ""
        return f"release {serves}, serving{pinned})"
    before = records.ready.get(records.current) if records.current else None
    if before is None:
        return f"release {serves})"
    return f"release {before.name} {before.release} ({records.current}, serving) -> {serves})"


def part(stack: Assembly) -> Part:
    """The slots: the release of the config in one, and in the other what is kept."""
    planned = stack.get(Planned)
    made: dict[Slot, ReleaseSlot] = {}
    for slot in SLOTS:
        specs = planned.specs[slot]
        if slot == planned.plan.written:
            its = {name: replace(spec, release=planned.release) for name, spec in specs.items()}
            ready = _ready(stack, planned.release, its)
            made[slot] = ReleaseSlot(slot, stack, its, ready, stack.options(stack.get(Migrations)))
        elif slot in planned.plan.kept:
            kept = planned.records.ready[slot]
            stack.context.pids.keep(kept.pids)
            made[slot] = ReleaseSlot(slot, stack, specs, kept, unchanged(stack.options()))
    slots = stack.keep(Slots(made))
    serving = slots.made[planned.plan.serve]
    return Part(containers={name: each.container_name for name, each in serving.running.items()})


def _secrets(stack: Assembly) -> dict[str, str]:
    """The config secrets that a release is given."""
    config, settings = pulumi.Config(), stack.settings
    names = (SECRETS & settings.secrets) | settings.app_secrets.keys()
    return {name: config.require(name) for name in sorted(names)}


def _ready(stack: Assembly, release: str, specs: Mapping[str, ServiceSpec]) -> Ready:
    naming = stack.context.naming
    pids = {naming.container(spec.service, spec.slot): spec.limits.pids for spec in specs.values()}
    return Ready(release, specs["api"].image.release, dict(sorted(pids.items())), facts(specs))


def facts(specs: Mapping[str, ServiceSpec]) -> dict[str, str]:
    """What a reader of a preview wants to know of a release: images, limits and environment, by service."""
    found: dict[str, str] = {}
    for name, spec in specs.items():
        found[f"{name}.image"] = str(spec.image)
        found |= {f"{name}.{key}": str(value) for key, value in asdict(spec.limits).items()}
        found |= {f"{name}.env.{key}": value for key, value in spec.env.items() if key != SLOT_VARIABLE}
    return dict(sorted(found.items()))


def _given(stack: Assembly, spec: ServiceSpec) -> Given:
    app = stack.get(AppArgs)
    volumes = {UPLOADS: app.uploads}
    return Given(
        files={name: app.secrets[name] for name in spec.files},
        volumes={mount.volume: volumes[mount.volume] for mount in spec.mounts},
    )
