"""Programs are built from their locked modules, whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.toolchain.conftest import Machine
from toolchain.machine import golang
from toolchain.machine.golang import NoGoError
from toolchain.process.steps import StepError

#: Writes down what it is told by its environment, and makes the file that comes after `-o`.
GO = """
if [ "$1" = env ]; then echo go1.26.5; exit; fi
echo "$PWD $GOFLAGS $GOWORK $GOARCH" > "$HOME/told"
while [ "$1" != -o ]; do shift; done
echo built > "$2"
"""


@pytest.fixture
def module(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(machine.root))
    folder = machine.root / "module"
    folder.mkdir()
    return folder


def build(module: Path) -> Path:
    program = module.parent / "bin" / "tool"
    golang.build("Building", module, "tool", program, options=["-trimpath"], env={"GOARCH": "arm64"})
    return program


def test_builds_in_the_module_with_its_lock_final(machine: Machine, module: Path) -> None:
    machine.program("go", GO)
    assert build(module).read_text() == "built\n"
    assert machine.calls("go")[-1].startswith("go build -trimpath -o ")
    assert machine.calls("go")[-1].endswith(" tool")
    told = (machine.root / "told").read_text().split()
    assert told == [str(module), "-mod=readonly", "-buildvcs=false", "off", "arm64"]


def test_failed_build_leaves_the_program_as_it_was(machine: Machine, module: Path) -> None:
    machine.program("go", GO)
    program = build(module)
    machine.program("go", 'if [ "$1" = env ]; then echo go1.26.5; exit; fi; echo "go.mod requires go >= 2.0"; exit 1')
    with pytest.raises(StepError, match=r"go\.mod requires go >= 2\.0"):
        build(module)
    assert program.read_text() == "built\n"
    assert [path.name for path in program.parent.iterdir()] == ["tool"]


@pytest.mark.parametrize(
    ("version", "message"),
    [(None, "no Go to build with: install Go 1.25 or newer"), ("go1.24.9", "is go1.24.9: install Go 1.25 or newer")],
)
def test_without_go_it_says_what_to_install(machine: Machine, module: Path, version: str | None, message: str) -> None:
    if version:
        machine.user_has_go(version)
    with pytest.raises(NoGoError, match=message):
        build(module)
