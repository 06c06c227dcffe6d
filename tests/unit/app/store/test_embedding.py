"""The embedding of titles."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tasktracker.store.embedding import DIMENSIONS, embed


def distance(one: str, other: str) -> float:
    return 1 - sum(a * b for a, b in zip(embed(one), embed(other), strict=True))


@given(st.text(min_size=1, max_size=500))
def test_always_a_unit_vector(text: str) -> None:
    vector = embed(text.encode("utf-8", "replace").decode())
    assert len(vector) == DIMENSIONS
    assert math.isclose(math.hypot(*vector), 1.0)


def test_the_same_on_every_machine_and_in_every_release() -> None:
    # Stored vectors are compared with new ones: a change here needs a migration that computes all anew.
    assert [round(value, 4) for value in embed("hello world")[:4]] == [0.0, 0.0, 0.1857, 0.3714]


@pytest.mark.parametrize("same", ["Buy Milk", "  buy\tmilk ", "\uff42\uff55\uff59 milk"])
def test_case_space_and_width_make_no_difference(same: str) -> None:
    assert distance("buy milk", same) == pytest.approx(0)


def test_shared_words_come_out_close() -> None:
    near = distance("Write the restore runbook", "Write the rollback runbook")
    far = distance("Write the restore runbook", "Buy oat milk and bread")
    assert near < 0.3 < 0.6 < far
    assert distance("buy milk", "buy mlik") < distance("buy milk", "sell the car")
