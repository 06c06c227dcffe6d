"""Which properties a step changes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.ci import property_diff
from ops.ci.preview import State, Step
from ops.ci.property_diff import ABSENT, SECRET, UNKNOWN, Change, Mark, parse, show
from tests.unit.ops.ci.previews import SECRET as SECRET_INPUT

UNKNOWN_INPUT = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


def changes(old: dict[str, Any], new: dict[str, Any], **more: Any) -> dict[str, tuple[object, object]]:
    step = Step("update", "urn", State(old, more.pop("outputs", {}), False), State(new, {}, False), **more)
    return {change.path: (change.old, change.new) for change in property_diff.changes(step)}


def test_only_what_the_provider_names_is_told() -> None:
    old, new = {"memory": 1, "name": "a", "id": 1}, {"memory": 2, "name": "a", "id": 2}
    assert changes(old, new, detail={"memory": "update"}) == {"memory": (1, 2)}


def test_without_details_keys_are_told_and_without_keys_all_that_differs() -> None:
    old, new = {"a": {"b": 1, "c": 1}, "d": 1}, {"a": {"b": 2, "c": 1}, "d": 2}
    assert changes(old, new, diff_keys=["a"]) == {"a.b": (1, 2)}
    assert changes(old, new) == {"a.b": (1, 2), "d": (1, 2)}


def test_a_difference_goes_as_deep_as_it_can() -> None:
    old = {"uploads": [{"file": "/a", "content": "x"}, {"file": "/b", "content": "y"}]}
    new = {"uploads": [{"file": "/a", "content": "x"}, {"file": "/b", "content": "z"}]}
    assert changes(old, new, detail={"uploads": "update-replace"}) == {"uploads[1].content": ("y", "z")}


def test_one_more_element_is_one_difference() -> None:
    old, new = {"envs": ["B=1", "C=1"]}, {"envs": ["A=1", "B=1", "C=1"]}
    assert changes(old, new, detail={"envs": "update"}) == {"envs[0]": (ABSENT, "A=1")}
    assert changes(new, old, detail={"envs": "update"}) == {"envs[0]": ("A=1", ABSENT)}


def test_the_order_of_a_set_is_no_difference() -> None:
    mounts = [{"target": "/a", "source": "x"}, {"target": "/b", "source": "y"}]
    old = {
        "mounts": mounts,
        "envs": ["A=1", "B=1"],
        "ports": [{"internal": 1}, {"internal": 2}],
        "command": ["a=1", "b=1"],
    }
    new = {
        "mounts": [{"target": "/b", "source": "z"}, *mounts[:1]],
        "envs": ["B=2", "C=1", "A=1"],
        "ports": [{"internal": 2}, {"internal": 1}],
        "command": ["b=1", "a=1"],
    }
    assert changes(old, new) == {
        "mounts[0].source": ("y", "z"),
        "envs[0]": ("B=1", "B=2"),
        "envs[1]": (ABSENT, "C=1"),
        # The order of a command does.
        "command[0]": (ABSENT, "b=1"),
        "command[1]": ("b=1", ABSENT),
    }
    # Where elements have no names, or two the same, they stay as they are.
    assert changes({"envs": ["A=1", "A=2"]}, {"envs": ["A=2", "A=1"]})
    assert changes({"mounts": [{"x": 1}, {"x": 2}]}, {"mounts": [{"x": 2}, {"x": 1}]})


def test_long_lists_are_one_value() -> None:
    old, new = list(range(1000)), list(range(1, 1001))
    assert changes({"a": old}, {"a": new}) == {"a": (old, new)}


def test_the_engine_s_own_fields_are_not_told() -> None:
    assert changes({"__defaults": [], "a": {"__defaults": ["x"], "b": 1}}, {"a": {"__defaults": [], "b": 1}}) == {}


def test_what_is_only_known_afterwards_is_marked() -> None:
    assert changes({"a": "x"}, {"a": UNKNOWN_INPUT}) == {"a": ("x", UNKNOWN)}


@pytest.mark.parametrize("secret", [SECRET_INPUT, "[secret]"])
def test_secrets_are_marks_in_both_forms(secret: object) -> None:
    assert changes({"a": secret}, {"a": "x"}) == {"a": (SECRET, "x")}
    assert changes({"a": secret}, {"a": secret}, detail={"a[0].content": "update"}) == {
        "a[0].content": (SECRET, SECRET)
    }


def test_a_property_of_the_provider_comes_from_its_outputs() -> None:
    assert changes({}, {"a": 2}, detail={"a": "update"}, outputs={"a": 1}) == {"a": (1, 2)}
    assert changes({}, {"a": 2}, detail={"a": "add"}, outputs={"a": 1}) == {"a": (ABSENT, 2)}


def test_what_forces_a_replacement_is_told() -> None:
    step = Step(
        "replace", "urn", State({"a": 1, "b": 1}, {}, False), State({"a": 2, "b": 2}, {}, False),
        replace_keys=["a", "trigger"], detail={"a": "update", "b": "update-replace"},
    )  # fmt: skip
    assert property_diff.changes(step) == [
        Change("a", 1, 2, replaces=True),
        Change("b", 1, 2, replaces=True),
        Change("trigger", ABSENT, ABSENT, replaces=True),
    ]


def test_an_element_of_a_list_has_its_name() -> None:
    labels = [{"label": "files", "value": "1"}], [{"label": "files", "value": "2"}]
    old, new = (State({"labels": each}, {}, False) for each in labels)
    [change] = property_diff.changes(Step("update", "urn", old, new))
    assert (change.path, change.element) == ("labels[0].value", "files")


def test_a_new_or_deleted_resource_has_no_changes() -> None:
    assert property_diff.changes(Step("create", "urn", None, State({"a": 1}, {}, False))) == []
    assert property_diff.changes(Step("delete", "urn", State({"a": 1}, {}, False), None)) == []


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("memory", ("memory",)),
        ("labels[0].value", ("labels", 0, "value")),
        ('tags["a.b"].c', ("tags", "a.b", "c")),
        (r'tags["say \"hi\""]', ("tags", 'say "hi"')),
        ("", ()),
        ("a[", ("a[",)),
        ("[[", ("[[",)),
    ],
)
def test_property_paths_are_read(text: str, path: property_diff.Path) -> None:
    assert parse(text) == path


@given(st.lists(st.one_of(st.integers(min_value=0, max_value=99), st.text(min_size=1)), min_size=1))
def test_property_paths_are_written_as_they_are_read(path: list[str | int]) -> None:
    if isinstance(path[0], str):
        assert parse(show(tuple(path))) == tuple(path)


@given(VALUES, VALUES, st.text())
def test_any_two_values_can_be_compared(old: Any, new: Any, path: str) -> None:
    found = changes({"a": old}, {"a": new}, detail={path: "update"}) | changes({"a": old}, {"a": new})
    assert all(isinstance(property_diff.shown(value), str) for pair in found.values() for value in pair)
    if json.dumps(property_diff.clean(old), default=str) == json.dumps(property_diff.clean(new), default=str):
        assert changes({"a": old}, {"a": new}) == {}


def test_values_nested_deep_are_cut() -> None:
    value: Any = 1
    for _ in range(200):
        value = [value]
    assert "nested deeper" in property_diff.shown(property_diff.clean(value))
    assert isinstance(property_diff.clean(SECRET_INPUT), Mark)
