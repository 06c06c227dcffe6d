"""What another release of api, worker and dashboard changes in a stack that keeps none of before."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Iterator

from settings.releases import Slot, other
from tests.e2e.support.load import Load
from tests.e2e.support.stack import Stack
from tests.services import SLOTTED

#: The services of a release that have files.
WITH_FILES = ("api", "worker")

#: Answers that there are at least of a load while a release takes the place of another.
ANSWERS = 50


def slots(stack: Stack) -> tuple[Slot, Slot]:
    """The slot that serves, and the one that the next release goes to."""
    serving: Slot = "blue" if stack.slot() == "blue" else "green"
    return serving, other(serving)


def containers_in(slot: Slot) -> set[str]:
    """The containers of a release, and the carriers of their files, by their short names."""
    return {f"{service}-{slot}" for service in SLOTTED} | {f"{service}-{slot}-files" for service in WITH_FILES}


def another_release(before: Slot, after: Slot) -> dict[str, str]:
    """What a preview plans for another release: operation by `type name`, as `Stack.planned` gives them."""
    return {
        **dict.fromkeys(_resources(after), "create"),
        **dict.fromkeys(_resources(before), "delete"),
        "pulumi:index:Stash switch": "update",
        "pulumi:index:Stash pids-limits": "update",
    }


def _resources(slot: Slot) -> Iterator[str]:
    """The resources of a slot with a release."""
    yield f"tasktracker:components:ReleaseSlot {slot}"
    yield f"pulumi:index:Stash ready-{slot}"
    for service in SLOTTED:
        yield f"tasktracker:components:Workload {service}-{slot}"
        yield f"docker:index/container:Container {service}-{slot}"
    for service in WITH_FILES:
        yield f"tasktracker:components:FileVolume {service}-{slot}-files"
        yield f"docker:index/volume:Volume {service}-{slot}-files"
        yield f"docker:index/container:Container {service}-{slot}-files"


@contextlib.contextmanager
def uninterrupted(stack: Stack) -> Iterator[None]:
    """Requests to the stack all the time, none of which may fail."""
    with Load(stack.url, ssl.create_default_context()) as load:
        yield
    assert load.failures == []
    assert load.answers > ANSWERS
