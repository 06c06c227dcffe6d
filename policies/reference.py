"""Writes `docs/policies.md` from the rules: `python -m policies.reference`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from policies.registry import RULES
from policies.rule import Level, Options, Rule

FILE = Path(__file__).parent.parent / "docs" / "policies.md"

INTRODUCTION = Path(__file__).parent / "introduction.md"


def document() -> str:
    """The whole page: what people have to know, a table of the rules, and each rule."""
    return "\n".join([INTRODUCTION.read_text(), *_table(), "", *(line for rule in RULES for line in _rule(rule))])


def level(rule: Rule) -> str:
    """In which environments the rule stops an update.

    >>> {level(rule) for rule in RULES if rule.id in ("DKR-USER", "DKR-RESTART")} == {"mandatory", "advisory"}
    True
    """
    if rule.level == Level.MANDATORY:
        return "mandatory"
    if rule.staging_level == Level.MANDATORY:
        return "mandatory outside development"
    if rule.production_level == Level.MANDATORY:
        return "mandatory in production"
    return "advisory"


def _table() -> Iterator[str]:
    yield "## All rules"
    yield ""
    yield "| rule | what | level | severity | sources |"
    yield "| --- | --- | --- | --- | --- |"
    for rule in RULES:
        link = f"[{rule.id}](#{rule.id.lower()})"
        yield f"| {link} | {rule.title} | {level(rule)} | {rule.severity.name.lower()} | {'; '.join(rule.sources)} |"


def _rule(rule: Rule) -> Iterator[str]:
    yield f"## {rule.id}"
    yield ""
    yield f"{rule.title}. Level: {level(rule)}.{'' if rule.waivable else ' It can not be waived.'}"
    yield ""
    yield f"Why: {rule.why}"
    yield ""
    yield f"Fix: {rule.fix}"
    yield ""
    for type_, properties in rule.reads.items():
        what = (
            f"reads of `{type_}`: {', '.join(f'`{each}`' for each in properties)}" if properties else f"any `{type_}`"
        )
        yield f"- {what}"
    yield from _options(rule.options)
    yield ""


def _options(options: type[Options]) -> Iterator[str]:
    if not options.model_fields:
        return
    about = " ".join((options.__doc__ or "").split())
    for name, field in options.model_fields.items():
        yield f"- option `{field.alias}`, by default `{json.dumps(field.default)}`"
        about = about.replace(f"`{name}`", f"`{field.alias}`")
    yield ""
    yield about


if __name__ == "__main__":
    FILE.write_text(document())
