"""How many inputs a test with generated ones gets: some in each run, and all in the nightly lane."""

from __future__ import annotations

import os
from typing import Final

NIGHTLY: Final = os.environ.get("FUZZ_INPUTS") is not None
"""Whether this is the nightly lane: `make test-all` and `make policies` set how many inputs each rule gets."""

SHARE: Final = 8
"""One of so many inputs of the nightly lane is in each run. Without a fixed seed each run has others."""


def examples(nightly: int) -> int:
    """Inputs of a test that has so many in the nightly lane; Hypothesis' own number is 100."""
    return nightly if NIGHTLY else max(40, nightly // SHARE)
