"""Log lines and request ids."""

import json
import logging
import sys

import pytest
from tasktracker import logs


def line(**extra: object) -> dict[str, object]:
    record = logging.makeLogRecord({"name": "n", "levelname": "INFO", "msg": "two\nlines %s", "args": ("é",), **extra})
    text = logs.JsonFormatter(service="api").format(record)
    assert "\n" not in text
    entry: dict[str, object] = json.loads(text)
    return entry


def test_a_record_is_one_json_line() -> None:
    entry = line(task_id="t")
    assert entry["message"] == "two\nlines é"
    assert {"level": "info", "logger": "n", "service": "api", "task_id": "t"}.items() <= entry.items()
    assert "request_id" not in entry


def test_the_request_id_is_on_the_line() -> None:
    token = logs.request_id.set("abc")
    try:
        assert line()["request_id"] == "abc"
    finally:
        logs.request_id.reset(token)


def test_a_traceback_is_a_field() -> None:
    try:
        raise KeyError("k")
    except KeyError:
        assert "KeyError: 'k'" in str(line(exc_info=sys.exc_info())["exception"])


@pytest.mark.parametrize("good", ["a", "A-1_b.2", "x" * 64])
def test_sane_ids_are_kept(good: str) -> None:
    assert logs.sane_request_id(good) == good


@pytest.mark.parametrize("bad", [None, "", "x" * 65, "a b", "a\n", '"', "é", "../x;"])
def test_others_are_replaced(bad: str | None) -> None:
    made = logs.sane_request_id(bad)
    assert made != bad
    assert len(made) == 32
