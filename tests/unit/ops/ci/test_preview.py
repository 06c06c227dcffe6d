"""Previews are read in both forms, whole or cut off, and nothing else is."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.ci.preview_reader import PreviewError, read
from tests.unit.ops.ci.previews import (
    DATA,
    PLATFORM,
    created,
    digest,
    policy,
    preview,
    said,
    state,
    step,
    stream,
    urn,
    volume,
)


def of_digest(**more: Any) -> dict[str, Any]:
    return {"op": "update", "urn": urn(), "oldState": state({"a": 1}), "newState": state({"a": 2}), **more}


def test_both_forms_say_the_same() -> None:
    events = read(
        stream(step("update", old=state({"a": 1}), new=state({"a": 2}), detail={"a": "update"}), update=1), "dev"
    )
    document = read(digest(of_digest(detailedDiff={"a": {"kind": "update"}}), changeSummary={"update": 1}), "dev")
    assert events.steps == document.steps
    assert events.counts == document.counts
    assert (events.failed, document.failed) == (False, False)
    assert events.violations == []
    assert document.violations is None


def test_the_parts_of_a_replacement_are_one_change() -> None:
    events = [step(op, old=state(), new=state()) for op in ("delete-replaced", "replace", "create-replacement", "same")]
    assert [each.op for each in preview(*events).changes] == ["replace"]
    assert [each.op for each in preview(events[0]).changes] == ["delete-replaced"]


def test_a_resource_belongs_to_a_component() -> None:
    [container] = preview(created({})).changes
    assert (container.name, container.kind, container.component) == ("nginx", "Container", "Nginx")
    [stack] = preview(created({}, "tasktracker-dev", ["pulumi:pulumi:Stack"])).changes
    assert (stack.kind, stack.component) == ("Stack", "Stack")
    [platform] = preview(created({}, "platform", [PLATFORM])).changes
    assert platform.component == "Platform"


@pytest.mark.parametrize("op", ["delete", "replace", "delete-replaced", "create-replacement", "import-replacement"])
@pytest.mark.parametrize("protect", [True, False])
def test_a_data_volume_is_lost_protected_or_not(op: str, protect: bool) -> None:
    assert [each.name for each in preview(volume(op, protect=protect)).losses] == ["postgres-data"]


def test_other_volumes_are_lost_only_if_they_are_protected() -> None:
    files = (PLATFORM, "tasktracker:components:FileVolume", DATA[-1])
    assert preview(step("delete", types=files, old=state())).losses == []
    assert len(preview(step("delete", types=files, old=state(protect=True))).losses) == 1
    assert len(preview(step("replace", old=state(protect=True), new=state())).losses) == 1


def test_the_component_of_a_data_volume_holds_nothing() -> None:
    assert preview(step("delete", types=DATA[:2], old=state())).losses == []


@pytest.mark.parametrize("op", ["same", "update", "create", "read", "refresh", "import", "discard"])
def test_a_data_volume_that_stays_is_not_lost(op: str) -> None:
    assert preview(volume(op, protect=True)).losses == []


def test_a_whole_replacement_stands_for_its_parts() -> None:
    found = preview(volume("delete-replaced"), volume("replace"), volume("create-replacement"))
    assert [each.op for each in found.losses] == ["replace"]


def test_protection_that_goes_is_noticed() -> None:
    [found] = preview(step("same", types=DATA, old=state(protect=True), new=state())).steps
    assert found.loses_protection


@pytest.mark.parametrize(("level", "mandatory"), [("mandatory", True), ("advisory", False), ("", True), ("new", True)])
def test_a_level_that_is_not_known_counts_as_mandatory(level: str, mandatory: bool) -> None:
    found = preview(policy("too much", level))
    assert found.failed is mandatory
    assert found.violations is not None
    assert found.violations[0].is_mandatory is mandatory


def test_the_general_error_gives_way_to_any_reason() -> None:
    general = said("preview failed\n")
    assert [each.message for each in preview(general, result="failed").errors] == ["preview failed"]
    assert preview(general, policy("too much"), result="failed").errors == []
    assert [each.message for each in preview(general, said("error: no image")).errors] == ["no image"]


def test_debug_and_passing_messages_are_not_kept() -> None:
    passing = {"diagnosticEvent": {**said("x")["diagnosticEvent"], "ephemeral": True}}
    found = preview(said("secret stuff", "debug"), said("hello", "info"), said("old option", "warning"), passing)
    assert [each.message for each in found.diagnostics] == ["old option"]
    assert not found.failed


def test_what_was_cut_off_has_failed() -> None:
    whole = stream(created({}))
    for content in (whole[: whole.index('"summaryEvent"')], whole[:-60], json.dumps({"config": {}, "steps": []})):
        cut = read(content, "dev")
        assert cut.failed
        assert "cut off" in cut.errors[0].message


def test_a_failed_digest_has_failed() -> None:
    diagnostics = [{"urn": urn(), "message": "error: no such image\n", "severity": "error"}]
    found = read(digest(diagnostics=diagnostics), "dev")
    assert found.failed
    assert [each.message for each in found.errors] == ["no such image"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "empty"),
        (" \n", "empty"),
        ("Previewing update (dev):", "line 1 is no JSON"),
        ("{}", "no output of"),
        ("[]", "no JSON object"),
        ("3", "no JSON object"),
        ('{"a": 1}\n{"b": 1}', "no events"),
        ("{}\n[]\n", "line 2 is no JSON object"),
        ("{}\nx\n{}\n", "line 2 is no JSON"),
        ("[" * 100_000, "nested too deep"),
    ],
)
def test_what_is_no_preview_is_refused(content: str, reason: str) -> None:
    with pytest.raises(PreviewError, match=reason):
        read(content, "dev")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
KEYS = st.sampled_from(["op", "urn", "old", "new", "oldState", "newState", "keys", "diffs", "detailedDiff", "inputs"])
BODIES = st.dictionaries(KEYS | st.sampled_from(["metadata", "message", "severity", "PolicyPacks"]), JSON) | JSON


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["resourcePreEvent", "policyEvent", "diagnosticEvent", "summaryEvent"]),
            BODIES | BODIES.map(lambda body: {"metadata": body}),
        ),
        min_size=1,
    )
)
def test_events_of_any_form_are_read(events: list[tuple[str, Any]]) -> None:
    content = "\n".join(json.dumps({"sequence": 1, name: body}) for name, body in events)
    assert isinstance(read(content, "dev").changes, list)


@given(st.lists(BODIES), BODIES, BODIES)
def test_digests_of_any_form_are_read(steps: list[Any], diagnostics: Any, summary: Any) -> None:
    content = json.dumps({"steps": steps, "diagnostics": diagnostics, "changeSummary": summary})
    assert isinstance(read(content, "dev").errors, list)
