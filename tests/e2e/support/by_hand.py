"""What a person does to a running stack by hand, and what the project's commands report of it and put right."""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from docker.models.containers import Container

from tests.e2e.support.stack import Stack
from toolchain.process.steps import ROOT

#: Seconds for a command of the operator's.
TIMEOUT = 300

#: Where containers have their files.
FILES = "/etc/tasktracker"

#: Stops or continues each process of nginx, so that the service hangs; by its own user, which may.
EACH_NGINX = 'for p in /proc/[0-9]*; do [ "$(cat $p/comm 2>/dev/null)" != nginx ] || kill -{} "${{p#/proc/}}"; done'


def run(
    stack: Stack, *arguments: str, stdin: str = "", env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs a module of the project on the stack, as a target of `make` does."""
    result = subprocess.run(
        [sys.executable, "-m", *arguments, "--stack", stack.name],
        cwd=stack.folder,
        env={**stack.env, "PYTHONPATH": str(ROOT), **(env or {})},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert "Traceback" not in result.stderr, result.stderr
    return result


def make_up(stack: Stack, variables: Mapping[str, str] | None = None) -> tuple[int, str]:
    """What `make up` does on a machine that is set up; its exit code and output."""
    result = subprocess.run(
        [ROOT / "tt", "up", "--yes", "--stack", stack.name],
        cwd=stack.folder, env={**stack.env, **(variables or {})}, stdin=subprocess.DEVNULL, capture_output=True,
        text=True, timeout=TIMEOUT, check=False,
    )  # fmt: skip
    assert "Traceback" not in result.stderr, result.stderr
    return result.returncode, result.stdout + result.stderr


def problems(stack: Stack) -> str:
    """What `tt status` calls wrong."""
    code, status = stack.tt("status")
    assert code == (3 if status["problems"] else 0)
    return "\n".join(status["problems"])


def run_audit(stack: Stack, *options: str) -> subprocess.CompletedProcess[str]:
    """What `make audit` does."""
    exported = stack.pulumi("stack", "export", "--show-secrets").stdout
    return run(stack, "policies.audit", *options, "--state", "-", stdin=exported)


def stop_nginx(stack: Stack, signal: str = "STOP") -> Container:
    """Stops all processes of nginx's, so that it hangs; `CONT` continues them."""
    nginx = stack.container("nginx")
    assert nginx.exec_run(["sh", "-c", EACH_NGINX.format(signal)]).exit_code == 0
    return nginx


@contextmanager
def hanging_nginx(stack: Stack) -> Iterator[Container]:
    """nginx with its processes stopped."""
    try:
        yield stop_nginx(stack)
    finally:
        stop_nginx(stack, "CONT")


def write_file(carrier: Container, name: str, content: bytes) -> None:
    """Writes into the volume of a container's files, through their carrier."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tar:
        member = tarfile.TarInfo(name)
        member.size, member.mode = len(content), 0o444
        tar.addfile(member, io.BytesIO(content))
    assert carrier.put_archive(FILES, raw.getvalue())
