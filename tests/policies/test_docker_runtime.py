"""How a container behaves while it runs: what it writes, how its health shows, what it leaves behind."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from typing import Any

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.docker.health import HealthOptions
from policies.docker.logs import LogOptions
from policies.docker.read_only import ReadOnlyOptions
from policies.health.command import proves_nothing
from policies.values import MB, UNKNOWN
from tests.policies.cases import Case, Kind, of_each_rule, run, run_all
from tests.policies.compliant import UNSET, carrier, container, service

SPEC = "taskSpec.containerSpec"
HEALTHCHECK = f"{SPEC}.healthcheck"
CONDITION = "taskSpec.restartPolicy.condition"

JOB = {"start": False, "mustRun": False, "restart": "no", "healthcheck": UNSET, "ports": UNSET}


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


def _health(kind: Kind, what: str, *tests: object) -> tuple[Case, ...]:
    """The same health check in a container and in a service."""
    found = kind in ("failing", "bypass")
    path = f"{HEALTHCHECK}.tests"
    return (
        Case("DKR-HC", kind, f"{what} container", (container({"healthcheck.tests": list(tests)}),),
             ("healthcheck.tests",) if found else ()),
        Case("DKR-HC", kind, f"{what} service", (service({path: list(tests)}),), (path,) if found else ()),
    )  # fmt: skip


def _times(kind: Kind, what: str, changes: dict[str, object], *keys: str, **more: Any) -> tuple[Case, ...]:
    inside = container({f"healthcheck.{key}": value for key, value in changes.items()})
    of_service = service({f"{HEALTHCHECK}.{key}": value for key, value in changes.items()})
    return (
        Case("DKR-HC", kind, f"{what} container", (inside,), tuple(f"healthcheck{key}" for key in keys), **more),
        Case("DKR-HC", kind, f"{what} service", (of_service,), tuple(f"{HEALTHCHECK}{key}" for key in keys), **more),
    )


HEALTH = (
    Case("DKR-HC", "passing", "compliant", (container(), service())),
    Case("DKR-HC", "passing", "carrier", (carrier(),)),
    Case("DKR-HC", "passing", "job", (container(JOB),)),
    Case("DKR-HC", "passing", "job of a swarm", (service({CONDITION: "none", HEALTHCHECK: UNSET}),)),
    Case("DKR-HC", "passing", "a list of one block", (container({"healthcheck": [{"tests": ["CMD", "pg_isready"]}]}),)),
    *_health("passing", "in a shell", "CMD-SHELL", "curl -fsS http://127.0.0.1/healthz || exit 1"),
    *_health("passing", "in its own shell", "CMD", "sh", "-c", "curl -fsS http://127.0.0.1/healthz"),
    Case("DKR-HC", "failing", "unset", (container({"healthcheck": UNSET}),), ("healthcheck",)),
    Case("DKR-HC", "failing", "service without", (service({HEALTHCHECK: UNSET}),), (HEALTHCHECK,)),
    *_health("failing", "none", "NONE"),
    *_health("failing", "no words"),
    *_health("failing", "true", "CMD", "true"),
    Case("DKR-HC", "bypass", "empty", (container({"healthcheck": {}}),), ("healthcheck",)),
    Case("DKR-HC", "bypass", "null", (container({"healthcheck": None}),), ("healthcheck",)),
    Case("DKR-HC", "bypass", "no test", (container({"healthcheck": {"interval": "5s"}}),), ("healthcheck.tests",)),
    Case("DKR-HC", "bypass", "one text", (container({"healthcheck.tests": "curl -f x"}),), ("healthcheck.tests",)),
    Case("DKR-HC", "bypass", "restarts, so no job", (container({**JOB, "restart": "always"}),), ("healthcheck",)),
    Case("DKR-HC", "bypass", "must run, so no job", (container({**JOB, "mustRun": True}),), ("healthcheck",)),
    Case("DKR-HC", "bypass", "runs by default", (container({**JOB, "mustRun": UNSET}),), ("healthcheck",)),
    Case(
        "DKR-HC",
        "bypass",
        "a job that listens",
        (container({**JOB, "ports": [{"internal": 80, "external": 80, "ip": "127.0.0.1"}]}),),
        ("healthcheck",),
    ),
    Case(
        "DKR-HC",
        "bypass",
        "a swarm job that listens",
        (service({CONDITION: "none", HEALTHCHECK: UNSET, "endpointSpec": {"ports": [{"targetPort": 80}]}}),),
        (HEALTHCHECK,),
    ),
    *_health("bypass", "no kind", "curl", "-f", "http://127.0.0.1/"),
    *_health("bypass", "kind in lower case", "cmd", "curl"),
    *_health("bypass", "kind alone", "CMD"),
    *_health("bypass", "shell alone", "CMD-SHELL"),
    *_health("bypass", "none with a command", "NONE", "curl"),
    *_health("bypass", "words that are none", "CMD", None),
    *_health("bypass", "hidden failure", "CMD-SHELL", "curl -f http://127.0.0.1/ || true"),
    *_health("bypass", "a list of processes", "CMD-SHELL", "ps aux | grep nginx"),
    *_health("bypass", "a check of its own config", "CMD", "nginx", "-t"),
    *_health("bypass", "a file in the place of a page", "CMD", "curl", "-f", "file:///etc/hostname"),
    *_health("bypass", "a file that it makes", "CMD", "touch", "/tmp/x"),
    *_health("bypass", "code that asks nothing", "CMD", "python3", "-c", "pass"),
    *_health("bypass", "another host", "CMD", "wget", "-q", "--spider", "http://example.com"),
    *_health("bypass", "a process by its name", "CMD", "pgrep", "nginx"),
    *_health("bypass", "an error page for an answer", "CMD", "curl", "-s", "http://127.0.0.1:8080/"),
    *_health("bypass", "the container's first process", "CMD", "kill", "-0", "1"),
    *_health("passing", "a heartbeat", "CMD-SHELL", "[ $(($(date +%s) - $(stat -c %Y /tmp/beat))) -lt 60 ]"),
    *_health("passing", "a program of the image", "CMD", "/app", "healthcheck"),
    *_health("passing", "its own name", "CMD", "curl", "-f", "http://tasktracker-prod-nginx:8080/healthz"),
    *_health("passing", "its service's name", "CMD", "curl", "-f", "http://nginx:8080/healthz"),
    *_health("failing", "another service", "CMD", "nc", "-z", "postgres", "5432"),
    Case(
        "DKR-HC",
        "passing",
        "its own address and alias",
        (
            container({"healthcheck.tests": ["CMD", "curl", "-f", "http://172.20.0.2:8080/"]}),
            container(
                {
                    "networksAdvanced": [{"name": "edge", "aliases": ["front"]}],
                    "healthcheck.tests": ["CMD", "curl", "-f", "http://front:8080/"],
                }
            ),
            container({"hostname": "web", "healthcheck.tests": ["CMD", "curl", "-f", "http://web:8080/"]}),
        ),
    ),
    Case(
        "DKR-HC",
        "unknown",
        "its names",
        (container({"networksAdvanced": UNKNOWN, "healthcheck.tests": ["CMD", "curl", "-f", "http://x:8080/"]}),),
    ),
    *_health("bypass", "positional words of a script", "CMD-SHELL", "true", "curl -f http://127.0.0.1/"),
    *_times("passing", "defaults", {"interval": "0s", "timeout": "0s", "retries": 0}),
    *_times("passing", "unset", {"interval": UNSET, "timeout": UNSET, "retries": UNSET, "startPeriod": UNSET}),
    *_times("passing", "as Go writes them", {"interval": "1m0s", "timeout": "1.5s", "startPeriod": "1h0m0s"}),
    *_times("passing", "longest", {"interval": "190s", "timeout": "10s", "retries": 3}),
    *_times("passing", "longer by option", {"interval": "1h"}, options={"maxDetectionSeconds": 20_000}),
    *_times("failing", "a long interval", {"interval": "1h"}, ""),
    *_times("failing", "a long start", {"startPeriod": "1h0m1s"}, ".startPeriod"),
    *_times("bypass", "just above", {"interval": "196s", "timeout": "5s", "retries": 3}, ""),
    *_times("bypass", "many retries", {"retries": 1_000_000}, ""),
    *_times("bypass", "many retries as text", {"retries": "1000"}, ""),
    *_times("bypass", "a long timeout", {"timeout": "24h"}, ""),
    *_times("bypass", "default interval, many retries", {"interval": "0s", "retries": 50}, ""),
    *_times("bypass", "many units", {"interval": "0h0m0s999999999ms"}, ""),
    *_times("bypass", "a never-ending start", {"startPeriod": "2540400h"}, ".startPeriod"),
    *_times("bypass", "no durations", {"interval": "30", "startPeriod": "soon"}, ".interval", ".startPeriod"),
    *_times("bypass", "negative", {"timeout": "-5s", "retries": -1}, ".timeout", ".retries"),
    *_times("bypass", "infinite", {"retries": float("inf")}, ".retries"),
    *_times("unknown", "times", {"interval": UNKNOWN, "timeout": UNKNOWN, "retries": UNKNOWN, "startPeriod": UNKNOWN}),
    *_times("unknown", "interval, with a long timeout", {"interval": UNKNOWN, "timeout": "1h"}, ""),
    *_health("unknown", "kind", UNKNOWN, "true"),
    *_health("unknown", "program", "CMD", UNKNOWN),
    *_health("unknown", "script", "CMD-SHELL", UNKNOWN),
    *_health("unknown", "inner script", "CMD", "sh", "-c", UNKNOWN),
    *_health("unknown", "address", "CMD", "curl", "-f", UNKNOWN),
    *_health("bypass", "true with what is unknown", "CMD", "true", UNKNOWN),
    Case("DKR-HC", "unknown", "all", (container({"healthcheck": UNKNOWN}), service({HEALTHCHECK: UNKNOWN}))),
    Case("DKR-HC", "unknown", "a list of one block", (container({"healthcheck": [UNKNOWN]}),)),
    Case("DKR-HC", "unknown", "tests", (container({"healthcheck.tests": UNKNOWN}),)),
    Case("DKR-HC", "unknown", "perhaps a job", (container({**JOB, "restart": UNKNOWN, "mustRun": UNKNOWN}),)),
)


def _logs(kind: Kind, what: str, driver: object, opts: object, *keys: str, **more: Any) -> tuple[Case, ...]:
    inside = container({"logDriver": driver, "logOpts": opts})
    of_service = service({"taskSpec.logDriver": {"name": driver, "options": opts}})
    paths = {"": "taskSpec.logDriver.name", "=": "taskSpec.logDriver.options"}
    in_container = {"": "logDriver", "=": "logOpts"}
    return (
        Case("DKR-LOG", kind, f"{what} container", (inside,),
             tuple(in_container.get(key, f"logOpts{key}") for key in keys), **more),
        Case("DKR-LOG", kind, f"{what} service", (of_service,),
             tuple(paths.get(key, f"taskSpec.logDriver.options{key}") for key in keys), **more),
    )  # fmt: skip


def _rotation(size: object, files: object) -> dict[str, object]:
    return {"max-size": size, "max-file": files}


LOGS = (
    Case("DKR-LOG", "passing", "compliant", (container(), carrier(), service())),
    *_logs("passing", "local", "local", None),
    *_logs("passing", "local with options", "local", {"max-size": "10m", "max-file": "5", "compress": "true"}),
    *_logs("passing", "one file", "json-file", {"max-size": "100m"}),
    *_logs("passing", "numbers", "json-file", _rotation(10_000_000.0, 3.0)),
    *_logs("passing", "every way of a unit", "json-file", _rotation("10 MiB", "3")),
    *_logs("passing", "part of a unit", "json-file", _rotation(".05g", "2")),
    *_logs("passing", "more by option", "json-file", _rotation("1g", "3"), options={"maxTotalMb": 4096}),
    *_logs("passing", "another driver by option", "journald", None, options={"otherDrivers": ["journald"]}),
    *_logs("failing", "unbounded", "json-file", None, ".max-size"),
    *_logs("failing", "none", "none", None, ""),
    *_logs("failing", "another driver", "syslog", {"syslog-address": "udp://192.0.2.1:514"}, ""),
    *_logs("failing", "the daemon's default", None, _rotation("10m", "3"), ""),
    *_logs("failing", "too much", "json-file", _rotation("50m", "3"), "="),
    *_logs("bypass", "empty driver", "", _rotation("10m", "3"), ""),
    *_logs("bypass", "capital letters", "JSON-FILE", _rotation("10m", "3"), ""),
    *_logs("bypass", "driver with space", "json-file ", _rotation("10m", "3"), ""),
    *_logs("bypass", "a plugin", "local/evil:latest", None, ""),
    *_logs("bypass", "no driver's name", ["json-file"], None, ""),
    *_logs("bypass", "files without a size", "json-file", {"max-file": "3"}, ".max-size"),
    *_logs("bypass", "no limit", "json-file", _rotation("-1", "3"), ".max-size"),
    *_logs("bypass", "zero", "json-file", _rotation("0", "3"), ".max-size"),
    *_logs("bypass", "zero with unit", "json-file", _rotation("0.0m", "3"), ".max-size"),
    *_logs("bypass", "cut off to zero", "json-file", _rotation("0.9", "3"), ".max-size"),
    *_logs("bypass", "empty", "json-file", _rotation("", "3"), ".max-size"),
    *_logs("bypass", "infinity", "json-file", _rotation("inf", "3"), ".max-size"),
    *_logs("bypass", "exponent", "json-file", _rotation("1e30m", "3"), ".max-size"),
    *_logs("bypass", "no number", "json-file", _rotation("m", "3"), ".max-size"),
    *_logs("bypass", "huge unit", "json-file", _rotation("1p", "1"), "="),
    *_logs("bypass", "many files", "json-file", _rotation("10m", "1000000"), "="),
    *_logs("bypass", "no files", "json-file", _rotation("10m", "0"), ".max-file"),
    *_logs("bypass", "negative files", "json-file", _rotation("10m", "-1"), ".max-file"),
    *_logs("bypass", "files are no number", "json-file", _rotation("10m", "many"), ".max-file"),
    *_logs("bypass", "capital keys", "json-file", {"Max-Size": "10m", "Max-File": "3"}, ".max-size"),
    *_logs("bypass", "underscores", "json-file", {"max_size": "10m", "max_file": "3"}, ".max-size"),
    *_logs("bypass", "many files of local's size", "local", {"max-file": "100"}, "="),
    *_logs("bypass", "local without a limit", "local", {"max-size": "-1"}, ".max-size"),
    *_logs("bypass", "local with zero", "local", {"max-size": "0"}, ".max-size"),
    *_logs("bypass", "options are no object", "json-file", ["max-size=10m"], ".max-size"),
    *_logs("bypass", "another driver than allowed", "gelf", None, "", options={"otherDrivers": ["journald"]}),
    Case("DKR-LOG", "bypass", "carrier", (carrier({"logDriver": UNSET}),), ("logDriver",)),
    Case(
        "DKR-LOG", "failing", "service without", (service({"taskSpec.logDriver": UNSET}),), ("taskSpec.logDriver.name",)
    ),
    *_logs("unknown", "driver", UNKNOWN, None),
    *_logs("unknown", "options", "json-file", UNKNOWN),
    *_logs("unknown", "size", "json-file", _rotation(UNKNOWN, "3")),
    *_logs("unknown", "size, with bad files", "json-file", _rotation(UNKNOWN, "0"), ".max-file"),
    *_logs("unknown", "files", "json-file", _rotation("10m", UNKNOWN)),
    *_logs("unknown", "files, with a large size", "json-file", _rotation("200m", UNKNOWN), "="),
)


def _restart(kind: Kind, value: object, **changes: object) -> Case:
    found = ("restart",) if kind in ("failing", "bypass") else ()
    return Case("DKR-RESTART", kind, f"{value!r}", (container({"restart": value, **changes}),), found)


RESTART = (
    Case("DKR-RESTART", "passing", "compliant", (container(), carrier(), service())),
    _restart("passing", "always"),
    _restart("passing", "on-failure"),
    _restart("passing", "on-failure", maxRetryCount=5),
    Case("DKR-RESTART", "passing", "job", (container(JOB),)),
    Case("DKR-RESTART", "passing", "what swarm does by itself", (service({"taskSpec.restartPolicy": UNSET}),)),
    Case("DKR-RESTART", "passing", "on failure", (service({CONDITION: "on-failure"}),)),
    Case("DKR-RESTART", "passing", "job of a swarm", (service({CONDITION: "none"}),)),
    _restart("failing", "no"),
    _restart("failing", UNSET),
    _restart("bypass", ""),
    _restart("bypass", None),
    _restart("bypass", "Always"),
    _restart("bypass", "always "),
    _restart("bypass", "on-failure:5"),
    _restart("bypass", ["always"]),
    Case(
        "DKR-RESTART",
        "bypass",
        "a job that listens",
        (container({"restart": "no", "mustRun": False}),),
        ("restart",),
    ),
    _restart("failing", "unless-stopped"),
    Case("DKR-RESTART", "bypass", "of a container, in a swarm", (service({CONDITION: "always"}),), (CONDITION,)),
    _restart("unknown", UNKNOWN),
    Case("DKR-RESTART", "unknown", "service", (service({CONDITION: UNKNOWN}),)),
    Case("DKR-RESTART", "unknown", "perhaps a job", (container({**JOB, "mustRun": UNKNOWN}),)),
)

CASES = (*READ_ONLY, *HEALTH, *LOGS, *RESTART)


@of_each_rule(CASES)
def test_cases(cases: Sequence[Case]) -> None:
    run_all(cases)


URL = "curl -fsS http://127.0.0.1:8080/healthz"


@pytest.mark.parametrize(
    "script",
    [
        "", " ", "\n", "# only a comment", "true", "true # it is", ":", "exit 0", "exit", "/bin/true", "\\true",
        '"true"', "tr''ue", "tr\\\nue", "sleep 1", "echo ok", "printf ok", "ls", "ls /", "cat /etc/hostname",
        "kill -0 1", "test -d /proc/1", "[ 1 -eq 1 ]", "[ '$x' ]", "[[ ok == ok ]]", "curl --version", "X=1",
        "X=$(true)", "$(true)",
        "`true`", "env true", "env -i A=b true", "timeout -s KILL 5 true", "timeout 5s /bin/true", "busybox true",
        "sh -c true", "sh -ec 'sh -c \"true\"'", "bash", "eval true", "exec true", "! false", "(true)", "{ true; }",
        f"{URL} || true", f"{URL}||true", f"{URL} || :", f"{URL} || exit 0", f"{URL} || exit 256", f"{URL}; exit 0",
        f"{URL}; true", f"{URL}\ntrue", f"{URL} || \\\n true", f"{URL} ||\n true", f"{URL} | cat",
        f"{URL} | tee /tmp/x",
        f"{URL} & ", f"{URL} &> /dev/null", f"{URL} || echo down", f"({URL}) || true", f"{{ {URL} || true; }}",
        f"(exit 0; {URL})", f"exit 0; {URL}", f"true || {URL}", f"false && {URL} || true", f"{URL} && true || true",
        f"if true; then true; else {URL}; fi", f"if false; then {URL}; fi", f"if {URL}; then true; fi",
        f"if {URL}; then exit 0; else exit 0; fi", f"if {URL}; then :; elif true; then :; else exit 1; fi",
        f"for i in 1 2; do {URL} || true; done", f"(set -e); {URL}; true", f"false && set -e; {URL}; true",
        f"set -e; set +e; {URL}; true", f"trap 'exit 0' EXIT; {URL}", f"curl() {{ true; }}; {URL}",
        # What can't be read, or is none: a check is for people, too.
        '"true', "(true", "true)", "{ true }", "if true; fi", "curl $(a $(b $(c)))", "(" * 4000, "true;" * 1000,
        f"{URL};;",
        # Where a program is, and what a file of the image says.
        "command -v nginx", "command -V nginx", "which nginx", "type nginx", "grep -q root /etc/passwd",
        "sed -n 1p /etc/hosts", "awk '{print}' /etc/passwd",
        # A file that is there, however old it is; and the reverse of an answer.
        "test -f /tmp/healthy", "cat /run/healthy", "grep -q ok /run/state", f"! {URL}",
    ],
)  # fmt: skip
def test_a_script_that_cannot_fail_proves_nothing(script: str) -> None:
    assert proves_nothing(["CMD-SHELL", script])


@pytest.mark.parametrize(
    "script",
    [
        URL, f"{URL} || exit 1", f"{URL} > /dev/null 2>&1 || exit 1", f"{URL} && exit 0 || exit 1",
        f"{URL} | grep -q ok", "command curl -f http://127.0.0.1", "grep -q :1F90 /proc/net/tcp",
        f"{URL}; exit $?", f"if {URL}; then exit 0; else exit 1; fi", f"if ! {URL}; then exit 1; fi", 
        f"set -e; {URL}; echo ok", f"set -euo pipefail; {URL} | cat", f"set -o pipefail\n{URL} | cat",
        f"bash -ec '{URL}; echo ok'", f"bash -euo pipefail -c '{URL} | cat'", f"until {URL}; do sleep 1; done",
        f"for port in 80 443; do {URL} || exit 1; done", f"{URL} || (echo down; exit 1)",
        f"{URL} || {{ echo down; exit 1; }}", f'[ "$({URL})" = "ok" ]', f'test "$({URL})" = ok', f"RESULT=$({URL})",
        f'case "$({URL})" in *ok*) exit 0;; *) exit 1;; esac', "pg_isready -q -h 127.0.0.1",
        "kill -0 $(cat /run/app.pid)", "</dev/tcp/127.0.0.1/80",
        "bash -c ':> /dev/tcp/127.0.0.1/80'",
        "exec 3<> /dev/tcp/127.0.0.1/80", "echo ruok | nc 127.0.0.1 2181 | grep imok", "/usr/local/bin/healthcheck.sh",
        "sh /healthcheck.sh", "timeout 5 pg_isready", "$CHECK", "nc -z 127.0.0.1 80", "redis-cli ping | grep PONG",
        "python -c 'import urllib.request as r; r.urlopen(\"http://127.0.0.1\")'",
    ],
)  # fmt: skip
def test_a_script_that_can_fail_is_a_check(script: str) -> None:
    assert not proves_nothing(["CMD-SHELL", script])


#: What scripts are made of, good and bad.
PARTS = st.sampled_from([
    "if", "then", "elif", "else", "fi", "while", "until", "do", "done", "for", "case", "esac", "in", "(", ")",
    "{", "}", ";", ";;", "&&", "||", "|", "&", "!", "true", "curl", "exit", "0", "1", "$(x)", "'", '"', "`",
    "\n", "<", ">", "2>&1", "sh", "-c", "eval", "exec", "\\", "#", "set", "-e", "x=1", "$", "${", "/dev/tcp/x",
    "test", "[", "]", "kill", "-0", "timeout",
])  # fmt: skip


@given(st.lists(PARTS, max_size=30).map(" ".join), st.text())
def test_any_script_is_judged(parts: str, text: str) -> None:
    assert isinstance(proves_nothing(["CMD-SHELL", parts]), bool)
    assert isinstance(proves_nothing(["CMD", "sh", "-c", parts, text]), bool)
    assert isinstance(proves_nothing(["CMD-SHELL", text]), bool)
    assert isinstance(proves_nothing(["CMD", *parts.split(), text]), bool)


@given(st.lists(PARTS, max_size=20).map(" ".join))
def test_a_script_that_ends_in_true_proves_nothing(script: str) -> None:
    # `true` is what it ends with, unless an `exit`, `exec` or `set -e` ended it before, or the last line goes on in the
    # next, or turns its result round. What the shell refuses to read always fails.
    whole = f"{script}\ntrue"
    if {"exit", "exec", "-e", "!"} & set(script.split()) or script.endswith(("&&", "\\")):
        return
    if subprocess.run(["sh", "-n", "-c", whole], capture_output=True, check=False).returncode == 0:
        assert proves_nothing(["CMD-SHELL", whole])


@pytest.mark.parametrize("model", [ReadOnlyOptions, HealthOptions, LogOptions])
@pytest.mark.parametrize("options", [{"unheardOf": 1}, {"maxTmpfsMb": 0, "maxDetectionSeconds": 0, "maxTotalMb": 0}])
def test_options_are_checked(model: type[pydantic.BaseModel], options: dict[str, object]) -> None:
    with pytest.raises(pydantic.ValidationError):
        model.model_validate_json(json.dumps(options))


def test_what_is_wrong_is_said() -> None:
    (found,) = run(_times("failing", "long", {"interval": "1h"}, "")[0])
    assert found.value == {"interval": "1h", "timeout": "5s", "retries": 3}
    assert found.allowed == "(interval + timeout) * retries of at most 600 seconds"
    (found,) = run(_logs("failing", "too much", "json-file", {**_rotation("50m", "3"), "env": "A"}, "=")[0])
    assert (found.value, found.allowed) == (_rotation("50m", "3"), "max-size * max-file of at most 100m")
    (found,) = run(_restart("failing", "no"))
    assert found.allowed == "always or on-failure"
