"""Repeated work and what it makes of errors."""

import asyncio
import contextlib

import pytest
from tasktracker import background
from tasktracker.background import Background, Outage, repeat


def test_an_error_ends_one_round_and_is_logged_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(background, "PAUSE_SECONDS", 0)
    caplog.set_level("INFO")
    rounds = iter([Outage("away"), Outage("away"), None, KeyError("bug")])
    finish = asyncio.Event()

    async def work() -> None:
        try:
            error = next(rounds)
        except StopIteration:
            finish.set()
            return
        if error:
            raise error

    asyncio.run(repeat("work", work, pause=0, until=finish))
    said = [(record.getMessage(), bool(record.exc_info)) for record in caplog.records]
    assert said == [
        ("work fails: Outage: away", False),
        ("work works again", False),
        ("work fails: KeyError: 'bug'", True),
        ("work works again", False),
    ]


def test_stop_waits_for_the_clean_up() -> None:
    cleaned = []

    async def work() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        await asyncio.sleep(0)
        cleaned.append(True)
        raise asyncio.CancelledError

    async def start_and_stop() -> None:
        running = Background()
        running.start("work", work)
        await asyncio.sleep(0)
        await running.stop()

    asyncio.run(start_and_stop())
    assert cleaned == [True]
