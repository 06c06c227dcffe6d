"""Whether the stack's own object store, which has its backups, can be asked."""

from __future__ import annotations

from ops.tt.errors import UnreachableError
from ops.tt.host.docker_host import Host

SERVICE = "object-store"

#: Docker's words for a container that is not at work, with the command that starts it.
_STARTS = {"paused": "docker unpause", "exited": "docker start", "created": "docker start"}


def check(host: Host) -> None:
    """Checks what has the backups before a command asks it, where that is the stack's own.

    A stack whose repository is elsewhere has no such container, and what asks the repository reports on it.

    Raises:
        UnreachableError: it does not run, or is unhealthy; says what to do.
    """
    container = host.find(SERVICE)
    if container is None:
        return
    name, status = container.name, str(container.status)
    health = container.attrs["State"].get("Health", {}).get("Status")
    logs = f"`make logs STACK={host.stack} SERVICE={SERVICE}` says why"
    if status != "running":
        starts = f"`{_STARTS[status]} {name}` starts it, and " if status in _STARTS else ""
        raise UnreachableError(
            f"the stack's object store, which has the backups, is down: {name} is {status}. {starts}{logs}"
        )
    if health == "unhealthy":
        raise UnreachableError(
            f"the stack's object store, which has the backups, does not answer: {name} is unhealthy. "
            f"`docker restart {name}` starts it again, and {logs}"
        )
