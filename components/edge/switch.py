"""The record of which slot serves, and the hook that makes it so."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import pulumi

from components.app import api, dashboard
from components.app.slots import Planned, Slots
from components.core.part import Assembly, Part
from components.edge.nginx import Nginx
from components.edge.served import Smoke
from components.edge.switching import Change, Worker, switch
from components.edge.watching import Watch
from components.spec.container import ServiceSpec
from settings.releases import SLOTS, SWITCH, Slot, other

#: Seconds that a release has to run before it serves: enough for a program that ends soon after its start.
SETTLE = 5

#: Services that clients have WebSockets to.
WEBSOCKETS = frozenset({"api"})

#: Hexadecimal digits that stand for the containers of the slot that serves.
DIGEST_LENGTH = 12


def part(stack: Assembly) -> Part:
    """The switch, when the slots and nginx are there."""
    planned, slots, nginx = stack.get(Planned), stack.get(Slots), stack.get(Nginx)
    plan = planned.plan
    serving = slots.made[plan.serve]
    in_use = [serving, *([slots.made[plan.canary.slot]] if plan.canary else [])]
    ids = pulumi.Output.all(
        **{f"{name}-{each.slot}": its.container.id for each in in_use for name, its in each.running.items()}
    )
    change = _change(stack, planned, slots)

    async def act(_hook: pulumi.ResourceHookArgs) -> None:
        # In a thread, so that the program goes on with what doesn't depend on it.
        await asyncio.to_thread(switch, change)

    hook = pulumi.ResourceHook("switch-release", act)
    record: Mapping[str, Any] = {
        "serving": plan.serve,
        "release": serving.ready.release,
        "name": serving.ready.name,
        # Recreated containers are tried and started like others.
        "containers": ids.apply(_digest),
        # Another one where the host is not as the last switch left it.
        "generation": planned.records.generation,
        **({"canary": plan.canary.asdict()} if plan.canary else {}),
    }
    pulumi.Stash(
        SWITCH,
        input=record,
        opts=pulumi.ResourceOptions(
            parent=stack.parent,
            depends_on=[nginx, *slots.made.values()],
            hooks=pulumi.ResourceHookBinding(before_create=[hook], before_update=[hook]),
        ),
    )
    return Part()


def _change(stack: Assembly, planned: Planned, slots: Slots) -> Change:
    naming, edge, settings = stack.context.naming, stack.context.networks.edge, stack.settings
    serve, tried, canary = planned.plan.serve, planned.plan.tried, planned.plan.canary

    def upstream(path: str) -> str:
        """Where nginx would send it, if the slot got it."""
        service = api if path.startswith("/api/") else dashboard
        return f"{service.address(edge, tried)}:{service.PORT}"

    def containers(slot: Slot, which: Callable[[ServiceSpec], bool]) -> list[Worker]:
        specs = planned.specs[slot].values() if slot in slots.made else []
        return [_worker(naming.container(spec.service, slot), spec) for spec in specs if which(spec)]

    return Change(
        naming.container("nginx"),
        tried,
        {
            "serving": serve,
            "releases": {slot: str(slots.made[slot].ready) for slot in SLOTS if slot in slots.made},
            **({"canary": canary.asdict()} if canary else {}),
        },
        [*containers(serve, _is_held), *(containers(tried, _is_held) if canary else [])],
        [] if canary else containers(other(serve), _is_held),
        containers(other(serve), lambda spec: spec.service in WEBSOCKETS) if _leaves(planned) else [],
        [Smoke(f"http://{upstream(path)}{path}", status) for path, status in settings.release.smoke.items()],
        [naming.container(name, tried) for name in slots.made[tried].running],
        _watch(stack, planned),
    )


def _leaves(planned: Planned) -> bool:
    """Whether the other slot has had requests until now, and gets none any more."""
    records = planned.records
    had = records.serving not in (None, planned.plan.serve) or records.found is not None or records.canary is not None
    return had and planned.plan.canary is None


def _is_held(spec: ServiceSpec) -> bool:
    return spec.held


def _watch(stack: Assembly, planned: Planned) -> Watch:
    """How the release is watched; a pinned one has served before, and there is no way back from it."""
    settings = stack.settings
    seconds, drain = (settings.watch, settings.drain) if planned.plan.written else (0, 0)
    return Watch(seconds, settings.release.max_error_rate, min(SETTLE, seconds), drain)


def _worker(container: str, spec: ServiceSpec) -> Worker:
    return Worker(container, spec.wait_timeout, spec.stop_timeout)


def _digest(ids: Mapping[str, str]) -> str:
    lines = (f"{name} {ids[name]}\n" for name in sorted(ids))
    return hashlib.sha256("".join(lines).encode()).hexdigest()[:DIGEST_LENGTH]
