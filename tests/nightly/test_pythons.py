"""`make check` on the newer versions of Python that a user may have."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from toolchain.process.steps import ROOT

pytestmark = pytest.mark.nightly

VERSIONS = ("3.12", "3.13", "3.14")

#: Seconds: the packages come first.
TIMEOUT = 900


def interpreter(version: str) -> str | None:
    """The Python of a version on this machine, on PATH or where pyenv has it."""
    found = shutil.which(f"python{version}")
    # pyenv puts a program of this name on PATH for versions that are installed and not in use.
    if found and subprocess.run([found, "-c", ""], capture_output=True, check=False).returncode == 0:
        return found
    installed = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")).glob(f"versions/{version}.*/bin/python3")
    return str(max(installed, default="")) or None


@pytest.mark.parametrize("version", VERSIONS)
def test_the_checks_pass_on_a_newer_python(version: str, tmp_path: Path) -> None:
    python = interpreter(version)
    if python is None:
        pytest.skip(f"there is no Python {version} on this machine")
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
    result = subprocess.run(
        ["make", "check", f"PYTHON={python}"], cwd=clone, capture_output=True, text=True, check=False, timeout=TIMEOUT,
        env={key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV" and not key.startswith("MAKE")},
    )  # fmt: skip
    assert result.returncode == 0, result.stdout[-5000:] + result.stderr[-2000:]
    used = subprocess.check_output([clone / ".venv/bin/python", "--version"], text=True)
    assert used.startswith(f"Python {version}.")
