"""The pieces of a report: call-outs, errors, violations and changes, most of them in full and in brief."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ops.ci import markdown, property_diff
from ops.ci.preview import Diagnostic, Preview, Step, Violation
from ops.ci.property_diff import ABSENT, Change

#: The label that lets a pull request replace or delete a data volume.
LABEL = "replace-data-volume"

#: Characters of a name, and of a value, that are shown.
NAME_LENGTH = 100
VALUE_LENGTH = 120

#: Characters that two long values are shown to have in common before they differ.
COMMON_LENGTH = 20

#: Rows of a resource's table, lines of a file's diff, and characters of such a line that are shown.
ROWS = 40
LINES = 60
LINE_LENGTH = 200

#: Characters of a message, or of a line of it.
MESSAGE_LENGTH = 1_000

#: Lines of an error and their characters, in full and in brief.
ERROR_SIZES = ((60, MESSAGE_LENGTH), (8, LINE_LENGTH))

#: Names that a sentence lists, and files that a resource shows.
NAMES = 10

#: What operations are called, the most severe first.
OPERATIONS = {
    "delete": "to delete",
    "replace": "to replace",
    "update": "to update",
    "create": "to create",
    "import": "to import",
    "same": "unchanged",
}

#: What is kept longest where there is no room for everything.
ERROR_RANK, POLICY_RANK, CHANGE_RANK, WARNING_RANK = 0, 1, 2, 20


@dataclass
class Block:
    """A piece of the report that is shown in full, in brief, or not at all, but never cut.

    Attributes:
        forms: Its text in full and in brief.
        noun: What it is called where it is left out.
        rank: Its place among those to be shortened; the last is first.
        form: The form that is shown; one past the last for none.
    """

    forms: tuple[str, str]
    noun: str
    rank: int
    form: int = 0

    @property
    def text(self) -> str:
        """What is shown of it."""
        return "" if self.is_left_out else self.forms[self.form]

    @property
    def is_left_out(self) -> bool:
        """Whether nothing of it is shown."""
        return self.form == len(self.forms)

    @property
    def is_shortened(self) -> bool:
        """Whether less is shown than there is."""
        return self.form == 1 and self.forms[0] != self.forms[1]


@dataclass
class Part:
    """Blocks under a title. Those with a summary are folded unless `open`."""

    blocks: list[Block]
    title: str = ""
    summary: str = ""
    open: bool = True


@dataclass(frozen=True)
class Row:
    """A property in a resource's table; `old` and `new` are Markdown."""

    path: str
    old: str
    new: str
    replaces: bool = False
    element: str = ""


@dataclass(frozen=True)
class File:
    """A property of several lines; `diff` is Markdown."""

    path: str
    diff: str
    replaces: bool = False
    element: str = ""


def call_outs(preview: Preview, *, allowed: bool) -> Iterator[str]:
    """What must not be overlooked, in bold; `allowed` by the label."""
    label = markdown.code(LABEL)
    consent = f"The label {label} allows it." if allowed else f"This fails the check without the label {label}."
    for what, steps in (
        ("Data volume", [step for step in preview.losses if step.is_data_volume]),
        ("Protected resource", [step for step in preview.losses if not step.is_data_volume]),
    ):
        for verb in ("replaced", "deleted"):
            names = [_name(step) for step in steps if (step.op == "delete") == (verb == "deleted")]
            if names:
                plural = "s" if len(names) > 1 else ""
                yield (
                    f"> **{what}{plural} would be {verb}: {_joined(names)}. "
                    f"What {'they hold' if plural else 'it holds'} would be lost.** {consent}"
                )
    unprotected = [_name(step) for step in preview.steps if step.loses_protection]
    if unprotected:
        yield f"> **Protection would be taken from {_joined(unprotected)}.** A later change could then delete it."


def diagnostic(told: Diagnostic) -> Block:
    """An error or a warning."""
    where = Step("", told.urn).name
    heading = f"{_short(where)}:\n\n" if where else ""
    full, brief = (heading + markdown.fence(markdown.shorten_lines(told.message, *size)) for size in ERROR_SIZES)
    return Block((full, brief), told.severity, ERROR_RANK if told.severity == "error" else WARNING_RANK)


def violations(told: Sequence[Violation]) -> list[Block]:
    """One block a policy, the mandatory ones first."""
    policies: dict[tuple[bool, str, str], list[Violation]] = {}
    for each in told:
        policies.setdefault((not each.is_mandatory, each.level, each.policy), []).append(each)
    return [_policy(level, policy, found) for (_, level, policy), found in sorted(policies.items())]


def changes(steps: Sequence[Step]) -> list[Part]:
    """One part a component, those with the most severe changes first."""
    components: dict[str, list[Step]] = {}
    for step in sorted(steps, key=_severity):
        components.setdefault(step.component, []).append(step)
    parts = []
    for component, found in components.items():
        ops = [step.op for step in found]
        numbers = ", ".join(counted(op, ops.count(op)) for op in dict.fromkeys(ops))
        name = markdown.summary(markdown.shorten(component, NAME_LENGTH))
        blocks = [_change(step) for step in found]
        parts.append(Part(blocks, summary=f"{name}: {numbers}", open=set(ops) != {"create"}))
    if parts:
        parts[0].title = "Changes"
    return parts


def counted(op: str, count: int) -> str:
    """How many resources an operation is for, in words."""
    return f"{count} {OPERATIONS.get(op) or markdown.text(op)}"


def severity(op: str) -> int:
    """The place of an operation in a list; one that isn't known comes before those that are."""
    order = list(OPERATIONS)
    return order.index(op) if op in order else -1


def number(count: int, noun: str) -> str:
    """So many of something."""
    plural = f"{noun.removesuffix('y')}ies" if noun.endswith("y") else f"{noun}s"
    return f"{count} {noun if count == 1 else plural}"


def _policy(level: str, policy: str, told: Sequence[Violation]) -> Block:
    """A policy with the resources that break it. The engine begins each message with its description."""
    messages = [each.message.partition("\n") for each in told]
    description = messages[0][0] if all(first == messages[0][0] and rest for first, _, rest in messages) else ""
    title = f"**{markdown.text(level) or 'mandatory'}** {_short(policy)}"
    if description:
        title += f": {markdown.text(markdown.shorten(description, LINE_LENGTH))}"
    lines = []
    for each, (_, _, rest) in list(zip(told, messages, strict=True))[:ROWS]:
        message = markdown.shorten(rest if description else each.message, MESSAGE_LENGTH)
        lines.append(f"- {_resource(each.urn)}: {markdown.text(message)}")
    if len(told) > ROWS:
        lines.append(f"- and {len(told) - ROWS} more")
    names = _joined([_resource(each.urn) for each in told])
    return Block(("\n".join([title, "", *lines]), f"{title}: {names}"), "policy", POLICY_RANK)


def _change(step: Step) -> Block:
    """What would happen to one resource."""
    rows: list[Row] = []
    files: list[File] = []
    if step.op == "create" and step.new:
        for key, value in property_diff.settings(step.new):
            shown = markdown.shorten(property_diff.shown(value), VALUE_LENGTH)
            rows.append(Row(markdown.shorten(key, NAME_LENGTH), "", markdown.cell(shown)))
    found = property_diff.changes(step)
    for change in found:
        path, element = (markdown.shorten(text, NAME_LENGTH) for text in (change.path, change.element))
        if _has_lines(change.old) or _has_lines(change.new):
            files.append(File(path, _lines_changed(change), change.replaces, element))
        else:
            rows.append(Row(path, *_pair(change), change.replaces, element))
    values = {
        "op": markdown.text(step.op),
        "name": markdown.shorten(step.name, NAME_LENGTH),
        "kind": markdown.shorten(step.kind, NAME_LENGTH),
        "protected": step.old is not None and step.old.protect,
        "changed": step.op != "create",
        "refers": _joined([_short(key) for key in step.dependency_keys]),
    }
    rows_left, files_left = max(0, len(rows) - ROWS), max(0, len(files) - NAMES)
    full = markdown.render(
        "change.md", **values, paths="", rows=rows[:ROWS], files=files[:NAMES], left_out=rows_left + files_left
    )
    paths = _joined([_short(change.path) for change in found])
    brief = markdown.render("change.md", **values, paths=paths, rows=[], files=[], left_out=0)
    return Block(
        (full.strip(), brief.strip()), "change", CHANGE_RANK + (0 if step.loses_data else 2 + severity(step.op))
    )


def _has_lines(value: object) -> bool:
    return isinstance(value, str) and "\n" in value.strip("\n")


def _lines_changed(change: Change) -> str:
    """A unified diff of two texts; the whole text where there was none, or will be none."""
    old, new = (_lines(value) for value in (change.old, change.new))
    # The first two lines are for names of files.
    lines = list(difflib.unified_diff(old, new, lineterm=""))[2:]
    return markdown.fence(markdown.shorten_lines("\n".join(lines), LINES, LINE_LENGTH), "diff")


def _lines(value: object) -> list[str]:
    if isinstance(value, str):
        return value.split("\n")
    return [] if value is ABSENT else [property_diff.shown(value)]


def _pair(change: Change) -> tuple[str, str]:
    """Old and new value for a table, cut so that the difference shows."""
    texts = [property_diff.shown(value) for value in (change.old, change.new)]
    if not any(texts):
        return "", "*not told*"
    if texts[0] == texts[1]:
        # A secret, or what is beyond what is looked into.
        return markdown.cell(markdown.shorten(texts[0], VALUE_LENGTH)), "*changed*"
    if all(len(text) > VALUE_LENGTH for text in texts):
        common = next((i for i, (a, b) in enumerate(zip(*texts, strict=False)) if a != b), min(map(len, texts)))
        start = max(0, common - COMMON_LENGTH)
        texts = [markdown.ELLIPSIS + text[start:] if start else text for text in texts]
    old, new = (markdown.cell(markdown.shorten(text, VALUE_LENGTH)) if text else "" for text in texts)
    return old, new


def _severity(step: Step) -> tuple[bool, int]:
    return not step.loses_data, severity(step.op)


def _resource(urn: str) -> str:
    """A resource by its name and type."""
    step = Step("", urn)
    if step.kind == "Stack" or not step.kind:
        return "the stack"
    return f"{_name(step)} ({_short(step.kind)})"


def _name(step: Step) -> str:
    return _short(step.name)


def _short(name: str) -> str:
    return markdown.code(markdown.shorten(name, NAME_LENGTH))


def _joined(names: Sequence[str]) -> str:
    more = len(names) - NAMES
    return ", ".join(names[:NAMES]) + (f" and {more} more" if more > 0 else "")
