"""`make clean`: what it lists, asks and removes."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable

import pytest

from toolchain.targets import clean


class Terminal(io.StringIO):
    """Where a person types."""

    def isatty(self) -> bool:
        return True


IMAGES = ["tasktracker/app:1", "tasktracker/nats:2"]


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str, typed: str | None = None) -> tuple[int, list[str]]:
    """The exit code, and what was removed; a container uses the second image."""
    removed: list[str] = []

    def remove(references: Iterable[str]) -> list[str]:
        removed.extend([*references][:1])
        return removed

    monkeypatch.setattr(clean, "outdated", lambda: IMAGES)
    monkeypatch.setattr(clean, "remove", remove)
    monkeypatch.setattr("os.environ", {})
    monkeypatch.setattr(sys, "argv", ["clean", *arguments])
    monkeypatch.setattr(sys, "stdin", io.StringIO() if typed is None else Terminal(typed))
    return clean.main(), removed


def test_it_lists_the_images_and_asks(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, typed="y\n") == (0, IMAGES[:1])
    output = capsys.readouterr().out
    assert output.splitlines()[:2] == IMAGES
    assert "Other clones of this project on this machine may need some of them" in output
    assert output.endswith("removed 1 images; a container uses 1 of them\n")


@pytest.mark.parametrize("typed", ["n\n", "\n", "", None])
def test_nothing_goes_without_a_yes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], typed: str | None
) -> None:
    assert run(monkeypatch, typed=typed) == (1, [])
    assert "error: nothing was removed" in capsys.readouterr().err


def test_a_script_says_yes_beforehand(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, "--yes") == (0, IMAGES[:1])
