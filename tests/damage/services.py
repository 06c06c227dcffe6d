"""Damages to services: a container of each that is stopped or removed."""

from __future__ import annotations

from tests.damage import acts
from tests.damage.damage import Damage
from tests.services import SLOTTED

UP = "make up"

#: `docker stop` and `docker rm` of a container, by its service.
SERVICES = ("nginx", "api", "worker", "postgres", "nats", "object-store")

#: The services without which the site does not answer.
NEEDED = ("nginx", "api", "postgres", "nats")


def shown(service: str) -> str:
    """A service as `tt status` shows it; of one that is part of a release, that of the release which serves."""
    return f"{service}-{acts.BLUE}" if service in SLOTTED else service


def name_of(service: str) -> str:
    """The container of a service."""
    return f"tasktracker-dev-{shown(service)}"


def _stopped(service: str) -> Damage:
    name = name_of(service)
    # One by the command of `tt status`, the others by `make up`.
    by_docker = service in ("nginx", "nats")
    return Damage(
        name=f"stop {service}",
        what=f"`docker stop` of {service}",
        do=acts.stop(service),
        down=service in NEEDED,
        status=(f"{shown(service)} is exited (exit code", f"`docker start {name}`"),
        audit=("it is exited, and was made to run", "`make up STACK=dev` starts it"),
        up=() if by_docker else (f"the container {name} is stopped", "Started or connected again"),
        heal=(f"docker start {name}" if by_docker else UP,),
    )


def _removed(service: str) -> Damage:
    name = name_of(service)
    return Damage(
        name=f"rm {service}",
        what=f"`docker rm -f` of {service}",
        do=acts.remove(service),
        down=service in NEEDED,
        status=(f"the container {name} is not there: `make up STACK=dev` puts that right",),
        audit=("[missing]", f"::{shown(service)}", "makes it again"),
        up=(f"the container {name} is not there", "(--refresh)"),
        heal=(UP,),
    )


OF_SERVICES = (*map(_stopped, SERVICES), *map(_removed, SERVICES))
