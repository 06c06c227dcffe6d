"""What is kept of what an update tells."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from ops.tt.state.update_events import Events, said
from tests.unit.ops.tt.state.test_engine import diagnostic, error


def begun(op: str, name: str) -> Any:
    urn = f"urn:pulumi:dev::tasktracker::tasktracker:components:Platform$docker:index/container:Container::{name}"
    metadata = SimpleNamespace(op=op, urn=urn)
    return SimpleNamespace(
        diagnostic_event=None, policy_event=None, resource_pre_event=SimpleNamespace(metadata=metadata)
    )


def test_errors_are_kept_once_and_without_colour() -> None:
    events = Events()
    for each in (
        diagnostic("<{%fg 1%}>it broke<{%reset%}>\n"),
        diagnostic("it broke"),
        diagnostic("careful", "warning"),
        diagnostic("update failed"),
    ):
        events.take(each)
    assert events.errors == ["it broke"]


def test_a_policy_s_refusal_is_an_error() -> None:
    events = Events()
    policy = SimpleNamespace(enforcement_level="mandatory", policy_name="DKR-USER", message="user is root.\n")
    events.take(SimpleNamespace(diagnostic_event=None, policy_event=policy, resource_pre_event=None))  # type: ignore[arg-type]
    assert events.errors == ["DKR-USER: user is root."]


def test_changes_are_what_changes_and_a_replacement_is_one() -> None:
    seen: list[tuple[str, str]] = []
    events = Events(on_change=lambda op, name: seen.append((op, name)))
    for op in ("same", "replace", "create-replacement", "delete-replaced", "create"):
        events.take(begun(op, "api"))
    assert events.changes == [(op, "docker:index/container:Container", "api") for op in ("replace", "create")]
    assert seen == [("replace", "api"), ("create", "api")]


def test_the_engine_s_words_are_found_in_those_of_the_api() -> None:
    assert said(error()) == "the bucket is gone"
