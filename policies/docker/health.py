"""How the health of a container shows."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Iterator
from typing import Annotated, Any, Final

from pydantic import Field as Constraint

from policies.containers import CONTAINER, SERVICE
from policies.docker.restart import CARRIER_PROPERTIES, runs_on
from policies.health.command import ANY_HOST, UNKNOWN_WORD, proves_nothing
from policies.resource import Resource
from policies.rule import Finding, Level, Options, Rule, Scope, Severity
from policies.values import UNKNOWN, entries, is_unset, items, join, number, text

#: A duration as Go reads it; below a millisecond the daemon takes none.
DURATION: Final = re.compile(r"\+?(?:(?:[0-9]{1,18}(?:\.[0-9]{0,18})?|\.[0-9]{1,18})(?:ns|us|ms|s|m|h))+")
DURATION_PART: Final = re.compile(r"([0-9.]+)([a-z]+)")
SECONDS: Final = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600}

#: What the daemon takes where a health check says 0 (`daemon/health.go` of moby), in seconds; three failures count.
DEFAULT_TIMES: Final = {"interval": 30.0, "timeout": 30.0}
DEFAULT_RETRIES: Final = 3


class HealthOptions(Options):
    """Seconds: the longest time until a failure shows, and the longest start in which none counts."""

    max_detection_seconds: Annotated[int, Constraint(ge=1)] = 600
    max_start_seconds: Annotated[int, Constraint(ge=1)] = 3600


def _seconds(value: object) -> float | None:
    """Seconds of a duration as the provider reads it; None where it is none.

    >>> [_seconds(value) for value in ("1m30s", "1.5h", "0", 0.0, "30", "", "-1s", None)]
    [90.0, 5400.0, 0.0, 0.0, None, None, None, None]
    """
    written = text(value)
    return None if written is None or len(written) > 64 else _duration(written)


# Most checks have the same few durations.
@functools.lru_cache(maxsize=1024)
def _duration(written: str) -> float | None:
    if written in ("0", "+0"):
        return 0.0
    if not DURATION.fullmatch(written):
        return None
    return math.fsum(float(amount) * SECONDS[unit] for amount, unit in DURATION_PART.findall(written))


def _health(resource: Resource, scope: Scope[HealthOptions]) -> Iterator[Finding]:
    container = resource.container
    field = container.field("healthcheck")
    if field.unknown or not runs_on(container):
        return
    allowed = "a command that asks the service, and fails when it does not answer"
    if field.unset:
        yield Finding(field.path or "", field.value, allowed)
        return
    # A block that occurs once may come as a list of one.
    block = field.value[0] if isinstance(field.value, list) and len(field.value) == 1 else field.value
    if block is UNKNOWN:
        return
    block = entries(block)
    tests = block.get("tests")
    if tests is not UNKNOWN:
        words = [item for _, item in items(tests)]
        # An unknown script, or an unknown first word, may be anything.
        open_ended = words[:1] == [UNKNOWN] or (words[:1] == ["CMD-SHELL"] and words[1:2] == [UNKNOWN])
        command = [UNKNOWN_WORD if word is UNKNOWN else text(word) or "" for word in words]
        if not open_ended and proves_nothing(command, _own_names(resource, scope)):
            yield Finding(join(field.path or "", "tests"), tests, allowed)
    yield from _times(field.path or "", block, scope.options)


def _own_names(resource: Resource, scope: Scope[HealthOptions]) -> set[str]:
    """The names and addresses by which a container reaches itself, in lower case."""
    container = resource.container
    found: list[object] = [container.field("hostname").value, resource.get("name"), scope.service(resource)]
    networks = container.field("networksAdvanced").value
    for network in [networks, *(item for _, item in items(networks))]:
        attached = entries(network)
        aliases = attached.get("aliases")
        found += [network, aliases, attached.get("ipv4Address"), attached.get("ipv6Address")]
        found += [alias for _, alias in items(aliases)]
    # A name that isn't known yet may be any.
    if any(each is UNKNOWN for each in found):
        return {ANY_HOST}
    return {each.lower() for each in found if isinstance(each, str) and each}


def _times(path: str, block: dict[str, Any], options: HealthOptions) -> Iterator[Finding]:
    """Findings where a health check takes so long that it is none."""
    shown: dict[str, Any] = {}
    each_try = 0.0
    for key, default in DEFAULT_TIMES.items():
        value = block.get(key)
        # What is unknown takes no time: only what is known can be too long.
        if value is UNKNOWN:
            continue
        shown[key] = value
        seconds = 0.0 if is_unset(value) else _seconds(value)
        if seconds is None:
            yield Finding(join(path, key), value, "a duration such as 30s")
        each_try += seconds or default
    value = shown["retries"] = block.get("retries")
    retries = 0.0 if is_unset(value) else 1.0 if value is UNKNOWN else number(value)
    if retries is None or retries < 0:
        yield Finding(join(path, "retries"), value, "a number")
    elif each_try * (math.trunc(retries) or DEFAULT_RETRIES) > options.max_detection_seconds:
        allowed = f"(interval + timeout) * retries of at most {options.max_detection_seconds} seconds"
        yield Finding(path, shown, allowed)
    start = block.get("startPeriod")
    if start is not UNKNOWN and not is_unset(start):
        seconds = _seconds(start)
        if seconds is None or seconds > options.max_start_seconds:
            yield Finding(join(path, "startPeriod"), start, f"a duration of at most {options.max_start_seconds}s")


RULES = (
    Rule(
        id="DKR-HC",
        title="A health check that can fail",
        level=Level.MANDATORY,
        severity=Severity.MEDIUM,
        sources=("CIS Docker 1.6, 5.27", "CIS Docker 1.6, 4.6"),
        reads={
            CONTAINER: (
                "healthcheck",
                "ports",
                *CARRIER_PROPERTIES,
                "name",
                "hostname",
                "networksAdvanced",
                "labels",
            ),
            SERVICE: (
                "taskSpec.containerSpec.healthcheck",
                "taskSpec.restartPolicy.condition",
                "endpointSpec.ports",
                "name",
                "taskSpec.networksAdvanceds",
                "labels",
            ),
        },
        why="A process that runs is not a service that works. An update that waits for health goes on after a check "
        "that always succeeds, and takes the last version that worked away.",
        fix="Set `healthcheck.tests` to `CMD` and a command that asks the service itself (see Health checks), such as "
        '`["CMD", "curl", "-fsS", "http://127.0.0.1:8080/healthz"]`, with nothing after it that hides its failure.',
        check=_health,
        options=HealthOptions,
    ),
)
