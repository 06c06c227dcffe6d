"""Whether a health check's command can tell a service that works from one that doesn't.

What decides is what it asks. It has to reach the service: by a connection, by how old a heartbeat is, by a process that
answers to the number it wrote down; and its failure has to be the check's. A script is read for the ways in which it
can end: in each that says healthy, the service has answered. A script that this can't read is taken for one that proves
nothing: a check that people can read is part of what is asked for.
"""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Iterable, Sequence
from typing import Final

from policies.health.outcomes import is_a_check
from policies.health.programs.commands import judge
from policies.health.shell.grammar import read
from policies.health.shell.script import Call, Script
from policies.health.shell.words import UnreadableError, Word

#: Stands for a word that isn't known yet: no command's name, and no constant.
UNKNOWN_WORD: Final = "$?"

#: Among a container's names: it may have others.
ANY_HOST: Final = "*"

_LOCAL: Final = frozenset({"localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback", "host", "0"})


def proves_nothing(test: Sequence[str], names: Iterable[str] = ()) -> bool:
    """Whether a health check (`CMD` and words, or `CMD-SHELL` and a script) says healthy whatever the service does.

    `names` are the container's own names and addresses, beside those of every container.

    >>> [proves_nothing(test) for test in (["CMD", "/bin/true"], ["CMD-SHELL", "curl -f http://localhost || true"])]
    [True, True]
    >>> [proves_nothing(test) for test in (["CMD", "pg_isready"], ["CMD-SHELL", "curl -f http://localhost || exit 1"])]
    [False, False]
    """
    return _proves_nothing(tuple(test), frozenset(names))


# The same few checks are judged over and over, and reading one takes far longer than looking it up.
@functools.lru_cache(maxsize=1024)
def _proves_nothing(test: tuple[str, ...], names: frozenset[str]) -> bool:
    kind, *words = test or ("",)
    if not words or not words[0] or kind not in ("CMD", "CMD-SHELL"):
        return True
    script = Script(read, judge, functools.partial(is_own_host, names=names))
    try:
        if kind == "CMD-SHELL":
            ends = script.run(words[0], 0).ends
        else:
            ends = judge(Call([Word(each) for each in words], [0] * len(words), 0, 0, script)).ends
    except (UnreadableError, RecursionError):
        return True
    # A heartbeat that the check itself makes is none.
    return not is_a_check(ends) or bool(script.heartbeats & script.written)


def is_own_host(host: str, names: frozenset[str]) -> bool:
    """Whether a host is the container itself; one that a variable says is taken for it.

    >>> [is_own_host(host, frozenset({"api"})) for host in ("localhost", "[::1]", "127.1.2.3", "$HOST", "api", "db")]
    [True, True, True, True, True, False]
    """
    host = host.strip("[]").lower().rstrip(".")
    if "$" in host or host in _LOCAL or host.endswith(".localhost") or host in names or ANY_HOST in names:
        return True
    try:
        address = ipaddress.ip_address(host.split("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None) or address
    return bool(mapped.is_loopback or mapped.is_unspecified)
