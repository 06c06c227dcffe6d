"""Fake programs in place of PATH, a folder for logs, and a whole fake machine with folders of its own."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from toolchain.machine import docker_engine
from toolchain.process import steps
from toolchain.pulumi_engine import engine
from toolchain.stacks import passphrase, stack

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
    """The calls of the fake programs so far."""

    def read() -> list[str]:
        file = tmp_path / "calls"
        return file.read_text().splitlines() if file.exists() else []

    return read


#: What Debian's own tools, which the scripts need, are found in.
SYSTEM_PATH = "/usr/bin:/bin"


@dataclass(frozen=True)
class Machine:
    """The project's folder and a folder of fake programs."""

    root: Path
    programs: Path

    def program(self, name: str, script: str, folder: Path | None = None) -> None:
        """Puts a program on PATH that notes its arguments, then runs `script`."""
        path = (folder or self.programs) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'#!/bin/sh\necho "{name} $*" >> {self.calls_file}\n{script}\n')
        path.chmod(0o755)

    def user_has_pulumi(
        self, version: str = "v3.300.0", *, host: bool = True, executor: bool = True, folder: Path | None = None
    ) -> None:
        """Gives the user an engine of his own: the vendor's programs side by side, in `folder` or on PATH."""
        self.program("pulumi", f"echo {version}", folder)
        if host:
            self.program("pulumi-language-python", "exit 1", folder)
        if executor:
            self.program("pulumi-language-python-exec", "exit 1", folder)

    def user_loses_pulumi(self) -> None:
        """Removes the user's engine."""
        for path in self.programs.glob("pulumi*"):
            path.unlink()

    def user_has_go(self, version: str = "go1.25.4", *, build: str = "exit 0") -> None:
        """Gives the user a Go whose `go build -o FILE` makes a file, unless `build` exits first."""
        self.program(
            "go",
            f"""
            if [ "$1" = env ]; then echo {version}; exit; fi
            case "$PWD" in */docker_plugin) {build.replace("exit 0", ":")} ;; esac
            while [ "$1" != -o ]; do shift; done
            echo built > "$2"
            """,
        )

    @property
    def calls_file(self) -> Path:
        """Where programs note how they were called."""
        return self.root / "calls"

    def calls(self, program: str) -> list[str]:
        """How `program` was called so far."""
        lines = self.calls_file.read_text().splitlines() if self.calls_file.exists() else []
        return [line for line in lines if line.startswith(f"{program} ")]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A fresh clone on a machine with nothing but a shell, and without access to the vendor."""
    root = tmp_path / "clone"
    shutil.copytree(engine.TOOLCHAIN, root / "toolchain", ignore=shutil.ignore_patterns("__pycache__"))
    (root / "requirements").mkdir()
    shutil.copy(engine.LOCK, root / "requirements")
    (root / "Pulumi.yaml").touch()
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in (
        "TOOLCHAIN",
        "PLUGIN",
        "LANGUAGE_HOST",
        "LOCK",
        "STATE",
        "TOOLS",
        "BIN",
        "VENDOR",
        "PLUGINS",
        "MARKER",
    ):
        monkeypatch.setattr(engine, name, root / getattr(engine, name).relative_to(steps.ROOT))
    monkeypatch.setattr(engine, "ROOT", root)
    monkeypatch.setattr(engine, "INSTALL_SCRIPT", (tmp_path / "no-such-script").as_uri())
    for module in (stack, passphrase):
        monkeypatch.setattr(module, "ROOT", root)
        monkeypatch.setattr(module, "PUBLIC_PASSPHRASE", root / "toolchain" / "dev-passphrase")
    monkeypatch.setattr(steps, "LOGS", root / ".tools" / "logs")
    monkeypatch.setenv("PATH", f"{programs}:{SYSTEM_PATH}")
    for variable in (
        "TASKTRACKER_ENGINE",
        "TASKTRACKER_BACKEND_URL",
        "TASKTRACKER_PASSPHRASE_FILE",
        "PULUMI_CONFIG_PASSPHRASE",
    ):
        monkeypatch.delenv(variable, raising=False)
    return Machine(root, programs)
