"""The Python environment: made when it has to be, and never half."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from toolchain import debian, venv
from toolchain.steps import StepError


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands that would make the environment; they make its folder only."""
    made: list[list[str]] = []

    def run(_title: str, argv: Sequence[str | Path], **_: Any) -> None:
        made.append([str(part) for part in argv])
        if "--clear" in argv:
            (tmp_path / ".venv").mkdir(exist_ok=True)
            (tmp_path / ".venv/installed").unlink(missing_ok=True)

    lock = tmp_path / "requirements.lock"
    lock.write_text("pulumi==3.0.0")
    monkeypatch.setattr(venv, "run", run)
    monkeypatch.setattr(venv, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(venv, "LOCK", lock)
    return made


def test_it_is_made_from_hashed_requirements_and_once_only(commands: list[list[str]], tmp_path: Path) -> None:
    venv.ensure_venv()
    make, install = commands
    assert make == [sys.executable, "-m", "venv", "--clear", str(tmp_path / ".venv")]
    assert install[:2] == [str(tmp_path / ".venv/bin/pip"), "install"]
    assert install[-3:] == ["--require-hashes", "-r", str(tmp_path / "requirements.lock")]
    venv.ensure_venv()
    assert len(commands) == 2


def test_it_is_made_anew_for_other_requirements(commands: list[list[str]], tmp_path: Path) -> None:
    venv.ensure_venv()
    (tmp_path / "requirements.lock").write_text("pulumi==3.0.1")
    venv.ensure_venv()
    assert len(commands) == 4


def test_it_is_made_anew_for_another_python(commands: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    venv.ensure_venv()
    monkeypatch.setattr(sys, "version", "4.0.0")
    venv.ensure_venv()
    assert len(commands) == 4


def test_it_is_made_anew_in_a_moved_folder(
    commands: list[list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    venv.ensure_venv()
    moved = tmp_path / "moved"
    moved.mkdir()
    (tmp_path / ".venv").rename(moved / ".venv")
    monkeypatch.setattr(venv, "VENV", moved / ".venv")
    venv.ensure_venv()
    assert len(commands) == 4


@pytest.mark.parametrize("failing", [0, 1])
def test_an_interrupted_installation_is_done_again(
    commands: list[list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    """Also where an older environment was whole."""
    venv.ensure_venv()
    (tmp_path / "requirements.lock").write_text("pulumi==3.0.1")
    run = venv.run
    left = iter([failing == 0, failing == 1])

    def interrupted(title: str, argv: Sequence[str | Path], *, log: str) -> None:
        run(title, argv, log=log)
        if next(left):
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(venv, "run", interrupted)
        with pytest.raises(KeyboardInterrupt):
            venv.ensure_venv()
    assert not (tmp_path / ".venv/installed").exists()
    commands.clear()
    venv.ensure_venv()
    assert len(commands) == 2


@pytest.mark.usefixtures("commands")
def test_an_old_python_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9, 2))
    with pytest.raises(StepError, match=rf"^Python 3\.11 or newer is needed, and {sys.executable} is 3\.9$"):
        venv.ensure_venv()


def test_debians_module_is_installed_where_it_is_missing(
    commands: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    installed: list[str] = []
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    monkeypatch.setattr(debian, "can_install", lambda: True)
    monkeypatch.setattr(debian, "install", installed.extend)
    venv.ensure_venv()
    assert installed == [f"python3.{sys.version_info.minor}-venv"]
    assert len(commands) == 2


def test_who_cannot_install_it_is_told_its_name(commands: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    monkeypatch.setattr(debian, "can_install", lambda: False)
    with pytest.raises(StepError, match=r"apt-get install python3\.\d+-venv"):
        venv.ensure_venv()
    assert commands == []
