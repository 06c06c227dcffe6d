"""What is there of a stack while it is put together."""

from __future__ import annotations

from typing import Any, cast

import pulumi
import pytest

from components.core.context import Context
from components.core.part import Assembly, Part
from tests.unit.settings.config import read


class Store:
    """Something that a part makes."""


@pytest.fixture
def stack() -> Assembly:
    return Assembly(read({}), cast(Context, None), cast(pulumi.ComponentResource, None))


def test_what_a_part_adds_is_there_for_those_after_it(stack: Assembly) -> None:
    first, second = cast(Any, object()), cast(Any, object())
    stack.take("nats", Part(containers={"nats": first}, files={"nats-url": "x"}, ready=[first], outputs={"url": "u"}))
    stack.take("redis", None)
    stack.take("database", Part(containers={"postgres": second}, env={"A": "b"}, ready=[second]))
    assert stack.containers == {"nats": first, "postgres": second}
    assert (stack.bindings.files, stack.bindings.env) == ({"nats-url": "x"}, {"A": "b"})
    assert stack.ready == [first, second]
    assert stack.outputs == {"url": "u"}


def test_what_is_kept_is_found_by_its_kind(stack: Assembly) -> None:
    assert stack.find(Store) is None
    with pytest.raises(LookupError, match="no part before this one makes a Store"):
        stack.get(Store)
    made = stack.keep(Store())
    assert stack.find(Store) is made is stack.get(Store)
