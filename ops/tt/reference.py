"""`python -m ops.tt.reference` writes docs/tt.md: commands, options and exit codes, by Typer's generator."""

from __future__ import annotations

import typer
from typer.cli import get_docs_for_click

from ops.tt.cli import app
from toolchain.process.steps import ROOT

FILE = ROOT / "docs" / "tt.md"

NOTE = "<!-- Written by `make docs` from ops/tt/; changes made here are lost. -->"


def document() -> str:
    """The page."""
    command = typer.main.get_command(app)
    pages = get_docs_for_click(obj=command, ctx=typer.Context(command), name="tt", title="`tt`")
    return f"{NOTE}\n\n{pages.strip()}\n"


if __name__ == "__main__":
    FILE.write_text(document())
