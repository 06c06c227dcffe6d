"""Commands in messages are for the stack that they are about: without its name they would be run on dev."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from toolchain.process.steps import ROOT

#: A whole command of `tt`, as messages have it.
COMMAND = re.compile(r"`\./tt ([^`]*)`")

#: What is for no stack, or only says that there is a command.
WITHOUT_STACK = re.compile(r"--help|COMMAND|^dump$")


def texts(path: Path) -> Iterator[str]:
    """The texts of a module that are no docstrings and no help of an option, with `{}` for each value."""
    tree = ast.parse(path.read_text())
    skipped: set[int] = set()
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
            skipped.add(id(body[0].value))
        if isinstance(node, ast.keyword) and node.arg in ("help", "epilog"):
            skipped.add(id(node.value))
        if isinstance(node, ast.JoinedStr):
            skipped |= {id(each) for each in node.values}
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(each.value) if isinstance(each, ast.Constant) else "{}" for each in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


@pytest.mark.parametrize("folder", ["ops", "components", "settings", "remote", "stackfile"])
def test_commands_name_their_stack(folder: str) -> None:
    found = {
        f"{path.relative_to(ROOT)}: {command}"
        for path in (ROOT / folder).rglob("*.py")
        for text in texts(path)
        for command in COMMAND.findall(text)
        if "--stack" not in command and not WITHOUT_STACK.search(command)
    }
    assert found == set()
