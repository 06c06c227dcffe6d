"""What on a host is of a stack, or has to do with it."""

from __future__ import annotations

import re

from policies.audit.snapshot import DockerObject, Snapshot
from policies.audit.state import State
from policies.containers import CONTAINER
from policies.resource import NETWORK, VOLUME
from policies.rule import Conventions


def objects_of_stack(
    snapshot: Snapshot, stack: str, conventions: Conventions, state: State | None
) -> list[DockerObject]:
    """What is of the stack, or has to do with it; see `EXIT_CODES` for what that is."""
    known = state.resources if state else {}
    label = conventions.stack_label
    own = [
        each
        for each in snapshot.objects
        if not each.is_dockers_own and (each.labels.get(label) == stack or (each.type, each.id) in known)
    ]
    mine = {id(each) for each in own}
    own_containers = [each for each in own if each.type == CONTAINER]
    networks = {key for each in own if each.type == NETWORK for key in (each.id, each.name)}
    volumes = {each.name for each in own if each.type == VOLUME}
    lenders = {key for each in own_containers for key in (each.id, each.name)}
    prefixes = tuple({prefix for each in own if (prefix := _prefix(each.name, stack))})

    def belongs(each: DockerObject) -> bool:
        if each.is_dockers_own:
            return False
        # Another stack's objects may have a name that begins in the same way.
        if prefixes and each.name.startswith(prefixes) and label not in each.labels:
            return True
        if each.type == CONTAINER:
            return bool(each.networks & networks or each.volumes & volumes or lenders.intersection(each.lenders))
        used = "networks" if each.type == NETWORK else "volumes"
        return each.type in (NETWORK, VOLUME) and any(
            getattr(user, used) & {each.id, each.name} for user in own_containers
        )

    return [each for each in snapshot.objects if id(each) in mine or belongs(each)]


def _prefix(name: str, stack: str) -> str | None:
    """A name up to the stack's: what its other objects' names begin with, too.

    >>> _prefix("tasktracker-dev-nginx", "dev"), _prefix("dev_nginx", "dev"), _prefix("devices", "dev")
    ('tasktracker-dev-', 'dev_', None)
    """
    found = re.match(rf"(?:.*?[-_.])?{re.escape(stack)}[-_.]", name)
    return found[0] if found else None
