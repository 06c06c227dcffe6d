"""`make purge` deletes nothing without the stack's name, and says what it leaves."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from toolchain.process.steps import ROOT
from toolchain.targets import purge


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's home, with the passphrase of the stack `demo`, and a project that has `demo` and `other`."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("TASKTRACKER_PASSPHRASE_FILE", raising=False)
    monkeypatch.setattr(purge, "ROOT", tmp_path)
    for stack in ("dev", "demo", "other"):
        (tmp_path / f"Pulumi.{stack}.yaml").touch()
    folder = tmp_path / "home/.config/tasktracker"
    folder.mkdir(parents=True)
    for stack in ("dev", "demo"):
        (folder / f"{stack}-passphrase").write_text("word\n")
    return folder


@pytest.mark.parametrize(
    ("stack", "confirm", "reason"),
    [
        ("demo", "demo", None),
        ("demo", "", "nothing was deleted: `make purge STACK=demo CONFIRM=demo` would"),
        ("demo", "dev", "nothing was deleted: `make purge STACK=demo CONFIRM=demo` would"),
        ("none", "none", "stack 'none': there is no Pulumi.none.yaml; the stacks are demo, dev, other"),
    ],
)
@pytest.mark.usefixtures("home")
def test_only_the_name_confirms(monkeypatch: pytest.MonkeyPatch, stack: str, confirm: str, reason: str | None) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    assert purge.refusal(stack, confirm) == reason


@pytest.mark.parametrize(("answer", "goes_on"), [("demo", True), ("", False), ("y", False)])
@pytest.mark.usefixtures("home")
def test_a_person_is_asked(monkeypatch: pytest.MonkeyPatch, answer: str, goes_on: bool) -> None:
    asked: list[str] = []

    def reply(question: str) -> str:
        asked.append(question)
        return answer

    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", reply)
    assert (purge.refusal("demo", "") is None) is goes_on
    assert asked == ["This deletes all data of the stack 'demo'. Type its name to go on: "]


def test_what_is_left_is_told_with_the_passphrase(home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file, passphrase = purge.left("demo")
    assert "Pulumi.demo.yaml" in file
    assert "pulumi stack rm --stack demo" in file
    assert passphrase.startswith(f"its passphrase, {home}/demo-passphrase: nothing removes it")
    assert len(list(purge.left("other"))) == 1
    # It belongs to the project, with a passphrase that everybody knows.
    assert list(purge.left("dev")) == []
    (tmp_path / "named").touch()
    monkeypatch.setenv("TASKTRACKER_PASSPHRASE_FILE", str(tmp_path / "named"))
    assert f"its passphrase, {tmp_path}/named: " in list(purge.left("demo"))[1]


def test_the_command(home: Path) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "toolchain.targets.purge", *arguments],
            cwd=ROOT, env={**os.environ, "HOME": str(home.parents[1])}, stdin=subprocess.DEVNULL, capture_output=True,
            text=True, check=False,
        )  # fmt: skip

    refused = run("--stack=prod", "--confirm=dev")
    assert (refused.returncode, refused.stderr) == (
        1, "error: nothing was deleted: `make purge STACK=prod CONFIRM=prod` would\n"
    )  # fmt: skip
    assert run("--stack=prod", "--confirm=prod").returncode == 0
