"""`tt preview` with a fake Pulumi: what it gets where no Docker engine answers, and how it ends."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.toolchain.targets.test_preview import REFUSED, WELL, listening
from toolchain.process.steps import ROOT

#: `tt preview` on a machine that is set up, with no state to ask for a lock.
RUN = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from ops.tt import cli
from ops.tt.stack import attached
attached.engine_environment = lambda _project: {{}}
attached.obstacles = lambda _project: []
sys.argv = ["tt", "preview"]
sys.exit(cli.main())
"""

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Starts `tt preview` in a project, where `pulumi` is a script."""
    (tmp_path / "Pulumi.yaml").write_text("name: tasktracker\n")
    (tmp_path / "Pulumi.dev.yaml").write_text("config:\n  tasktracker:environment: dev\n")

    def run(script: str | None, **environment: str) -> subprocess.Popen[str]:
        programs = tmp_path / f"programs-{len(list(tmp_path.iterdir()))}"
        programs.mkdir()
        if script is not None:
            (programs / "pulumi").write_text(f"#!/bin/sh\n{script}\n")
            (programs / "pulumi").chmod(0o755)
        path = f"{programs}:/usr/bin:/bin"
        return subprocess.Popen(
            [sys.executable, "-c", RUN],
            cwd=tmp_path, env={**os.environ, "PATH": path, "DOCKER_HOST": REFUSED, **environment},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            start_new_session=True,
        )  # fmt: skip

    return run


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Exit code, output and errors."""
    output, errors = process.communicate(timeout=60)
    return process.returncode, output, errors


@pytest.mark.parametrize(
    ("script", "code", "told"),
    [
        ("exit 0", 0, ""),
        ("exit 3", 3, ""),
        ("kill -TERM $$", 143, "==> interrupted; nothing was changed\n"),
        ("kill -KILL $$", 137, "==> interrupted; nothing was changed\n"),
    ],
)
def test_the_exit_code_and_the_output_are_passed_on(start: Start, script: str, code: int, told: str) -> None:
    found, output, errors = ended(start(f"echo $DOCKER_HOST; echo pulumi >&2; {script}"))
    assert found == code
    assert output.startswith("unix:///")
    assert errors == f"pulumi\n{told}"
    assert not Path(output.strip().removeprefix("unix://")).parent.exists()


def test_what_a_killed_preview_leaves_goes_with_the_next(start: Start, tmp_path: Path) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    process = start("echo $DOCKER_HOST; exec sleep 20", TMPDIR=str(folder))
    assert process.stdout is not None
    left = Path(process.stdout.readline().strip().removeprefix("unix://")).parent
    # The live one's stays.
    assert ended(start(f"test -S {left}/docker.sock", TMPDIR=str(folder)))[0] == 0
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert left.exists()
    assert ended(start("true", TMPDIR=str(folder)))[0] == 0
    assert not left.exists()


def test_with_an_engine_its_address_stays(start: Start) -> None:
    with listening(WELL) as address:
        code, output, _ = ended(start("echo $DOCKER_HOST; exit 3", DOCKER_HOST=address))
    assert (code, output) == (3, f"{address}\n")


@pytest.mark.parametrize("host", [REFUSED, "ssh://a@b"])
def test_a_pulumi_that_is_not_there_is_told(start: Start, host: str) -> None:
    code, _, errors = ended(start(None, DOCKER_HOST=host))
    assert (code, errors) == (5, "error: `pulumi --stack=dev preview`: No such file or directory\n")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_reaches_pulumi_and_the_socket_goes(start: Start, number: signal.Signals, tmp_path: Path) -> None:
    told = tmp_path / "told"
    name = number.name.removeprefix("SIG")
    process = start(f"trap 'echo got >> {told}; exit 5' {name}; echo $DOCKER_HOST; sleep 20 & wait")
    assert process.stdout is not None
    socket_ = Path(process.stdout.readline().strip().removeprefix("unix://"))
    assert socket_.exists()
    process.send_signal(number)
    assert process.wait(10) == 5
    assert told.read_text() == "got\n"
    assert not socket_.parent.exists()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    assert process.stderr is not None
    assert process.stderr.read() == "==> interrupted; nothing was changed\n"
