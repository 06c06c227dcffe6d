"""Reads a preview as `pulumi preview --json` tells it, in one of its two forms.

- The engine's events, one JSON object a line: what `PULUMI_ENABLE_STREAMING_JSON_PREVIEW=true` makes of it.
  They have everything, the violations of policies among it.
- The digest, one JSON document: what it prints by itself. It has no violations.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from ops.ci.preview import PARTS_OF_REPLACE, Diagnostic, Preview, State, Step, Violation


class PreviewError(Exception):
    """The input is no preview; the message says why."""


def read(content: str, stack: str) -> Preview:
    """Reads a preview of `stack` in either form.

    Raises:
        PreviewError: it is neither.
    """
    if not content.strip():
        raise PreviewError("it is empty")
    try:
        document = json.loads(content)
    except ValueError:
        return _from_events(_lines(content), stack)
    except RecursionError:
        raise PreviewError("it is nested too deep") from None
    if not isinstance(document, dict):
        raise PreviewError("it is no JSON object")
    if "sequence" in document:
        return _from_events([document], stack)
    return _from_digest(document, stack)


def _lines(content: str) -> list[dict[str, Any]]:
    """The objects of JSON lines; the last line may be cut off."""
    found = []
    lines = [line for line in content.split("\n") if line.strip()]
    for number, line in enumerate(lines, 1):
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            if number == len(lines) > 1:
                break
            raise PreviewError(f"line {number} is no JSON; it needs the output of `pulumi preview --json`") from None
        if not isinstance(event, dict):
            raise PreviewError(f"line {number} is no JSON object")
        found.append(event)
    return found


def _from_events(events: Iterable[Mapping[str, Any]], stack: str) -> Preview:
    preview = Preview(stack, violations=[], packs=[])
    ended, known = False, False
    for event in events:
        known = known or "sequence" in event
        if "resourcePreEvent" in event:
            preview.steps.append(_step_of_event(_mapping(_mapping(event["resourcePreEvent"]).get("metadata"))))
        elif "policyEvent" in event:
            told = _mapping(event["policyEvent"])
            violation = Violation(
                policy=_text(told.get("policyName")),
                level=_text(told.get("enforcementLevel")),
                urn=_text(told.get("resourceUrn")),
                message=_text(told.get("message")).strip(),
            )
            preview.violations = [*(preview.violations or ()), violation]
        elif "diagnosticEvent" in event:
            told = _mapping(event["diagnosticEvent"])
            if not told.get("ephemeral"):
                _add_diagnostic(preview, told)
        elif "summaryEvent" in event:
            told = _mapping(event["summaryEvent"])
            ended = True
            preview.counts = _counts(told.get("resourceChanges"))
            preview.packs = [
                f"{name.partition('|')[0]} {_text(version)}".strip()
                for name, version in _mapping(told.get("PolicyPacks")).items()
            ]
            preview.failed = told.get("result", "succeeded") != "succeeded"
    if not known:
        raise PreviewError("it has no events of the Pulumi engine")
    if not ended:
        preview.diagnostics.append(Diagnostic("error", "", "The preview was cut off before its end."))
    return _completed(preview)


def _from_digest(document: Mapping[str, Any], stack: str) -> Preview:
    if not document.keys() & {"steps", "diagnostics", "changeSummary", "config"}:
        raise PreviewError("it is no output of `pulumi preview --json`")
    preview = Preview(stack, counts=_counts(document.get("changeSummary")))
    for step in _items(document.get("steps")):
        told = _mapping(step)
        preview.steps.append(
            Step(
                op=_text(told.get("op")),
                urn=_text(told.get("urn")),
                old=_state(told.get("oldState")),
                new=_state(told.get("newState")),
                replace_keys=_texts(told.get("replaceReasons")),
                diff_keys=_texts(told.get("diffReasons")),
                detail=_kinds(told.get("detailedDiff"), "kind"),
            )
        )
    for diagnostic in _items(document.get("diagnostics")):
        _add_diagnostic(preview, _mapping(diagnostic))
    if "changeSummary" not in document and not preview.errors:
        preview.diagnostics.append(Diagnostic("error", "", "The preview was cut off before its end."))
    return _completed(preview)


def _completed(preview: Preview) -> Preview:
    """What follows from the rest in both forms."""
    # Where a dependency forces a replacement, the engine names the properties only with the creation.
    created = {step.urn: step.replace_keys for step in preview.steps if step.op == "create-replacement"}
    preview.steps = [
        replace(step, dependency_keys=created.get(step.urn, ()))
        if step.op == "replace" and not step.replace_keys
        else step
        for step in preview.steps
    ]
    if not preview.counts:
        preview.counts = Counter(step.op for step in preview.steps if step.op not in PARTS_OF_REPLACE)
    mandatory = any(violation.is_mandatory for violation in preview.violations or ())
    preview.failed = preview.failed or mandatory or bool(preview.errors)
    return preview


def _step_of_event(told: Mapping[str, Any]) -> Step:
    return Step(
        op=_text(told.get("op")),
        urn=_text(told.get("urn")),
        old=_state(told.get("old")),
        new=_state(told.get("new")),
        replace_keys=_texts(told.get("keys")),
        diff_keys=_texts(told.get("diffs")),
        detail=_kinds(told.get("detailedDiff"), "diffKind"),
    )


def _add_diagnostic(preview: Preview, told: Mapping[str, Any]) -> None:
    severity = _text(told.get("severity"))
    message = _text(told.get("message")).strip().removeprefix(f"{severity}:").strip()
    if severity in ("error", "warning"):
        preview.diagnostics.append(Diagnostic(severity, _text(told.get("urn")), message))


def _state(value: object) -> State | None:
    if not isinstance(value, dict):
        return None
    return State(
        _mapping(value.get("inputs")),
        _mapping(value.get("outputs")),
        value.get("protect") is True,
        _text(value.get("urn")),
        value.get("retainOnDelete") is True,
    )


def _kinds(value: object, key: str) -> dict[str, str]:
    return {path: _text(_mapping(difference).get(key)) for path, difference in _mapping(value).items()}


def _counts(value: object) -> Counter[str]:
    return Counter({op: count for op, count in _mapping(value).items() if isinstance(count, int) and count > 0})


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _items(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: object) -> list[str]:
    return [each for each in _items(value) if isinstance(each, str)]
