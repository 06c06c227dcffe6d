"""A preview as `pulumi preview --json` tells it, in one of its two forms.

- The engine's events, one JSON object a line: what `PULUMI_ENABLE_STREAMING_JSON_PREVIEW=true` makes of it.
  They have everything, the violations of policies among it.
- The digest, one JSON document: what it prints by itself. It has no violations.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

VOLUME = "docker:index/volume:Volume"

#: The component around a volume that holds data nobody can make again.
DATA_VOLUME = "tasktracker:components:DataVolume"

COMPONENTS = "tasktracker:components:"

#: What ends the life of what is there. `read` and `discard` only concern what others manage.
DESTRUCTIVE = frozenset({"delete", "replace", "delete-replaced", "create-replacement", "import-replacement"})

#: What a `replace` consists of. The engine's events have them beside it.
PARTS_OF_REPLACE = frozenset({"delete-replaced", "create-replacement"})

#: Nothing happens to the resource.
UNCHANGED = frozenset({"same", "read", "refresh"})

MANDATORY = "mandatory"

#: What the engine says at the end of every preview that failed, whatever for.
FAILED = "preview failed"


class PreviewError(Exception):
    """The input is no preview; the message says why."""


@dataclass(frozen=True)
class State:
    """A resource as it is, or as it would be. `urn` differs from the step's where the resource has a new name."""

    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]
    protect: bool
    urn: str = ""
    retain: bool = False


@dataclass(frozen=True)
class Step:
    """What would happen to one resource.

    Attributes:
        op: Pulumi's name for it: `create`, `update`, `replace`, `delete`, `same` and others.
        urn: The resource.
        old: None for a new resource.
        new: None for one that goes away.
        replace_keys: Properties that force a replacement.
        diff_keys: Properties that differ.
        detail: Kind of difference by property path; empty where the provider tells none.
        dependency_keys: Properties that refer to a resource that is replaced, where that is what forces a replacement.
    """

    op: str
    urn: str
    old: State | None = None
    new: State | None = None
    replace_keys: Sequence[str] = ()
    diff_keys: Sequence[str] = ()
    detail: Mapping[str, str] = field(default_factory=dict)
    dependency_keys: Sequence[str] = ()

    @property
    def name(self) -> str:
        """The resource's name in the program."""
        return self.urn.rpartition("::")[2]

    @property
    def types(self) -> list[str]:
        """The types of its components, the outermost first, and last its own."""
        parts = self.urn.split("::")
        return parts[2].split("$") if len(parts) > 3 else []

    @property
    def kind(self) -> str:
        """Its type in short: `Container` of `docker:index/container:Container`."""
        return self.types[-1].rpartition(":")[2] if self.types else ""

    @property
    def component(self) -> str:
        """The part of the system that it belongs to: `Nginx`; `Stack` for what belongs to none."""
        inside = [each.removeprefix(COMPONENTS) for each in self.types if each.startswith(COMPONENTS)]
        # The outermost is the whole platform.
        return (inside[1:2] or inside or ["Stack"])[0]

    @property
    def is_data_volume(self) -> bool:
        """Whether it is a volume with data in it, protected or not."""
        return bool(self.types) and self.types[-1] == VOLUME and DATA_VOLUME in self.types

    @property
    def loses_data(self) -> bool:
        """Whether it takes away a data volume, or anything else that is protected."""
        return self.op in DESTRUCTIVE and (self.is_data_volume or (self.old is not None and self.old.protect))

    @property
    def loses_protection(self) -> bool:
        """Whether it stays, but no longer protected."""
        return self.old is not None and self.new is not None and self.old.protect and not self.new.protect


@dataclass(frozen=True)
class Violation:
    """A policy that a resource breaks; `urn` is the stack's where it is broken by the whole."""

    policy: str
    level: str
    urn: str
    message: str

    @property
    def is_mandatory(self) -> bool:
        """Whether it refuses the update; a level that isn't known is taken for one that does."""
        return self.level not in ("advisory", "remediate", "disabled")


@dataclass(frozen=True)
class Diagnostic:
    """An error or a warning."""

    severity: str
    urn: str
    message: str


@dataclass
class Preview:
    """What an update of `stack` would do.

    Attributes:
        stack: Its name.
        steps: Every resource that the preview tells of, also unchanged ones.
        counts: Resources by operation, as the engine counts them.
        violations: None where the form of the preview has none.
        packs: Names and versions of the policy packs that ran; None as for `violations`.
        diagnostics: Errors and warnings.
        failed: Whether the engine would refuse the update.
    """

    stack: str
    steps: list[Step] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    violations: list[Violation] | None = None
    packs: list[str] | None = None
    diagnostics: list[Diagnostic] = field(default_factory=list)
    failed: bool = False

    @property
    def changes(self) -> list[Step]:
        """The steps that change something, each resource once."""
        replaced = {step.urn for step in self.steps if step.op == "replace"}
        return [
            step
            for step in self.steps
            if step.op not in UNCHANGED and not (step.op in PARTS_OF_REPLACE and step.urn in replaced)
        ]

    @property
    def losses(self) -> list[Step]:
        """What would take data away, each resource once."""
        found: dict[str, Step] = {}
        for step in self.steps:
            # A whole replacement tells more than its parts.
            if step.loses_data and (step.op == "replace" or step.urn not in found):
                found[step.urn] = step
        return list(found.values())

    @property
    def errors(self) -> list[Diagnostic]:
        """Its errors; the one that only says that it failed counts where there is no other reason."""
        errors = [each for each in self.diagnostics if each.severity == "error"]
        telling = [each for each in errors if each.message != FAILED]
        explained = telling or any(each.is_mandatory for each in self.violations or ())
        return telling if explained else errors

    @property
    def warnings(self) -> list[Diagnostic]:
        """Its warnings."""
        return [each for each in self.diagnostics if each.severity == "warning"]

    @property
    def is_new(self) -> bool:
        """Whether the state has nothing of the stack."""
        return bool(self.changes) and all(step.old is None for step in self.steps)


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
