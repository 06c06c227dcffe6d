"""Which slot an update writes, keeps and lets serve."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from settings.releases import Plan, Ready, Records, Slot, UnknownReleaseError, plan, records_of

A, B, C = "aaaa", "bbbb", "cccc"


def records(serving: Slot | None, blue: str | None = None, green: str | None = None) -> Records:
    """What a state says after updates that came to their ends."""
    slots: Mapping[Slot, str | None] = {"blue": blue, "green": green}
    its = {slot: release for slot, release in slots.items() if release}
    return Records(
        serving,
        {slot: Ready(release, f"v-{release}", pids(slot)) for slot, release in its.items()},
        {slot: dict.fromkeys(pids(slot), release) for slot, release in its.items()},
    )


def pids(slot: Slot) -> dict[str, int]:
    return {f"api-{slot}": 64, f"worker-{slot}": 64}


def expected(serve: Slot, release: str, written: Slot | None, *kept: Slot, is_new: bool = False) -> Plan:
    return Plan(serve, release, written, frozenset(kept), is_new)


@pytest.mark.parametrize(
    ("last", "release", "decided"),
    [
        # The first of all.
        (Records(), A, expected("blue", A, "blue", is_new=True)),
        # Nothing to do.
        (records("blue", A), A, expected("blue", A, "blue")),
        (records("green", A, B), B, expected("green", B, "green", "blue")),
        # A new release goes where nothing serves.
        (records("blue", A), B, expected("green", B, "green", "blue", is_new=True)),
        (records("green", A, B), C, expected("blue", C, "blue", "green", is_new=True)),
        # One that is ready needs the switch alone.
        (records("green", A, B), A, expected("blue", A, "blue", "green")),
    ],
)
def test_where_a_release_goes(last: Records, release: str, decided: Plan) -> None:
    assert plan(last, release) == decided


def test_without_a_previous_one_only_what_serves_is_left() -> None:
    assert plan(records("blue", A), B, keep_previous=False) == expected("green", B, "green", is_new=True)
    assert plan(records("green", A, B), B, keep_previous=False) == expected("green", B, "green")


def test_a_slot_that_an_update_left_half_made_is_written_again() -> None:
    whole = records("blue", A, B)
    # Its record is of the release before, and its containers are of another, or of two.
    for made in ({"api-green": C, "worker-green": C}, {"api-green": B, "worker-green": C}, {"api-green": B}, {}):
        last = Records(whole.serving, whole.ready, {**whole.made, "green": made})
        assert last.whole("green") is None
        assert plan(last, C) == expected("green", C, "green", "blue", is_new=True)
        # After a revert it goes away, since nothing knows what it has.
        assert plan(last, A) == expected("blue", A, "blue")
        with pytest.raises(UnknownReleaseError):
            plan(last, A, pin=B)


def test_a_pinned_release_serves_whatever_the_config_says() -> None:
    last = records("green", A, B)
    assert plan(last, C, pin=A) == expected("blue", A, None, "blue", "green")
    assert plan(last, C, pin=B) == expected("green", B, None, "blue", "green")
    assert plan(last, C, pin=A, keep_previous=False) == expected("blue", A, None, "blue")
    # What the config has too is made as it says.
    assert plan(last, A, pin=A) == expected("blue", A, "blue", "green")


def test_a_pin_that_no_slot_has_names_those_that_they_have() -> None:
    with pytest.raises(UnknownReleaseError) as error:
        plan(records("green", A, B), C, pin="dddd")
    assert str(error.value) == "no slot has the release dddd; there are aaaa (v-aaaa, blue) and bbbb (v-bbbb, green)"
    with pytest.raises(UnknownReleaseError, match="no slot has the release dddd; there is none yet"):
        plan(Records(), C, pin="dddd")


def test_records_are_read_from_what_the_state_has() -> None:
    stashes = {
        "switch": {"serving": "green", "release": B, "containers": "1"},
        "ready-blue": {"release": A, "name": "1.4.0", "pids": {"tasktracker-dev-api-blue": 64.0}},
        "ready-green": None,
    }
    found = records_of(stashes, {"blue": {"tasktracker-dev-api-blue": A}})
    assert found == Records(
        "green",
        {"blue": Ready(A, "1.4.0", {"tasktracker-dev-api-blue": 64})},
        {"blue": {"tasktracker-dev-api-blue": A}},
    )
    # As in an exported state, where all of it may be encrypted.
    assert (
        records_of({"switch": "ciphertext", "ready-blue": {"4dabf18193072939515e22adb298388d": "1b"}}, {}) == Records()
    )
