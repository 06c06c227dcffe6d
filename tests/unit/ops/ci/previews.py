"""Previews as the engine writes them, with nothing that a test does not name."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ops.ci.preview import Preview
from ops.ci.preview_reader import read

PLATFORM = "tasktracker:components:Platform"
CONTAINER = (PLATFORM, "tasktracker:components:Nginx", "docker:index/container:Container")
DATA = (PLATFORM, "tasktracker:components:DataVolume", "docker:index/volume:Volume")

#: A secret as the engine's events have it.
SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "[secret]"}


def urn(name: str = "nginx", types: Sequence[str] = CONTAINER) -> str:
    return f"urn:pulumi:dev::tasktracker::{'$'.join(types)}::{name}"


def state(inputs: Mapping[str, Any] | None = None, *, protect: bool = False, **outputs: Any) -> dict[str, Any]:
    return {"inputs": dict(inputs or {}), "outputs": outputs, "protect": protect}


def step(
    op: str,
    name: str = "nginx",
    types: Sequence[str] = CONTAINER,
    *,
    old: Mapping[str, Any] | None = None,
    new: Mapping[str, Any] | None = None,
    detail: Mapping[str, str] | None = None,
    keys: Sequence[str] = (),
    diffs: Sequence[str] = (),
) -> dict[str, Any]:
    """An event of what happens to a resource; `detail` is the kind of difference by property path."""
    differences = None
    if detail is not None:
        differences = {path: {"diffKind": kind, "inputDiff": False} for path, kind in detail.items()}
    metadata = {
        "op": op, "urn": urn(name, types), "old": old, "new": new,
        "keys": list(keys), "diffs": list(diffs), "detailedDiff": differences,
    }  # fmt: skip
    return {"resourcePreEvent": {"metadata": metadata}}


def update(old: Mapping[str, Any], new: Mapping[str, Any], name: str = "nginx", **more: Any) -> dict[str, Any]:
    return step("update", name, old=state(old), new=state(new), **more)


def created(inputs: Mapping[str, Any], name: str = "nginx", types: Sequence[str] = CONTAINER) -> dict[str, Any]:
    return step("create", name, types, new=state(inputs))


def volume(op: str, name: str = "postgres-data", *, protect: bool = False) -> dict[str, Any]:
    gone = op in ("delete", "delete-replaced")
    return step(op, name, DATA, old=state(protect=protect), new=None if gone else state(protect=True))


def policy(message: str, level: str = "mandatory", name: str = "DKR-MEM", at: str | None = None) -> dict[str, Any]:
    told = {"resourceUrn": at or urn(), "message": message, "policyName": name, "enforcementLevel": level}
    return {"policyEvent": told}


def said(message: str, severity: str = "error", at: str = "") -> dict[str, Any]:
    return {"diagnosticEvent": {"urn": at, "prefix": f"{severity}: ", "message": message, "severity": severity}}


def stream(*events: dict[str, Any], result: str = "succeeded", **counts: int) -> str:
    """JSON lines of a preview that came to its end."""
    end = {"resourceChanges": counts, "PolicyPacks": {"docker-hosts|local|policies": "1.0.0"}, "result": result}
    every = [{"preludeEvent": {"config": {}}}, *events, {"summaryEvent": end}, {"cancelEvent": {}}]
    return "".join(json.dumps({"sequence": number, **event}) + "\n" for number, event in enumerate(every))


def preview(*events: dict[str, Any], stack: str = "dev", result: str = "succeeded", **counts: int) -> Preview:
    return read(stream(*events, result=result, **counts), stack)


def digest(*steps: Mapping[str, Any], **more: Any) -> str:
    """The document that plain `pulumi preview --json` prints."""
    return json.dumps({"config": {}, "steps": steps, "duration": 1, "changeSummary": {}, **more})
