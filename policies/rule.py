"""What a rule is, and what it finds."""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationInfo, field_validator
from pydantic.alias_generators import to_camel

from policies.resource import Resource


class Level(enum.IntEnum):
    """What a violation does: `ADVISORY` warns, `MANDATORY` stops the update. Ordered, so that levels compare."""

    ADVISORY = 1
    MANDATORY = 2


class Severity(enum.IntEnum):
    """How bad a violation is, for sorting and for display."""

    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4


class Options(BaseModel):
    """Base of a rule's options in the pack's config; keys are camelCase there, as CrossGuard's own are."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        alias_generator=to_camel,
    )


_ENVIRONMENT = re.compile(r"[\w.-]+")


def _not_production(name: str) -> str:
    # A stack that names no environment is production, too.
    if name.strip().lower() in ("", "prod", "production"):
        raise ValueError("production can't be declared as anything else")
    if not _ENVIRONMENT.fullmatch(name):
        raise ValueError("should be one environment's name, of letters, digits, dots, hyphens and underscores")
    return name


EnvironmentName = Annotated[str, AfterValidator(_not_production)]


class Conventions(Options):
    """What the pack has to know of the program that it checks (the options of `PACK`).

    `environment_key`: the key of the stack's config that names its environment. `development` and
    `staging`: the environments of that kind; any other one is production, and so is a stack that
    names none. `levels`: a level by rule, by environment; it can only be raised. `waivers`: a file
    beside the pack.
    """

    environment_key: str = ""
    development: tuple[EnvironmentName, ...] = ("dev",)
    staging: tuple[EnvironmentName, ...] = ("staging",)
    stack_label: str = "stack"
    service_label: str = "service"
    waivers: str = "waivers.yaml"
    levels: dict[str, dict[str, Literal["advisory", "mandatory"]]] = {}

    @field_validator("staging")
    @classmethod
    def _are_no_development(cls, staging: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        for name in staging:
            if name in info.data.get("development", ()):
                raise ValueError(f"{name} is in `development`, too: an environment is of one kind")
        return staging


O = TypeVar("O", bound=Options)  # noqa: E741 - O as in options


@dataclass(frozen=True)
class Scope(Generic[O]):
    """What a rule may take into account beside the resource. `level` is the rule's own in this stack."""

    options: O
    conventions: Conventions = field(default_factory=Conventions)
    stack: str = "dev"
    environment: str = "prod"
    level: Level = Level.MANDATORY

    @property
    def in_development(self) -> bool:
        """Whether the stack's environment is one for development."""
        return self.environment in self.conventions.development

    def service(self, resource: Resource) -> str | None:
        """The name of the service that a container or service is part of, from its label."""
        return resource.container.label(self.conventions.service_label)


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: the property at `path` has `value`, and `allowed` says what it should be.

    `value` is shown to people, unless the property is a secret or the value looks like one.
    `allowed` never contains any of the value. `urn` names the resource, in what a stack rule finds.
    """

    path: str
    value: Any
    allowed: str
    urn: str | None = None


#: The key of a rule's `reads` that stands for every type of resource.
EVERY_TYPE = "*"


Check = Callable[[Resource, Scope[Any]], Iterable[Finding]]
StackCheck = Callable[[Sequence[Resource], Scope[Any]], Iterable[Finding]]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One policy, whole: what it checks and what people need to know of it.

    `reads` maps each resource type that the rule looks at to the properties it reads there; none where
    the resource itself is what it looks for. A type may end in `*`, which stands for any text.
    `level` holds everywhere, `staging_level` outside development and `production_level` in production
    alone, where they are higher. A rule has a `check` of one resource or a `check_stack` of them all.
    """

    id: str
    title: str
    level: Level
    severity: Severity
    sources: tuple[str, ...]
    reads: Mapping[str, tuple[str, ...]]
    why: str
    fix: str
    check: Check | None = None
    check_stack: StackCheck | None = None
    staging_level: Level | None = None
    production_level: Level | None = None
    options: type[Options] = Options
    waivable: bool = True

    def properties(self, type_: str) -> tuple[str, ...] | None:
        """The properties that it reads of resources of that type; None where it doesn't look at them."""
        if type_ in self.reads:
            return self.reads[type_]
        for pattern, properties in self.reads.items():
            if pattern.endswith("*") and type_.startswith(pattern[:-1]):
                return properties
        return None

    def floor(self, environment: str, conventions: Conventions) -> Level:
        """The lowest level that the rule can have in `environment`."""
        levels = [self.level]
        if environment not in conventions.development:
            levels.append(self.staging_level or self.level)
            if environment not in conventions.staging:
                levels.append(self.production_level or self.level)
        return max(levels)
