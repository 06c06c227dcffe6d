"""How much of the host a container may take."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated, Final

from pydantic import Field as Constraint

from policies.containers import CONTAINER, SERVICE, Container
from policies.limits import limit
from policies.resource import Resource
from policies.rule import Finding, Level, Options, Rule, Scope, Severity
from policies.values import MB, UNKNOWN, entries, items, number

#: MB; the daemon refuses less.
MIN_MEMORY: Final = 6

#: The daemon makes a quota of whole microseconds of it; far below, that is 0, which is no limit.
MIN_CPUS: Final = 0.01

#: Microseconds; what the kernel takes where no period is given.
DEFAULT_PERIOD: Final = 100_000

NANO: Final = 1_000_000_000


class MemoryOptions(Options):
    """`max_mb`: the most memory a container may have, in MB (MiB).

    The default, 64 GB, is for typing errors and for a container without sense of measure: a database of 8 or 16 GB is
    nothing unusual on a host that has them. Set it to what one service may take of yours.
    """

    max_mb: Annotated[int, Constraint(ge=MIN_MEMORY)] = limit("DKR-MEM", "maxMb")


class CpuOptions(Options):
    """`max_cpus`: the most CPUs a container may have. The default, 32, is as generous as that of DKR-MEM."""

    max_cpus: Annotated[float, Constraint(ge=MIN_CPUS, allow_inf_nan=False)] = float(limit("DKR-CPU", "maxCpus"))


class UlimitOptions(Options):
    """`max_open_files`: the highest limit of open files; a busy proxy needs some ten thousand."""

    max_open_files: Annotated[int, Constraint(ge=1)] = 65_536


def _whole(value: object) -> int | None:
    """A number as the provider reads it into a whole one: what comes after the point is cut off."""
    found = number(value)
    return None if found is None else math.trunc(found)


def _memory(resource: Resource, scope: Scope[MemoryOptions]) -> Iterator[Finding]:
    container = resource.container
    memory, swap = container.field("memory"), container.field("memorySwap")
    size = _whole(memory.value)
    unit = MB if container.is_service else 1
    least, most = MIN_MEMORY * unit, scope.options.max_mb * unit
    if not memory.unknown and (size is None or not least <= size <= most):
        yield Finding(memory.path or "", memory.value, _sizes(scope.options.max_mb, in_bytes=container.is_service))
    if swap.path is None or swap.unknown:
        return
    total = _whole(swap.value)
    # Unset, Docker allows as much swap again as there is memory; 0 is unset, and -1 has no limit.
    if total is None or total <= 0 or (size is not None and total != size):
        yield Finding(swap.path, swap.value, "the same as `memory`")


def _sizes(most: int, *, in_bytes: bool) -> str:
    """What memory may be, by the most in MB."""
    words = f"{MIN_MEMORY}MB to {size_text(most)}"
    return f"{MIN_MEMORY * MB} to {most * MB} bytes ({words})" if in_bytes else words


def size_text(megabytes: int) -> str:
    """A size as people write it.

    >>> [size_text(size) for size in (6, 1536, 65_536, 2_097_152)]
    ['6MB', '1536MB', '64GB', '2TB']
    """
    for unit, factor in (("TB", 2**20), ("GB", 2**10)):
        if megabytes % factor == 0:
            return f"{megabytes // factor}{unit}"
    return f"{megabytes}MB"


def _cpus(resource: Resource, scope: Scope[CpuOptions]) -> Iterator[Finding]:
    container = resource.container
    field = container.field("cpus")
    if field.unknown:
        return
    if not container.is_service and field.unset:
        yield from _quota(container, scope.options.max_cpus)
        return
    # With `cpus` the provider passes over a quota that is beside it, so that `cpus: 0` is no limit.
    cpus = number(field.value)
    if container.is_service and cpus is not None:
        cpus = math.trunc(cpus) / NANO
    if cpus is None or not MIN_CPUS <= cpus <= scope.options.max_cpus:
        yield Finding(field.path or "", field.value, _range(scope.options.max_cpus, nano=container.is_service))


def _range(most: float, *, nano: bool) -> str:
    if nano:
        return f"{MIN_CPUS * NANO:.0f} to {most * NANO:.0f} nano CPUs ({MIN_CPUS} to {most:g} CPUs)"
    return f"{MIN_CPUS} to {most:g} CPUs"


def _quota(container: Container, most: float) -> Iterator[Finding]:
    """Findings where CPUs are limited by a quota of microseconds in each period, or not at all."""
    quota, period = container.field("cpuQuota"), container.field("cpuPeriod")
    if quota.unset:
        yield Finding("cpus", None, _range(most, nano=False))
        return
    if quota.unknown:
        return
    time = _whole(quota.value)
    # 0 is unset for the provider. An unknown period says nothing, but a quota of none is no limit in any period.
    every = DEFAULT_PERIOD if period.unset or period.unknown else _whole(period.value) or DEFAULT_PERIOD
    if time is None or time <= 0 or (not period.unknown and not MIN_CPUS <= time / every <= most):
        yield Finding("cpuQuota", quota.value, f"a share of `cpuPeriod` that is {_range(most, nano=False)}")


def _ulimits(resource: Resource, scope: Scope[UlimitOptions]) -> Iterator[Finding]:
    field = resource.container.field("ulimits")
    if field.unknown or resource.container.never_runs:
        return
    most = scope.options.max_open_files
    allowed = f"`nofile` from 1 to {most}"
    given = False
    for index, item in items(field.value):
        limit = entries(item)
        name = limit.get("name")
        # It may be the one that is asked for.
        given |= item is UNKNOWN or name is UNKNOWN or name == "nofile"
        if name != "nofile":
            continue
        for key in ("soft", "hard"):
            value = limit.get(key)
            amount = _whole(value)
            # -1 is no limit at all.
            if value is not UNKNOWN and (amount is None or not 1 <= amount <= most):
                yield Finding(f"{field.path}[{index}].{key}", value, allowed)
    if not given:
        yield Finding(field.path or "", field.value, allowed)


RULES = (
    Rule(
        id="DKR-MEM",
        title="Memory is limited, swap included",
        level=Level.MANDATORY,
        severity=Severity.HIGH,
        sources=("CIS Docker 1.6, 5.11", "OWASP Docker #7"),
        reads={CONTAINER: ("memory", "memorySwap"), SERVICE: ("taskSpec.resources.limits.memoryBytes",)},
        why="A container that leaks takes the host's memory, until the kernel kills whatever it likes. With swap it "
        "takes the host's disk first, and all else gets slow.",
        fix="Set `memory`, and `memorySwap` to the same number (MB), or `limits.memoryBytes` of a service (bytes). "
        "The cap is `maxMb` in the pack's config.",
        check=_memory,
        options=MemoryOptions,
    ),
    Rule(
        id="DKR-CPU",
        title="CPUs are limited",
        level=Level.MANDATORY,
        severity=Severity.MEDIUM,
        sources=("CIS Docker 1.6, 5.12", "OWASP Docker #7"),
        reads={
            CONTAINER: ("cpus", "cpuQuota", "cpuPeriod"),
            SERVICE: ("taskSpec.resources.limits.nanoCpus",),
        },
        why="One busy loop takes every CPU, and the health checks of all other containers fail with it.",
        fix='Set `cpus`, such as `"0.5"`, or `limits.nanoCpus` of a service, such as 500000000. The cap is `maxCpus` '
        "in the pack's config.",
        check=_cpus,
        options=CpuOptions,
    ),
    Rule(
        id="DKR-ULIMIT",
        title="Open files are limited",
        level=Level.ADVISORY,
        severity=Severity.LOW,
        sources=("CIS Docker 1.6, 5.19",),
        reads={CONTAINER: ("ulimits", "start", "mustRun", "networkMode", "restart")},
        why="The default comes from the daemon and is often a million or none, so that one leak of connections takes "
        "the host's file table.",
        fix="Add `nofile` to `ulimits`, with `soft` and `hard`. The cap is `maxOpenFiles` in the pack's config.",
        check=_ulimits,
        options=UlimitOptions,
    ),
)
