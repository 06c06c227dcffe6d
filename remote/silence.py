"""Why no Docker engine answers, and what to do: the one place for these words, for set-up, `tt` and the audit."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

from remote.host import DockerHost
from remote.redaction import redacted

#: For a user who may not use the engine that is there.
JOIN_GROUP = "run `sudo usermod -aG docker $USER`, log out and in again, and try again"

START = "start Docker (`sudo systemctl start docker`; as root on Debian `make up` does), and try again"

#: Characters of a reason that a message has.
SHOWN = 300


def refused(said: str) -> str | None:
    """What to do where an engine is there that this user may not use; None where `said` is about something else."""
    return f"this user may not use Docker ({said}); {JOIN_GROUP}" if "permission denied" in said.lower() else None


def silent(
    error: Exception | str, named: DockerHost | str | None = None, environment: Mapping[str, str] | None = None
) -> str:
    """What is wrong and what to do where no engine answers.

    `error` is the Docker client's, or its words. `named` is the host that a stack's config names; without it Docker's
    clients, and Pulumi, use DOCKER_HOST of `environment` or else the socket of this machine.
    """
    address = named.address if isinstance(named, DockerHost) else named
    if isinstance(named, DockerHost) and named.over_ssh:
        # What `ssh` said is in the error already, with what to do.
        return redacted(f"no Docker engine answers at {address}: {_first_line(error)}")
    said = error if isinstance(error, str) else reason(error)
    host = address or (os.environ if environment is None else environment).get("DOCKER_HOST")
    if message := refused(said):
        return redacted(f"{message}. The engine's address is {host}" if host else message)
    if address is not None:
        return redacted(f"no Docker engine answers at {address} ({said}): start it, or correct the address")
    if host:
        return redacted(f"no Docker engine answers at DOCKER_HOST={host} ({said}); start it or unset DOCKER_HOST")
    return f"no Docker engine answers on this machine ({said}): {START}"


def reason(error: BaseException) -> str:
    """The system's words for an error that libraries have wrapped in each other, or else the first line of the error.

    >>> reason(ValueError("outer", PermissionError(13, "Permission denied")))
    'Permission denied'
    >>> reason(TimeoutError("timed out"))
    'timed out'
    """
    words = (
        each.strerror for each in _causes(error, set()) if isinstance(each, OSError) and isinstance(each.strerror, str)
    )
    return next(words, None) or _first_line(getattr(error, "explanation", None) or error)


def _first_line(error: object) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:SHOWN] if lines else type(error).__name__


def _causes(error: object, seen: set[int]) -> Iterator[BaseException]:
    """An error, and those that libraries have wrapped in it, the outermost first; none past a `raise ... from None`."""
    if not isinstance(error, BaseException) or id(error) in seen:
        return
    seen.add(id(error))
    yield error
    context = None if error.__suppress_context__ else error.__context__
    # Libraries keep the error that they wrap among the arguments, as urllib3 does, or in `reason`.
    for inner in (error.__cause__, context, getattr(error, "reason", None), *error.args):
        yield from _causes(inner, seen)
