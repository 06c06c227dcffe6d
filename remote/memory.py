"""How much memory a container needs, by what Docker reads of its control group."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def in_use(stats: Mapping[str, Any]) -> int | None:
    """The bytes that a container needs, by Docker's statistics of it; None for one that does not run.

    What the kernel only caches of files is left out, as `docker stats` does: it is given back when it is asked for.

    >>> in_use({"memory_stats": {"usage": 300, "stats": {"inactive_file": 100}}}), in_use({"memory_stats": {}})
    (200, None)
    """
    memory = stats.get("memory_stats") or {}
    if "usage" not in memory:
        return None
    counters = memory.get("stats") or {}
    # The name in version 1 of control groups, which has the other one too, without the groups below; and in version 2.
    cache = counters.get("total_inactive_file", counters.get("inactive_file", 0))
    return int(max(0, memory["usage"] - cache))
