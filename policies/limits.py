"""The limits that rules have by default, from `limits.json`.

They are data, so that the program that is checked can read the same file and refuse a value in its own words before
the pack does. The pack's config changes those that are options of a rule, for both.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

_LIMITS: Final[dict[str, dict[str, Any]]] = json.loads((Path(__file__).parent / "limits.json").read_text("utf-8"))


def limit(rule: str, name: str) -> Any:  # noqa: ANN401 - any JSON value
    """The limit called `name` of a rule."""
    return _LIMITS[rule][name]
