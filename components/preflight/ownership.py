"""Whose the things on the stack's Docker host are: none of another state is taken over, and no data volume is missing.

Docker and its provider take a volume that is there for one that was just made, and make a missing one, empty, where a
container names it.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import pulumi

from components.core import host_client
from components.core.provider import DEFAULT_HOST, NEW_HOST, moved
from components.secrets.generated import new_secret
from remote import CONFIG_KEY, redacted
from settings import Settings, ownership
from settings.ownership import IDENTITY, Memory, objects_volume
from settings.ownership_text import (
    ADOPT,
    CHANGED,
    LOST,
    backups_text,
    missing_text,
    strangers_text,
    unknown_text,
    unnamed_text,
)
from settings.releases import Records

#: Bytes of randomness in a state's identity, which is no secret: 64 bits keep the states of one host apart.
IDENTITY_BYTES = 8


#: The config secret with which backups are encrypted, where it is not one that the program makes.
BACKUP_PASSPHRASE = "backup_passphrase"  # noqa: S105 - its name


@dataclass(frozen=True)
class Owner:
    """The identity of the stack's state, what volumes carry that are on the host already, by name, and the `orders` of
    the state (see `settings.ownership.Memory`). `known` are the volumes that the state or the host has; None where that
    is not known. `records` says which release is in which slot. `release_key` is a secret: the state's, or where
    `is_new_key` another.
    """

    identity: str = ""
    origins: Mapping[str, str] = field(default_factory=dict)
    orders: Mapping[str, Mapping[str, Sequence[str]]] = field(default_factory=dict, repr=False)
    known: frozenset[str] | None = None
    records: Records = field(default_factory=Records)
    release_key: str = field(default_factory=new_secret, repr=False)
    is_new_key: bool = True

    @classmethod
    def of(cls, memory: Memory, origins: Mapping[str, str] | None = None) -> Owner:
        """Whose the things are that this state makes; a state that has no identity gets a new one.

        Without `origins`, as where the Docker host does not answer, they are those that the state remembers.
        """
        identity = memory.identity or secrets.token_hex(IDENTITY_BYTES)
        known = frozenset({*memory.origins, *(origins or ())})
        origins = memory.origins if origins is None else origins
        key = memory.release_key
        return cls(identity, origins, memory.orders, known, memory.records, key or new_secret(), is_new_key=key is None)


@dataclass(frozen=True)
class Found:
    """Docker's lists."""

    networks: Iterable[Mapping[str, Any]]
    containers: Iterable[Mapping[str, Any]]
    volumes: Iterable[Mapping[str, Any]]


def keep_identity(owner: Owner, parent: pulumi.Resource) -> pulumi.Stash:
    """Keeps the identity in the state, for as long as that has a data volume."""
    return pulumi.Stash(
        IDENTITY,
        input=owner.identity,
        opts=pulumi.ResourceOptions(parent=parent, protect=True, ignore_changes=["input"]),
    )


def owner_of(stack: str, settings: Settings, memory: Memory, found: Found) -> Owner:
    """Compares the host with the state.

    Raises:
        pulumi.RunError: something is another state's, or a data volume is gone; says what to do.
    """
    origins = ownership.origins(stack, found.volumes)
    if message := refusal(stack, settings, memory, found, origins):
        raise pulumi.RunError(message)
    return Owner.of(memory, origins)


def refusal(stack: str, settings: Settings, memory: Memory, found: Found, origins: Mapping[str, str]) -> str | None:
    """What to tell a user whose update would take over something, or begin without its data; None for another."""
    if message := unnamed_volumes(stack, settings, memory):
        return message
    restored = {settings.postgres.restore.volume} if settings.postgres.restore else set()
    numbers = data_numbers(settings)
    # Gone data first: where it is, and a new host has none of it, says most.
    gone = ownership.missing(stack, memory, origins, numbers)
    lost = {each for each in gone if each in _words(LOST) or ownership.number(stack, each) in restored}
    # A preview harms nothing; Docker itself makes what the state takes to be there.
    unfinished = set() if pulumi.runtime.is_dry_run() else lost & memory.volumes
    problem = {*gone} - lost | unfinished
    if problem and not _is_new_host():
        if not memory.origins.keys() & origins.keys() and (elsewhere := _moved(memory, min(gone))):
            return elsewhere
        return _missing(stack, settings, sorted(problem), unfinished)
    found_strangers, adopted = ownership.strangers(stack, memory, origins, numbers), _words(ADOPT)
    strangers = {name: carried for name, carried in found_strangers.items() if carried not in adopted}
    unknown = sorted(
        chain(
            ownership.unknown(stack, memory, "container", found.containers),
            ownership.unknown(stack, memory, "network", found.networks),
        )
    )
    if strangers:
        return strangers_text(stack, memory, strangers, unknown)
    if unknown:
        return unknown_text(stack, unknown)
    objects = objects_volume(stack)
    is_readable = not settings.has_own_repository or BACKUP_PASSPHRASE in settings.secrets
    return None if is_readable or objects not in found_strangers else backups_text(stack, objects)


def unnamed_volumes(stack: str, settings: Settings, memory: Memory) -> str | None:
    """What to tell a user whose config does not name data volumes that PostgreSQL uses or keeps; None for another."""
    unnamed = ownership.unnamed(memory, data_numbers(settings))
    return unnamed_text(stack, memory, unnamed) if unnamed and CHANGED not in os.environ else None


def data_numbers(settings: Settings) -> set[int]:
    """The numbers of PostgreSQL's data volumes that the config names."""
    postgres = settings.postgres
    return {postgres.volume, *postgres.kept_volumes, *((postgres.restore.volume,) if postgres.restore else ())}


def _moved(memory: Memory, gone: str) -> str | None:
    """What to tell where the stack's config names another host than its state."""
    host = host_client.configured()
    if host is None and memory.docker_host:
        return (
            f"the stack is on {redacted(memory.docker_host)}, and its config has no {CONFIG_KEY} any more: put the"
            " block back. Without it this machine's own Docker would be taken for the host. Nothing was changed."
        )
    if host is None or host.address == memory.docker_host:
        return None
    return f"{moved(memory.docker_host or DEFAULT_HOST, host.address, gone)}\nNothing was changed."


def _missing(stack: str, settings: Settings, gone: list[str], unfinished: set[str]) -> str:
    host = host_client.configured()
    address = host.address if host else pulumi.Config("docker").get("host") or os.environ.get("DOCKER_HOST")
    has_backups = settings.has_backups and not (settings.has_own_repository and objects_volume(stack) in gone)
    return missing_text(
        stack,
        redacted(address or DEFAULT_HOST),
        gone,
        unfinished,
        kept=settings.postgres.kept_volumes,
        backups=has_backups,
    )


def _is_new_host() -> bool:
    """Whether the user has set the variable that allows an empty stack on the host of its config."""
    host = host_client.configured()
    return host is not None and os.environ.get(NEW_HOST) == host.address


def _words(variable: str) -> set[str]:
    return {word.strip() for word in os.environ.get(variable, "").split(",")} - {""}
