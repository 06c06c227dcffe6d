"""What is wrong with a config, collected: one problem a key."""

from collections.abc import Iterable, Iterator

from settings.describe import allowed, type_at
from settings.errors import Path, Problem, value_text
from settings.reading.given import Tree
from settings.rules import Conflict
from settings.stack import Settings, StackConfig


class Problems:
    """What was found, at most one problem a key: the first."""

    def __init__(self) -> None:
        self._found: dict[Path, Problem] = {}

    def __iter__(self) -> Iterator[Problem]:
        return iter(self._found.values())

    def add(self, problems: Iterable[Problem]) -> None:
        """Adds problems; the first of a key stays."""
        for problem in problems:
            self._found.setdefault(problem.path, problem)

    def add_conflicts(self, found: Iterable[Conflict], tree: Tree, settings: Settings) -> None:
        """Add the conflicts that don't rest on a default which stands in for a refused or misspelt key."""
        replaced = [path for problem in self for path in (problem.path, problem.meant) if path]
        self.add(
            _missing(conflict)
            if conflict.missing
            else Problem(conflict.path, conflict.message, _shown(conflict.path, tree, settings))
            for conflict in found
            if not any(_touch(path, other) for path in (conflict.path, *conflict.also) for other in replaced)
        )


def _missing(conflict: Conflict) -> Problem:
    """The problem of a setting or a secret that others require."""
    is_setting = conflict.path[0] in StackConfig.model_fields
    form = f"; must be {allowed(type_at(StackConfig, conflict.path))}" if is_setting else ""
    return Problem(conflict.path, f"{conflict.message}{form}", missing=True)


def _touch(path: Path, other: Path) -> bool:
    """Whether the two keys are the same, or one contains the other."""
    common = min(len(path), len(other))
    return path[:common] == other[:common]


def _shown(path: Path, tree: Tree, settings: Settings) -> str | None:
    """The value at `path` as the file has it, or the default; None for blocks and secrets."""
    for source, note in ((tree, ""), (settings.model_dump(mode="json"), " (default)")):
        value: object = source
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        if value is not None and not isinstance(value, dict):
            return value_text(value) + note
    return None
