"""Stack files are written whole or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from stackfile import writing


def test_a_file_keeps_its_mode_and_a_link_stays_one(tmp_path: Path) -> None:
    file, link = tmp_path / "real.yaml", tmp_path / "Pulumi.dev.yaml"
    file.write_text("a: 1\n")
    file.chmod(0o640)
    link.symlink_to(file)
    writing.write(link, b"a: 2\n")
    assert (link.is_symlink(), file.read_text(), stat.S_IMODE(file.stat().st_mode)) == (True, "a: 2\n", 0o640)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["Pulumi.dev.yaml", "real.yaml"]


def test_it_is_on_the_disk_before_it_takes_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "Pulumi.dev.yaml"
    file.write_text("a: 1\n")
    seen: list[str] = []
    fsync = os.fsync

    def note(descriptor: int) -> None:
        seen.append(file.read_text())
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    writing.write(file, b"a: 2\n")
    # The file itself, and after the rename its folder.
    assert seen == ["a: 1\n", "a: 2\n"]


def test_one_that_fails_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "Pulumi.dev.yaml"
    file.write_text("a: 1\n")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        writing.write(file, b"a: 2\n")
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("Pulumi.dev.yaml", "a: 1\n")]


def test_a_new_file_takes_no_other_s_place(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.demo.yaml"
    writing.create(file, b"a: 1\n")
    with pytest.raises(FileExistsError):
        writing.create(file, b"a: 2\n")
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("Pulumi.demo.yaml", "a: 1\n")]


def test_one_that_is_stopped_leaves_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(_: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(writing, "_keep_entry", stop)
    with pytest.raises(KeyboardInterrupt):
        writing.create(tmp_path / "Pulumi.demo.yaml", b"a: 1\n")
    assert list(tmp_path.iterdir()) == []
