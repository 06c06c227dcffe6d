"""What on a host is of a stack, or has to do with it."""

from __future__ import annotations

import re

from policies.audit.snapshot import Snapshot, Thing
from policies.audit.state import State
from policies.containers import CONTAINER
from policies.resource import NETWORK, VOLUME
from policies.rule import Conventions


def belonging(snapshot: Snapshot, stack: str, conventions: Conventions, state: State | None) -> list[Thing]:
    """What is of the stack, or has to do with it; see `EXIT_CODES` for what that is."""
    known = state.resources if state else {}
    label = conventions.stack_label
    own = [
        thing
        for thing in snapshot.things
        if not thing.is_dockers_own and (thing.labels.get(label) == stack or (thing.type, thing.id) in known)
    ]
    mine = {id(thing) for thing in own}
    own_containers = [thing for thing in own if thing.type == CONTAINER]
    networks = {key for thing in own if thing.type == NETWORK for key in (thing.id, thing.name)}
    volumes = {thing.name for thing in own if thing.type == VOLUME}
    lenders = {key for thing in own_containers for key in (thing.id, thing.name)}
    prefixes = tuple({prefix for thing in own if (prefix := _prefix(thing.name, stack))})

    def belongs(thing: Thing) -> bool:
        if thing.is_dockers_own:
            return False
        # Another stack's things may have a name that begins in the same way.
        if prefixes and thing.name.startswith(prefixes) and label not in thing.labels:
            return True
        if thing.type == CONTAINER:
            return bool(thing.networks & networks or thing.volumes & volumes or lenders.intersection(thing.lenders))
        used = "networks" if thing.type == NETWORK else "volumes"
        return thing.type in (NETWORK, VOLUME) and any(
            getattr(user, used) & {thing.id, thing.name} for user in own_containers
        )

    return [thing for thing in snapshot.things if id(thing) in mine or belongs(thing)]


def _prefix(name: str, stack: str) -> str | None:
    """A name up to the stack's: what its other things' names begin with, too.

    >>> _prefix("tasktracker-dev-nginx", "dev"), _prefix("dev_nginx", "dev"), _prefix("devices", "dev")
    ('tasktracker-dev-', 'dev_', None)
    """
    found = re.match(rf"(?:.*?[-_.])?{re.escape(stack)}[-_.]", name)
    return found[0] if found else None
