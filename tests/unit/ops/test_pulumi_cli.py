"""How Pulumi is run: what is read of it, where a person sees it, and which signals came meanwhile."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from ops import pulumi_cli
from ops.pulumi_cli import Ended, PulumiError


@pytest.fixture
def pulumi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for programs, which come first on PATH."""
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return tmp_path


def program(folder: Path, script: str) -> None:
    (folder / "pulumi").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "pulumi").chmod(0o755)


def test_what_it_prints_is_read_and_it_can_ask_nothing(pulumi: Path, tmp_path: Path) -> None:
    program(pulumi, 'read -r line; echo "$* in $PWD with $A$line"; echo note >&2')
    variables = {**os.environ, "A": "b"}
    printed = pulumi_cli.output(["stack", "ls"], tmp_path, variables)
    assert printed == f"stack ls --non-interactive in {tmp_path} with b\n"


def test_one_that_fails_is_an_error_with_its_words(pulumi: Path, tmp_path: Path) -> None:
    program(pulumi, "echo 'error: no such stack' >&2; exit 6")
    with pytest.raises(PulumiError) as failed:
        pulumi_cli.output(["stack", "export", "--stack", "x"], tmp_path)
    assert (str(failed.value), failed.value.reason) == ("`pulumi stack export`: no such stack", "no such stack")
    assert pulumi_cli.completed(["up"], tmp_path).returncode == 6


@pytest.mark.parametrize(
    ("script", "ended"),
    [
        ("exit 0", Ended(0, False)),
        ("exit 255", Ended(255, False)),
        ("kill -TERM $$", Ended(143, True)),
        # As Pulumi ends an update in order.
        ("trap 'exit 255' TERM; kill -TERM $PPID; sleep 1 & wait", Ended(255, True)),
    ],
)
def test_a_person_sees_it_and_a_signal_counts(
    pulumi: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], script: str, ended: Ended
) -> None:
    program(pulumi, f'echo "$*"; {script}')
    before = signal.getsignal(signal.SIGTERM)
    assert pulumi_cli.attached(["up", "--yes"], tmp_path, dict(os.environ), stdout=2) == ended
    assert signal.getsignal(signal.SIGTERM) is before
    told = capfd.readouterr()
    assert (told.out, told.err) == ("", "up --yes\n")
