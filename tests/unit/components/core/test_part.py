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


@pytest.mark.parametrize(
    ("first", "second", "twice"),
    [
        (Part(files={"nats-url": "x"}), Part(files={"nats-url": "y"}), "the app would get nats-url from a and from b"),
        (Part(env={"A": "x"}), Part(env={"A": "y"}), "the app would get A from a and from b"),
        # The app finds a file by a variable.
        (
            Part(files={"nats-url": "x"}),
            Part(env={"NATS_URL_FILE": "y"}),
            "the app would get NATS_URL_FILE from a and from b",
        ),
        (Part(), Part(env={"TASKTRACKER_LOG_LEVEL": "y"}), "the app would get TASKTRACKER_LOG_LEVEL from its settings"),
        (Part(outputs={"url": "x"}), Part(outputs={"url": "y"}), "b: another part has url already"),
        (Part(containers={"nats": cast(Any, 1)}), Part(containers={"nats": cast(Any, 2)}), "b: another part has nats"),
    ],
)
def test_a_name_of_two_parts_is_refused(stack: Assembly, first: Part, second: Part, twice: str) -> None:
    stack.take("a", first)
    with pytest.raises(ValueError, match=twice):
        stack.take("b", second)


def test_only_one_of_a_kind_is_kept(stack: Assembly) -> None:
    stack.keep(Store())
    with pytest.raises(ValueError, match="an earlier part keeps a Store already"):
        stack.keep(Store())


def test_what_is_kept_is_found_by_its_kind(stack: Assembly) -> None:
    assert stack.find(Store) is None
    with pytest.raises(LookupError, match="no part before this one makes a Store"):
        stack.get(Store)
    made = stack.keep(Store())
    assert stack.find(Store) is made is stack.get(Store)
