"""What a rule finds, and what rules say and ask alike."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address
from typing import Final

from settings.errors import PULUMI, Path
from settings.stack import Settings

SET_SECRET: Final = f"run {PULUMI} config set --secret"

ENVIRONMENT: Final[Path] = ("environment",)


@dataclass(frozen=True)
class Conflict:
    """A setting that does not fit others.

    `also` names the others that the finding rests on: where one of them was refused, so that something else stands in,
    the finding means nothing and is dropped. `missing` says that a value has to be set that is not there.
    """

    path: Path
    message: str
    also: tuple[Path, ...] = ()
    missing: bool = False


Rule = Callable[[Settings], Iterator[Conflict]]


def is_local(domain: str) -> bool:
    """Whether a host name means something on its own machine or network only."""
    if domain.rpartition(".")[2] in ("localhost", "local"):
        return True
    try:
        IPv4Address(domain)
    except AddressValueError:
        return False
    return True
