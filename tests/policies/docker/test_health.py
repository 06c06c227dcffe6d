"""How the health of a container shows."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.health.command import proves_nothing
from policies.values import UNKNOWN
from tests.policies.cases import Case, Kind, of_each_rule, run_all
from tests.policies.compliant import UNSET, carrier, container, service
from tests.policies.docker.running import CONDITION, HEALTHCHECK, JOB


def _health(kind: Kind, what: str, *tests: object) -> tuple[Case, ...]:
    """The same health check in a container and in a service."""
    found = kind in ("failing", "bypass")
    path = f"{HEALTHCHECK}.tests"
    return (
        Case("DKR-HC", kind, f"{what} container", (container({"healthcheck.tests": list(tests)}),),
             ("healthcheck.tests",) if found else ()),
        Case("DKR-HC", kind, f"{what} service", (service({path: list(tests)}),), (path,) if found else ()),
    )  # fmt: skip


def times_case(kind: Kind, what: str, changes: dict[str, object], *keys: str, **more: Any) -> tuple[Case, ...]:
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
    *times_case("passing", "defaults", {"interval": "0s", "timeout": "0s", "retries": 0}),
    *times_case("passing", "unset", {"interval": UNSET, "timeout": UNSET, "retries": UNSET, "startPeriod": UNSET}),
    *times_case("passing", "as Go writes them", {"interval": "1m0s", "timeout": "1.5s", "startPeriod": "1h0m0s"}),
    *times_case("passing", "longest", {"interval": "190s", "timeout": "10s", "retries": 3}),
    *times_case("passing", "longer by option", {"interval": "1h"}, options={"maxDetectionSeconds": 20_000}),
    *times_case("failing", "a long interval", {"interval": "1h"}, ""),
    *times_case("failing", "a long start", {"startPeriod": "1h0m1s"}, ".startPeriod"),
    *times_case("bypass", "just above", {"interval": "196s", "timeout": "5s", "retries": 3}, ""),
    *times_case("bypass", "many retries", {"retries": 1_000_000}, ""),
    *times_case("bypass", "many retries as text", {"retries": "1000"}, ""),
    *times_case("bypass", "a long timeout", {"timeout": "24h"}, ""),
    *times_case("bypass", "default interval, many retries", {"interval": "0s", "retries": 50}, ""),
    *times_case("bypass", "many units", {"interval": "0h0m0s999999999ms"}, ""),
    *times_case("bypass", "a never-ending start", {"startPeriod": "2540400h"}, ".startPeriod"),
    *times_case("bypass", "no durations", {"interval": "30", "startPeriod": "soon"}, ".interval", ".startPeriod"),
    *times_case("bypass", "negative", {"timeout": "-5s", "retries": -1}, ".timeout", ".retries"),
    *times_case("bypass", "infinite", {"retries": float("inf")}, ".retries"),
    *times_case("unknown", "times", dict.fromkeys(("interval", "timeout", "retries", "startPeriod"), UNKNOWN)),
    *times_case("unknown", "interval, with a long timeout", {"interval": UNKNOWN, "timeout": "1h"}, ""),
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


CASES = HEALTH


@of_each_rule(CASES)
def test_cases(cases: Sequence[Case]) -> None:
    run_all(cases)
