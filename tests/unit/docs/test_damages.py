"""The table of damages is the one that tests do to a stack."""

from __future__ import annotations

import pytest

from docs.damages import PAGE, page
from tests.damage.damage import Damage
from tests.damage.damages import DAMAGES
from tests.damage.watch import measured
from toolchain.process.steps import ROOT


def test_the_table_is_current() -> None:
    assert page() == PAGE.read_text(), "run `make docs`"


@pytest.mark.parametrize("damage", DAMAGES, ids=[each.name for each in DAMAGES])
def test_each_is_done_by_a_test(damage: Damage) -> None:
    assert (damage.do is None) == bool(damage.tested)
    assert (ROOT / damage.tested).exists()


def test_what_was_measured_is_a_damage() -> None:
    assert set(measured()["seconds"]) <= {each.name for each in DAMAGES}
