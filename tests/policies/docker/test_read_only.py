"""What a container writes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from policies.values import MB, UNKNOWN
from tests.policies.cases import Case, Kind, of_each_rule, run_all
from tests.policies.compliant import UNSET, carrier, container, service
from tests.policies.docker.running import JOB, SPEC


def _mount(target: object, **more: object) -> dict[str, object]:
    return {"type": "volume", "source": "data", "target": target, **more}


def _scratch(size: object, kind: object = "tmpfs") -> dict[str, object]:
    return {"type": kind, "target": "/tmp", "tmpfsOptions": {"sizeBytes": size}}


def _read_only(kind: Kind, what: str, value: object) -> tuple[Case, ...]:
    path = f"{SPEC}.readOnly"
    passes = kind in ("passing", "unknown")
    return (
        Case("DKR-RO", kind, f"{what} container", (container({"readOnly": value}),), () if passes else ("readOnly",)),
        Case("DKR-RO", kind, f"{what} service", (service({path: value}),), () if passes else (path,)),
    )


def _tmpfs(kind: Kind, what: str, text: object, **more: Any) -> Case:
    found = ("tmpfs./tmp",) if kind in ("failing", "bypass") else ()
    return Case("DKR-RO", kind, f"tmpfs {what}", (container({"tmpfs": {"/tmp": text}}),), found, **more)


def _mounts(kind: Kind, what: str, mounts: object, *found: str) -> tuple[Case, ...]:
    path = f"{SPEC}.mounts"
    return (
        Case(
            "DKR-RO", kind, f"{what} container", (container({"mounts": mounts}),), tuple(f"mounts{at}" for at in found)
        ),
        Case("DKR-RO", kind, f"{what} service", (service({path: mounts}),), tuple(f"{path}{at}" for at in found)),
    )


SIZE = "[0].tmpfsOptions.sizeBytes"

READ_ONLY = (
    Case("DKR-RO", "passing", "compliant", (container(), carrier(), service())),
    *_read_only("passing", "as text", "true"),
    *_read_only("failing", "unset", UNSET),
    *_read_only("failing", "false", False),
    *_read_only("bypass", "false as text", "False"),
    *_read_only("bypass", "zero", 0.0),
    *_read_only("bypass", "no truth value", "yes"),
    *_read_only("bypass", "null", None),
    *_read_only("bypass", "list", [True]),
    *_read_only("unknown", "unknown", UNKNOWN),
    Case("DKR-RO", "failing", "job", (container({**JOB, "readOnly": False}),), ("readOnly",)),
    Case("DKR-RO", "bypass", "a carrier that starts", (carrier({"start": True}),), ("readOnly",)),
    Case("DKR-RO", "bypass", "a carrier that starts by default", (carrier({"start": UNSET}),), ("readOnly",)),
    Case("DKR-RO", "bypass", "a carrier with a network", (carrier({"networkMode": "bridge"}),), ("readOnly",)),
    Case("DKR-RO", "bypass", "a carrier that restarts", (carrier({"restart": "always"}),), ("readOnly",)),
    Case("DKR-RO", "passing", "no tmpfs", (container({"tmpfs": UNSET}),)),
    _tmpfs("passing", "size alone, for Docker adds the rest", "size=64m"),
    _tmpfs("passing", "bytes", "size=67108864,mode=1777,uid=1000,gid=1000"),
    _tmpfs("passing", "capital unit", "rw,noexec,size=1G"),
    _tmpfs("passing", "more by option", "size=2g", options={"maxTmpfsMb": 2048}),
    _tmpfs("failing", "no options", ""),
    _tmpfs("failing", "no size", "rw,noexec,nosuid,nodev"),
    _tmpfs("failing", "executable", "exec,size=64m"),
    _tmpfs("failing", "too large", "size=2g"),
    _tmpfs("bypass", "null", None),
    _tmpfs("bypass", "setuid programs", "size=64m,suid"),
    _tmpfs("bypass", "devices", "dev,size=64m"),
    _tmpfs("bypass", "taken back", "noexec,size=64m,exec"),
    _tmpfs("bypass", "size of zero", "size=0"),
    _tmpfs("bypass", "size of zeros with unit", "size=00k"),
    _tmpfs("bypass", "share of the host's memory", "size=90%"),
    _tmpfs("bypass", "second size", "size=64m,size=0"),
    _tmpfs("bypass", "blocks in the place of the size", "size=64m,nr_blocks=0"),
    _tmpfs("bypass", "inodes without end", "size=64m,nr_inodes=0"),
    _tmpfs("bypass", "size in another unit", "size=1t"),
    _tmpfs("bypass", "hexadecimal size", "size=0x4000000000"),
    _tmpfs("bypass", "negative size", "size=-1"),
    _tmpfs("bypass", "no number", "size="),
    _tmpfs("bypass", "shared propagation", "size=64m,rshared"),
    _tmpfs("bypass", "space before", "size=64m, exec"),
    _tmpfs("bypass", "unheard of", "size=64m,huge=always"),
    _tmpfs("bypass", "a list", ["size=64m"]),
    _tmpfs("unknown", "options", UNKNOWN),
    Case("DKR-RO", "unknown", "tmpfs", (container({"tmpfs": UNKNOWN}),)),
    *_mounts("passing", "scratch space", [_scratch(64 * MB)]),
    *_mounts("passing", "scratch space of a gigabyte", [_scratch(float(1024 * MB))]),
    *_mounts("failing", "scratch space without a size", [{"type": "tmpfs", "target": "/tmp"}], SIZE),
    *_mounts("failing", "large scratch space", [_scratch(1024 * MB + 1)], SIZE),
    *_mounts("bypass", "scratch space of zero", [_scratch(0)], SIZE),
    *_mounts("bypass", "scratch space cut off to zero", [_scratch(0.5)], SIZE),
    *_mounts("bypass", "negative scratch space", [_scratch(-1)], SIZE),
    *_mounts("bypass", "scratch space with unit", [_scratch("64m")], SIZE),
    *_mounts("bypass", "capital letters", [_scratch(0, "TMPFS")], SIZE),
    *_mounts("unknown", "size", [UNKNOWN, _scratch(UNKNOWN)]),
    *_mounts("unknown", "type", [_scratch(0, UNKNOWN)]),
    *_mounts("passing", "data", [_mount("/var/lib/postgresql"), _mount("/data"), _mount("/etc/tasktracker")]),
    *_mounts("passing", "read-only programs", [_mount("/usr/bin", readOnly=True)]),
    *_mounts("failing", "writable programs", [_mount("/usr/bin")], "[0].target"),
    *_mounts("bypass", "writable settings", [_mount("/etc")], "[0].target"),
    *_mounts("bypass", "all of usr", [_mount("/usr/")], "[0].target"),
    *_mounts("bypass", "two slashes", [_mount("//usr//local/bin")], "[0].target"),
    *_mounts("bypass", "up and down", [_mount("/var/../lib/x86_64-linux-gnu")], "[0].target"),
    *_mounts("bypass", "backslashes", [_mount("\\usr\\lib64")], "[0].target"),
    *_mounts("bypass", "read-only as text", [_mount("/sbin", readOnly="false")], "[0].target"),
    Case(
        "DKR-RO",
        "bypass",
        "in volumes",
        (container({"volumes": [{"volumeName": "programs", "containerPath": "/bin"}]}),),
        ("volumes[0].containerPath",),
    ),
    *_mounts("unknown", "read-only", [_mount("/usr/bin", readOnly=UNKNOWN), _mount(UNKNOWN)]),
)


CASES = READ_ONLY


@of_each_rule(CASES)
def test_cases(cases: Sequence[Case]) -> None:
    run_all(cases)
