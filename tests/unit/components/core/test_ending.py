"""The program's last words."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pulumi
import pytest

from components.core.ending import USER_KNOWS, plain_words, show


@pytest.fixture(autouse=True)
def hook() -> Iterator[None]:
    before = sys.excepthook
    yield
    sys.excepthook = before


def test_what_is_refused_is_one_error(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    monkeypatch.setattr(pulumi.log, "error", shown.append)
    with pytest.raises(SystemExit) as ending, plain_words():
        raise pulumi.RunError("the port is taken")
    assert ending.value.code == USER_KNOWS
    assert shown == ["the port is taken"]


def test_a_fault_of_the_program_is_left_to_the_language_host() -> None:
    with pytest.raises(ZeroDivisionError), plain_words():
        raise ZeroDivisionError


def test_an_interrupt_shows_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with plain_words():
        pass
    assert sys.excepthook is show
    show(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert capsys.readouterr().err == ""
    show(ValueError, ValueError("wrong"), None)
    assert "ValueError: wrong" in capsys.readouterr().err
