"""How a command can end, and what that says of the service: a small algebra over sets of endings.

An ending is a number: its bits say whether it is a failure, whether the script ends there, and what is known on the
way to it. `GOOD`: the service was asked and answered. `BAD`: it was asked, and did not answer.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

FAIL: Final = 1
LEFT: Final = 2
GOOD: Final = 4
BAD: Final = 8
BROKEN_OUT: Final = 16

Endings = frozenset[int]

SUCCESS: Final[Endings] = frozenset({0})
FAILURE: Final[Endings] = frozenset({FAIL})
#: It can fail, and that says nothing of the service.
EITHER: Final[Endings] = frozenset({0, FAIL})
#: It succeeds if the service answers.
ASKS: Final[Endings] = frozenset({GOOD, FAIL | BAD})
#: It succeeds if the service doesn't.
INVERTED: Final[Endings] = frozenset({BAD, FAIL | GOOD})
#: It depends on the service in a way that isn't known.
DEPENDS: Final[Endings] = frozenset({GOOD | BAD, FAIL | GOOD | BAD})

#: What the output of a command says: of the service (`TELLS`; with `STALE` it is there if the service is not), when a
#: file was written (`HEART`), what time it is (`CLOCK`), or how a command that asks the service ended (`STATUS`),
#: what listens, whoever it is (`LISTS`), or all connections, those to other hosts among them (`CONNECTIONS`).
TELLS: Final = 1
STALE: Final = 2
HEART: Final = 4
CLOCK: Final = 8
STATUS: Final = 16
LISTS: Final = 32
CONNECTIONS: Final = 64


@dataclass(frozen=True)
class Result:
    """How something can end, and what its output says."""

    ends: Endings
    output: int = 0


def then(first: Endings, second: Endings) -> Endings:
    """The endings of `first; second`: what is known stays known."""
    return frozenset(
        ending for each in first for ending in ((each,) if each & LEFT else ((each & (GOOD | BAD)) | e for e in second))
    )


def choose(first: Endings, *, on_success: Endings | None = None, on_failure: Endings | None = None) -> Endings:
    """The endings of `first` with something that runs after its success or its failure."""
    found: set[int] = set()
    for each in first:
        second = on_failure if each & FAIL else on_success
        found |= {each} if each & LEFT or second is None else then(frozenset({each}), second)
    return frozenset(found)


def going_on(ends: Endings, *, success: bool) -> Endings:
    """Those endings after which the script goes on with `&&` (`success`) or `||`."""
    return frozenset(each for each in ends if not each & LEFT and bool(each & FAIL) != success)


def negated(ends: Endings) -> Endings:
    """The endings of `! command`."""
    return frozenset(each if each & LEFT else each ^ FAIL for each in ends)


def in_subshell(ends: Endings) -> Endings:
    """An `exit` in a subshell ends no more than that."""
    return frozenset(each & ~(LEFT | BROKEN_OUT) for each in ends)


def exits_on_error(ends: Endings) -> Endings:
    """The endings where an error ends the script (`set -e`)."""
    return frozenset(each | LEFT if each & FAIL else each for each in ends)


def known(ends: Iterable[int]) -> bool:
    """Whether any of the endings says something of the service."""
    return any(each & (GOOD | BAD) for each in ends)


def is_a_check(ends: Endings) -> bool:
    """Whether no success comes without an answer of the service, and a failure comes where there is none."""
    return all(each & (FAIL | GOOD) for each in ends) and any(each & FAIL and each & BAD for each in ends)
