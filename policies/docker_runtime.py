"""How a container behaves while it runs: what it writes, how its health shows, what it leaves behind."""

from __future__ import annotations

import functools
import math
import posixpath
import re
from collections.abc import Iterator
from typing import Annotated, Any, Final

from pydantic import Field as Constraint

from policies.containers import CONTAINER, SERVICE, Container
from policies.health.command import ANY_HOST, UNKNOWN_WORD, proves_nothing
from policies.resource import Resource
from policies.rule import Finding, Level, Options, Rule, Scope, Severity
from policies.values import UNKNOWN, entries, flag, is_unset, items, join, lookup, number, text

MB: Final = 2**20

#: What tells carriers of files and jobs from services.
CARRIER_PROPERTIES: Final = ("start", "mustRun", "networkMode", "restart")

#: Options of a tmpfs that take nothing of its safety away; Docker adds noexec, nosuid and nodev by itself.
TMPFS_FLAGS: Final = frozenset({
    "", "defaults", "rw", "ro", "noexec", "nosuid", "nodev", "noatime", "nodiratime", "relatime", "strictatime",
    "async", "sync", "dirsync", "private", "rprivate",
})  # fmt: skip
TMPFS_VALUES: Final = frozenset({"mode", "uid", "gid", "mpol"})

#: A size as the kernel reads it. A percentage is one of the host's memory.
TMPFS_SIZE: Final = re.compile(r"([0-9]{1,18})([kmg]?)", re.IGNORECASE)
BINARY_UNITS: Final = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30}

#: A size of a log as the daemon reads it (`FromHumanSize` of go-units): the units are decimal.
LOG_SIZE: Final = re.compile(r"([0-9]{1,18}(?:\.[0-9]{0,18})?|\.[0-9]{1,18}) ?(?:([kmgtp])(?:i?b)?|b)?", re.IGNORECASE)
DECIMAL_UNITS: Final = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "p": 10**15}
LOG_FILES: Final = re.compile(r"\+?[0-9]{1,9}")

#: What the `local` driver does with no options: 5 files of 20 MB. `json-file` keeps one file without an end.
LOG_DEFAULTS: Final[dict[str, tuple[int | None, int]]] = {"local": (20 * MB, 5), "json-file": (None, 1)}

#: A duration as Go reads it; below a millisecond the daemon takes none.
DURATION: Final = re.compile(r"\+?(?:(?:[0-9]{1,18}(?:\.[0-9]{0,18})?|\.[0-9]{1,18})(?:ns|us|ms|s|m|h))+")
DURATION_PART: Final = re.compile(r"([0-9.]+)([a-z]+)")
SECONDS: Final = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600}

#: What the daemon takes where a health check says 0 (`daemon/health.go` of moby), in seconds; three failures count.
DEFAULT_TIMES: Final = {"interval": 30.0, "timeout": 30.0}
DEFAULT_RETRIES: Final = 3

#: Where programs and their settings are: with a writable mount there, a read-only root says nothing.
SYSTEM_FOLDER: Final = re.compile(
    r"/(?:etc|usr|usr/local)?|/(?:usr/(?:local/)?)?(?:s?bin|lib(?:32|64|x32|exec)?)(?:/.*)?", re.DOTALL
)


class ReadOnlyOptions(Options):
    """`max_tmpfs_mb`: the largest file system in memory, in MB. It counts towards the container's memory."""

    max_tmpfs_mb: Annotated[int, Constraint(ge=1)] = 1024


class HealthOptions(Options):
    """Seconds: the longest time until a failure shows, and the longest start in which none counts."""

    max_detection_seconds: Annotated[int, Constraint(ge=1)] = 600
    max_start_seconds: Annotated[int, Constraint(ge=1)] = 3600


class LogOptions(Options):
    """`max_total_mb`: the most that a container's logs may take, in MB.

    `other_drivers`: drivers beside `json-file` and `local`, such as `journald`; what bounds their
    logs is not in a container's settings, and is not looked at.
    """

    max_total_mb: Annotated[int, Constraint(ge=1)] = 100
    other_drivers: tuple[str, ...] = ()


def _runs_on(container: Container) -> bool:
    """Whether it surely is a service that is to run for ever: no job, and no carrier of files.

    A job publishes no port: what listens for others is no job, whatever its restart policy says.
    """
    if container.never_runs:
        return False
    restart = container.field("restart")
    if container.is_service:
        ends = restart.unknown or container.is_job
    else:
        must_run = container.field("mustRun")
        ends = (restart.unknown or restart.value in (None, "", "no")) and (
            must_run.unknown or flag(must_run.value) is False
        )
    return not ends or bool(container.ports)


def _read_only(resource: Resource, scope: Scope[ReadOnlyOptions]) -> Iterator[Finding]:
    container = resource.container
    field = container.field("readOnly")
    if not container.never_runs:
        if not field.unknown and not flag(field.value):
            yield Finding(field.path or "", field.value, "true")
        for mount in container.mounts:
            # What a tmpfs holds neither runs nor stays.
            writable = mount.read_only is not UNKNOWN and not mount.read_only and mount.type != "tmpfs"
            if writable and isinstance(mount.target, str) and _is_system_folder(mount.target):
                key = "containerPath" if mount.path.startswith("volumes") else "target"
                yield Finding(f"{mount.path}.{key}", mount.target, "a folder for data, or a read-only mount")
    tmpfs = container.field("tmpfs")
    most = scope.options.max_tmpfs_mb
    for target, options in entries(tmpfs.value).items():
        if options is not UNKNOWN and not _is_safe_tmpfs(text(options) or "", most * MB):
            allowed = f"noexec, nosuid and nodev, with `size` from 1 byte to {most}m"
            yield Finding(join(tmpfs.path or "", target), options, allowed)
    mounts = container.field("mounts")
    for index, item in items(mounts.value):
        kind, size = lookup(item, "type"), lookup(item, "tmpfsOptions.sizeBytes")
        if size is not UNKNOWN and isinstance(kind, str) and kind.lower() == "tmpfs":
            amount = number(size)
            # 0 is no limit, and so is what the provider cuts off to it.
            if amount is None or not 1 <= amount <= most * MB:
                yield Finding(f"{mounts.path}[{index}].tmpfsOptions.sizeBytes", size, f"1 to {most * MB} bytes")


def _is_system_folder(target: str) -> bool:
    # Docker takes a backslash for a slash, and cleans the path.
    cleaned = posixpath.normpath("/" + target.replace("\\", "/").lstrip("/"))
    return bool(SYSTEM_FOLDER.fullmatch(cleaned))


def _is_safe_tmpfs(options: str, most: int) -> bool:
    """Whether every option of a tmpfs is a known one, and its size is bounded by `most` bytes."""
    sized = False
    for option in options.split(","):
        name, separator, value = option.partition("=")
        if separator and name == "size":
            match = TMPFS_SIZE.fullmatch(value)
            # Of several the last one would win; each has to be good.
            if not match or not 0 < int(match[1]) * BINARY_UNITS[match[2].lower()] <= most:
                return False
            sized = True
        elif separator and name == "nr_inodes":
            if not TMPFS_SIZE.fullmatch(value) or not value.strip("0kKmMgG"):
                return False
        elif (name not in TMPFS_VALUES) if separator else (name not in TMPFS_FLAGS):
            # Among them is nr_blocks, which takes the place of the size.
            return False
    return sized


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
    if field.unknown or not _runs_on(container):
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


def _logs(resource: Resource, scope: Scope[LogOptions]) -> Iterator[Finding]:
    container = resource.container
    driver, options = container.field("logDriver"), container.field("logOpts")
    if driver.unknown or (isinstance(driver.value, str) and driver.value in scope.options.other_drivers):
        return
    if not isinstance(driver.value, str) or driver.value not in LOG_DEFAULTS:
        yield Finding(driver.path or "", driver.value, "json-file or local")
        return
    if options.unknown:
        return
    size, files = LOG_DEFAULTS[driver.value]
    size_path, files_path = join(options.path or "", "max-size"), join(options.path or "", "max-file")
    given_size, given_files = entries(options.value).get("max-size"), entries(options.value).get("max-file")
    most = scope.options.max_total_mb
    if given_files is not None and given_files is not UNKNOWN:
        written = text(given_files) or ""
        files = int(written) if LOG_FILES.fullmatch(written) else 0
        if files < 1:
            yield Finding(files_path, given_files, "a number from 1")
            return
    if given_size is UNKNOWN:
        return
    if given_size is not None:
        match = LOG_SIZE.fullmatch(text(given_size) or "")
        size = int(float(match[1]) * DECIMAL_UNITS[(match[2] or "").lower()]) if match else 0
    if not size:
        yield Finding(size_path, given_size, "a size such as 10m")
    elif size * (1 if given_files is UNKNOWN else files) > most * MB:
        shown = {"max-file": given_files, "max-size": given_size}
        yield Finding(options.path or "", shown, f"max-size * max-file of at most {most}m")


def _restart(resource: Resource, scope: Scope[Options]) -> Iterator[Finding]:
    container = resource.container
    field = container.field("restart")
    # Swarm restarts what says nothing.
    known = ("any", "on-failure", None, "") if container.is_service else ("always", "on-failure")
    if not field.unknown and field.value not in known and _runs_on(container):
        yield Finding(field.path or "", field.value, " or ".join(word for word in known if word))


RULES = (
    Rule(
        id="DKR-RO",
        title="A read-only root file system",
        level=Level.MANDATORY,
        severity=Severity.HIGH,
        sources=("CIS Docker 1.6, 5.13", "OWASP Docker #8", "NIST SP 800-190, 4.4.3"),
        reads={
            CONTAINER: ("readOnly", "tmpfs", "mounts", "volumes", *CARRIER_PROPERTIES),
            SERVICE: ("taskSpec.containerSpec.readOnly", "taskSpec.containerSpec.mounts"),
        },
        why="Who breaks into a container writes a program, makes it executable and comes back with it after a "
        "restart. A read-only root, and scratch space that is bounded and runs nothing, leave no place for it.",
        fix="Set `readOnly` and give scratch space as `tmpfs`, such as "
        '`{"/tmp": "rw,noexec,nosuid,nodev,size=64m"}`, or as a mount of type tmpfs with `sizeBytes`. Data belongs '
        "in a volume, outside the folders of programs and settings.",
        check=_read_only,
        options=ReadOnlyOptions,
    ),
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
    Rule(
        id="DKR-LOG",
        title="Logs are bounded",
        level=Level.MANDATORY,
        severity=Severity.MEDIUM,
        sources=("CIS Docker 1.6, 2.13", "NIST SP 800-190, 4.4.3"),
        reads={
            CONTAINER: ("logDriver", "logOpts"),
            SERVICE: ("taskSpec.logDriver",),
        },
        why="Docker's default log has no end: one chatty container fills the disk, and the database on it stops.",
        fix='Set `logDriver` to `json-file` and `logOpts` to `{"max-size": "10m", "max-file": "3"}` '
        "(`taskSpec.logDriver` of a service), or use `local`. The cap is `maxTotalMb` in the pack's config.",
        check=_logs,
        options=LogOptions,
    ),
    Rule(
        id="DKR-RESTART",
        title="Services restart",
        level=Level.ADVISORY,
        severity=Severity.LOW,
        sources=("CIS Docker 1.6, 5.15",),
        reads={
            CONTAINER: ("ports", *CARRIER_PROPERTIES),
            SERVICE: ("taskSpec.restartPolicy.condition", "endpointSpec.ports"),
        },
        why="A service that crashed, or whose host was restarted, stays down until a person comes.",
        fix="Set `restart` to `always`: with `unless-stopped` a container stays down that ran as the Docker daemon was "
        "killed, such as for lack of memory. A job that ends says so with `restart: no` and `mustRun: false`.",
        check=_restart,
    ),
)
