"""Subnets and ports that are free, where others have theirs. Pure."""

from collections.abc import Callable, Iterable, Sequence
from ipaddress import IPv4Network
from itertools import chain
from typing import Final

PRIVATE: Final = (IPv4Network("172.16.0.0/12"), IPv4Network("10.0.0.0/8"))
"""Where free subnets are looked for (RFC 1918): Docker's own default pools are there too."""

BLOCK: Final = 16
"""Prefix length of the blocks that are looked through: that of the largest subnet which a stack may have."""

LAST_PORT: Final = 65_535


def free_subnet(length: int, taken: Sequence[IPv4Network]) -> IPv4Network | None:
    """The first subnet of that prefix length that overlaps none of `taken`; None if there is none.

    >>> free_subnet(24, [IPv4Network("172.16.0.0/23"), IPv4Network("172.16.3.0/24")])
    IPv4Network('172.16.2.0/24')
    """
    for block in chain.from_iterable(private.subnets(new_prefix=BLOCK) for private in PRIVATE):
        inside = [each for each in taken if each.overlaps(block)]
        free = (each for each in block.subnets(new_prefix=length) if not any(each.overlaps(other) for other in inside))
        if subnet := next(free, None):
            return subnet
    return None


def free_port(after: int, taken: Iterable[int], suits: Callable[[int], bool] = lambda _: True) -> int | None:
    """The first port after that one that `suits` and is none of `taken`; None if there is none.

    >>> free_port(8080, {8081, 9000})
    8082
    """
    others = set(taken)
    return next((each for each in range(after + 1, LAST_PORT + 1) if each not in others and suits(each)), None)
