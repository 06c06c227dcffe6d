"""A preview: what an update would do to each resource, the policies that it breaks, and what the engine says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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
