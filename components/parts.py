"""What a stack is made of, in order: each part finds what those before it have made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from components.app import app, migrations, slots
from components.backup import database, file_backups, storage
from components.core.part import Assembly, Part
from components.data import nats, object_store, redis
from components.edge import nginx, switch, tunnel_part

PARTS: Final[Mapping[str, Callable[[Assembly], Part | None]]] = {
    "nats": nats.part,
    "object-store": object_store.part,
    "storage": storage.part,
    "redis": redis.part,
    "database": database.part,
    "uploads": app.uploads,
    "file-backups": file_backups.part,
    "app": app.part,
    "releases": slots.planning,
    "migrations": migrations.part,
    "slots": slots.part,
    "nginx": nginx.part,
    "switch": switch.part,
    "tunnel": tunnel_part.part,
}
"""By name. A part returns None where the stack does not have it."""
