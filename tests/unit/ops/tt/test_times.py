"""Times as people type them."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from ops.tt import times

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2026-11-20 14:05", "2026-11-20T13:05:00+00:00"),
        ("2026-11-20 14:05:30", "2026-11-20T13:05:30+00:00"),
        ("2026-07-20T14:05:30", "2026-07-20T12:05:30+00:00"),
        ("2026-11-20 14:05:30.25", "2026-11-20T13:05:30.250000+00:00"),
        ("2026-11-20 14:05:30,5", "2026-11-20T13:05:30.500000+00:00"),
        ("2026-11-20 14:05:00+02", "2026-11-20T12:05:00+00:00"),
        ("2026-11-20 14:05:00 +02:00", "2026-11-20T12:05:00+00:00"),
        ("2026-11-20 14:05-0330", "2026-11-20T17:35:00+00:00"),
        (" 2026-11-20T14:05:00Z ", "2026-11-20T14:05:00+00:00"),
    ],
)
def test_a_time_is_one_instant(text: str, meant: str) -> None:
    assert times.iso(times.parse(text, BERLIN)) == meant


@pytest.mark.parametrize(
    "text",
    ["", "now", "yesterday", "14:05", "2026-11-20", "20.11.2026 14:05", "2026-13-01 00:00", "2026-02-30 00:00",
     "2026-11-20 25:00", "2026-11-20 14", "1795176300", "2026-11-20 14:05 CET", "2026-11-20 14:05:00+2",
     "2026-11-20 14:05; DROP TABLE x"],
)  # fmt: skip
def test_what_is_no_time_is_told_how_to_write_one(text: str) -> None:
    with pytest.raises(times.TimeError, match="no time that is understood; write it as"):
        times.parse(text, BERLIN)


def test_a_time_that_comes_twice_needs_its_offset() -> None:
    with pytest.raises(times.TimeError, match=r"comes twice .*: \+02:00 or \+01:00"):
        times.parse("2026-10-25 02:30", BERLIN)
    assert times.iso(times.parse("2026-10-25 02:30+01", BERLIN)) == "2026-10-25T01:30:00+00:00"


def test_a_time_that_the_clocks_skip_does_not_exist() -> None:
    with pytest.raises(times.TimeError, match="does not exist here"):
        times.parse("2026-03-29 02:30", BERLIN)


def test_without_a_zone_it_is_this_machine_s(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    try:
        parsed = times.parse("2026-11-20 14:05")
        assert times.iso(parsed) == "2026-11-20T08:35:00+00:00"
        assert times.both(parsed) == "2026-11-20 14:05:00+05:30 (08:35:00 UTC)"
    finally:
        monkeypatch.undo()
        time.tzset()


def test_fractions_show_only_where_they_are() -> None:
    assert times.both(datetime(2026, 11, 20, 14, 5, 0, 250_000, UTC), UTC) == "2026-11-20 14:05:00.25 UTC"
    assert times.both(datetime(2026, 11, 20, 14, 5, 10, tzinfo=UTC), UTC) == "2026-11-20 14:05:10 UTC"


@pytest.mark.parametrize("seconds", [0, 1, 59.4, 3599, 3601, 86399, 10**7])
def test_a_duration_has_at_most_two_units(seconds: float) -> None:
    assert 1 <= len(times.duration(seconds).split()) // 2 <= 2


@pytest.mark.parametrize("seconds", [1795176300, 1795176300.25])
def test_a_time_is_understood_as_it_is_written(seconds: float) -> None:
    assert times.parse(times.both(times.at(seconds), UTC)) == times.at(seconds)
