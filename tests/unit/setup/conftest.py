"""A folder of stand-in programs in place of PATH, and a folder for logs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from toolchain import docker_engine, steps

Program = Callable[[str, str], Path]


@pytest.fixture(autouse=True)
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Logs of the test's own."""
    folder = tmp_path / "logs"
    monkeypatch.setattr(steps, "LOGS", folder)
    monkeypatch.setattr(docker_engine, "LOGS", folder)
    return folder


@pytest.fixture
def bin_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """All there is on PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


@pytest.fixture
def program(bin_folder: Path) -> Program:
    """Makes a program from lines of shell; each notes its calls in `calls`, beside the programs."""

    def make(name: str, script: str) -> Path:
        path = bin_folder / name
        path.write_text(f'#!/bin/sh\necho "{name} $*" >> {bin_folder.parent}/calls\n{script}\n')
        path.chmod(0o755)
        return path

    return make


@pytest.fixture
def calls(tmp_path: Path) -> Callable[[], list[str]]:
    """The calls of the stand-in programs so far."""

    def read() -> list[str]:
        file = tmp_path / "calls"
        return file.read_text().splitlines() if file.exists() else []

    return read
