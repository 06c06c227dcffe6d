"""An interrupt while a program of an operator's starts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ops.tt.errors import Exit
from toolchain.process.steps import ROOT

#: Runs a program with a folder of packages before those of the environment.
RUN = """
import runpy, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.path[:0] = [{root!r}, {packages!r}]
sys.argv = [{program!r}, *{arguments!r}]
runpy.run_path({program!r}, run_name="__main__")
"""


@pytest.mark.parametrize(
    ("arguments", "imported", "said"),
    [
        (["status"], "typer", "interrupted; nothing was done\n"),
        # What the command needs is loaded when it runs.
        (["up", "--stack=dev", "--yes"], "docker", "error: interrupted; nothing was changed\n"),
        (["pin", "--stack=dev", "--tag=1"], "docker", "error: interrupted; nothing was changed\n"),
    ],
)
def test_it_is_no_traceback(tmp_path: Path, arguments: list[str], imported: str, said: str) -> None:
    package = tmp_path / imported
    package.mkdir()
    (package / "__init__.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    program = str(ROOT / "ops/tt/__main__.py")
    script = RUN.format(root=str(ROOT), packages=str(tmp_path), program=program, arguments=arguments)
    result = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout, result.stderr) == (
        Exit.INTERRUPTED,
        "",
        said,
    )
