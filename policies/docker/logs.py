"""How much a container logs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Final

from pydantic import Field as Constraint

from policies.containers import CONTAINER, SERVICE
from policies.resource import Resource
from policies.rule import Finding, Level, Options, Rule, Scope, Severity
from policies.values import MB, UNKNOWN, entries, join, text

#: A size of a log as the daemon reads it (`FromHumanSize` of go-units): the units are decimal.
LOG_SIZE: Final = re.compile(r"([0-9]{1,18}(?:\.[0-9]{0,18})?|\.[0-9]{1,18}) ?(?:([kmgtp])(?:i?b)?|b)?", re.IGNORECASE)
DECIMAL_UNITS: Final = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "p": 10**15}
LOG_FILES: Final = re.compile(r"\+?[0-9]{1,9}")

#: What the `local` driver does with no options: 5 files of 20 MB. `json-file` keeps one file without an end.
LOG_DEFAULTS: Final[dict[str, tuple[int | None, int]]] = {"local": (20 * MB, 5), "json-file": (None, 1)}


class LogOptions(Options):
    """`max_total_mb`: the most that a container's logs may take, in MB.

    `other_drivers`: drivers beside `json-file` and `local`, such as `journald`; what bounds their
    logs is not in a container's settings, and is not looked at.
    """

    max_total_mb: Annotated[int, Constraint(ge=1)] = 100
    other_drivers: tuple[str, ...] = ()


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


RULES = (
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
)
