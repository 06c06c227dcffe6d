"""Each picture of the system is drawn from the source beside it."""

from __future__ import annotations

import pytest

from docs.picture import PICTURES, picture, stamp


@pytest.mark.parametrize("name", PICTURES)
def test_the_svg_is_drawn_from_its_source(name: str) -> None:
    assert picture(name).read_text().endswith(stamp(name) + "\n"), "run `make docs`"
