"""The updates of a stack, as Pulumi's history has them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ops.tt.release.history import Update, parsed

IMAGES = {"api": "registry.example.com/acme/app:1.5.0@sha256:" + 64 * "a"}

ENTRY: dict[str, Any] = {
    "kind": "update",
    "startTime": "2026-11-29T14:00:00.000Z",
    "message": "Deploy 1.5.0",
    "environment": {"git.author": "Ada", "git.head": "0123abc", "exec.kind": "cli"},
    "config": {"tasktracker:images": {"value": json.dumps(IMAGES), "objectValue": IMAGES}, "tasktracker:x": {}},
    "result": "succeeded",
    "endTime": "2026-11-29T14:00:42.000Z",
    "resourceChanges": {"create": 8, "same": 100, "update": 2},
}


def test_an_update() -> None:
    assert parsed([ENTRY]) == [
        Update(
            start=1795960800.0,
            seconds=42.0,
            kind="update",
            result="succeeded",
            author="Ada",
            commit="0123abc",
            version="1.5.0",
            message="Deploy 1.5.0",
            changes={"create": 8, "update": 2},
        )
    ]


@pytest.mark.parametrize(
    ("images", "version"),
    [
        ({"value": json.dumps(IMAGES)}, "1.5.0"),
        ({"value": "no JSON"}, ""),
        ({"value": "[]"}, ""),
        ({"objectValue": {"dashboard": "x:1"}}, ""),
        ({"objectValue": {"api": "acme/app"}}, ""),
        ("no object", ""),
    ],
)
def test_the_version_is_the_tag_of_the_api(images: Any, version: str) -> None:
    assert parsed([{**ENTRY, "config": {"tasktracker:images": images}}])[0].version == version


@pytest.mark.parametrize("end", [None, "", "0001-01-01T00:00:00.000Z", "never"])
def test_an_update_that_has_not_ended(end: str | None) -> None:
    assert parsed([{**ENTRY, "endTime": end}])[0].seconds is None


def test_an_entry_with_nothing_in_it() -> None:
    assert parsed([{}])[0] == Update(0.0, None, "", "", "", "", "", "", {})
