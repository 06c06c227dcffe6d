"""The limits that a value shares with the policy pack, read from the pack's own data.

`policies/limits.json` has the defaults and `policies/config.json` what was changed, for both: a setting is refused
here, with its key, where the pack would refuse what is made of it.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from ipaddress import AddressValueError, IPv4Address
from pathlib import Path
from typing import Any, Final

PACK: Final = Path(__file__).resolve().parents[1] / "policies"

#: Names of the two files, as messages have them.
DEFAULTS: Final = "limits.json"
CONFIG: Final = "config.json"

_NUMBER_AT_END: Final = re.compile(r"[0-9]+$")


class LimitsError(Exception):
    """The pack's config can't be read; the message names the file and what is wrong."""


@dataclass(frozen=True)
class Limits:
    """What values may be, by the policy that says so.

    `max_memory` is in MB (DKR-MEM), `max_cpus` in CPUs (DKR-CPU). `addresses` are those that stand for every interface
    and are allowed to (DKR-PORT). `monitoring_ports` are never published (DKR-MON), by number, with what is there.
    `admin_hosts` make a host name one for administrators (CF-ACCESS). Days are the least (S3-LIFE, S3-LOCK).
    """

    max_memory: int
    max_cpus: float
    addresses: frozenset[IPv4Address]
    first_port: int
    web_ports: tuple[int, ...]
    monitoring_ports: Mapping[int, str]
    loopback_in_development: bool
    moving_tag: re.Pattern[str]
    noncurrent_days: int
    object_lock_days: int
    admin_hosts: tuple[str, ...]

    @classmethod
    def read(cls, folder: Path = PACK) -> "Limits":
        """The limits of the pack in `folder`.

        Raises:
            LimitsError: its config is not what the pack would take.
        """
        try:
            config: dict[str, Any] = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
            options = {rule: {**values, **_options(config.get(rule))} for rule, values in _defaults(folder).items()}
            return cls._of(options)
        except FileNotFoundError:
            return cls.default(folder)
        except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
            raise LimitsError(f"policies/{CONFIG}: {error}") from None

    @classmethod
    def default(cls, folder: Path = PACK) -> "Limits":
        """The limits of the pack in `folder` without its config."""
        return cls._of(_defaults(folder))

    @classmethod
    def _of(cls, options: Mapping[str, Mapping[str, Any]]) -> "Limits":
        ports, monitoring = options["DKR-PORT"], options["DKR-MON"]
        return cls(
            max_memory=_whole(options["DKR-MEM"]["maxMb"], "DKR-MEM.maxMb"),
            max_cpus=_number(options["DKR-CPU"]["maxCpus"], "DKR-CPU.maxCpus"),
            addresses=frozenset(filter(None, map(_address, ports["addresses"]))),
            first_port=ports["firstPort"],
            web_ports=tuple(ports["webPorts"]),
            monitoring_ports={
                **{int(port): what for port, what in monitoring["monitoringPorts"].items()},
                **{_whole(port, "DKR-MON.ports"): "an option of the policy" for port in monitoring.get("ports", ())},
            },
            loopback_in_development=monitoring.get("loopbackInDevelopment", True),
            moving_tag=re.compile(options["DKR-IMG"]["movingTag"], re.IGNORECASE),
            noncurrent_days=_whole(options["S3-LIFE"]["minRetentionDays"], "S3-LIFE.minRetentionDays"),
            object_lock_days=_whole(options["S3-LOCK"]["minRetentionDays"], "S3-LOCK.minRetentionDays"),
            admin_hosts=tuple(options["CF-ACCESS"]["adminHosts"]),
        )

    def suits(self, port: int) -> bool:
        """Whether a port is one to propose: any service may publish it, whatever the address."""
        return port >= self.first_port and port not in self.monitoring_ports

    def is_for_administrators(self, host: str) -> bool:
        """Whether a host name says that it is for administrators, as CF-ACCESS reads it.

        A plain word is looked for in the labels before the domain and their parts between hyphens, with any number
        after it; one with a dot or a `*` is a pattern for the whole name.
        """
        names = [name.lower() for name in self.admin_hosts]
        if any(fnmatchcase(host, name) for name in names if "." in name or "*" in name):
            return True
        labels = host.split(".")
        labels = labels[:-2] if len(labels) > 2 else labels[:1]
        parts = {part for label in labels for part in re.split("[-_]", label)}
        return any(part in names or _NUMBER_AT_END.sub("", part) in names for part in parts)


@dataclass(frozen=True)
class PolicyLimit:
    """Says in a field's type that its greatest value is the option of a policy."""

    rule: str
    option: str


def raising(rule: str, option: str, value: object) -> str:
    """How to raise a limit, as the end of a message."""
    entry = f'"{rule}": {{"{option}": {json.dumps(value)}}}'
    return f"to raise the limit, write {entry} into policies/{CONFIG}, which the policy reads too"


def _defaults(folder: Path) -> dict[str, dict[str, Any]]:
    defaults: dict[str, dict[str, Any]] = json.loads((folder / DEFAULTS).read_text(encoding="utf-8"))
    return defaults


def _options(entry: object) -> Mapping[str, Any]:
    """The options in an entry of the config, which may be a level alone."""
    return entry if isinstance(entry, dict) else {}


def _whole(value: object, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
        raise ValueError(f"{name} is {value!r}: must be a whole number")
    return int(value)


def _number(value: object, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{name} is {value!r}: must be a number")
    return float(value)


def _address(value: object) -> IPv4Address | None:
    try:
        return IPv4Address(str(value))
    except AddressValueError:
        # One of IPv6, which no setting has.
        return None


def _read() -> tuple[Limits, str | None]:
    try:
        return Limits.read(), None
    except LimitsError as error:
        return Limits.default(), str(error)


LIMITS, PROBLEM = _read()
"""The limits of the pack in this repository, and why its config can't be read, where it can't."""
