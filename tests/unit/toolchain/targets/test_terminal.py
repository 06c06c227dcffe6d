"""A target that asks a question is refused at once where no one can answer it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from toolchain.process.steps import ROOT
from toolchain.targets.terminal import ANSWERED, refusal


def test_a_terminal_or_an_answer_is_enough() -> None:
    assert refusal("up", "prod", terminal=True, env={}) is None
    assert refusal("up", "prod", terminal=False, env={ANSWERED: "true"}) is None
    message = refusal("down", "prod", terminal=False, env={})
    assert message is not None
    assert "`make down STACK=prod YES=--yes`" in message


@pytest.mark.parametrize("target", ["up", "down"])
def test_make_names_its_own_variable(target: str) -> None:
    """Before any step of set-up."""
    result = subprocess.run(
        ["make", "--no-print-directory", target, "STACK=prod", f"PYTHON={sys.executable}"],
        cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode
    assert result.stdout == ""
    assert result.stderr.startswith(f"error: `make {target} STACK=prod` asks before it changes anything")
    assert f"`make {target} STACK=prod YES=--yes` answers in advance" in result.stderr
