"""What must not get from the user's environment into a program."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from toolchain.process.steps import ROOT
from toolchain.pulumi_engine.environment import BACKEND, PYTHON_VARIABLES, Way, clean, default_backend, variables


def test_a_clean_environment_keeps_what_is_no_business_of_python() -> None:
    kept = {
        "PATH": "/bin",
        "HOME": "/home/me",
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PIP_INDEX_URL": "https://mirror.example.com/simple",
        "PIP_CONFIG_FILE": "/etc/pip.conf",
        "PIP_CERT": "/etc/ssl/ca.pem",
        "PIPX_HOME": "/opt/pipx",
        "PULUMI_HOME": "/home/me/.pulumi",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
    }
    dropped = ["PIP_TARGET", "PIP_PREFIX", "PIP_USER", "PIP_REQUIRE_VIRTUALENV", *PYTHON_VARIABLES]
    environment = {**kept, **dict.fromkeys(dropped, "x")}
    clean(environment)
    assert environment == kept


def test_a_clean_environment_has_no_engine_of_set_ups_own() -> None:
    environment = {
        "PULUMI_HOME": "/other clone/.tools/pulumi-home",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "PULUMI_BACKEND_URL": "s3://states",
    }
    clean(environment)
    # The home of the one who runs it, where a service has none in its environment.
    assert environment == {"PULUMI_BACKEND_URL": "s3://states", "HOME": str(Path.home())}


def test_a_stack_of_another_project_has_its_state_there(tmp_path: Path) -> None:
    """As for a `tt` of one clone that is called in another: it would mix one's config with the other's state."""
    own, other = tmp_path / "own", tmp_path / "other"
    for folder in (own, other):
        folder.mkdir()
        (folder / "Pulumi.dev.yaml").write_text("config:\n  tasktracker:environment: dev\n")
    found = variables(Way.BUILD, own, {}, other / "Pulumi.dev.yaml")
    assert found[BACKEND] == default_backend(other, {}) == f"file://{other}/.state"
    assert found["PULUMI_HOME"].startswith(str(own))
    assert variables(Way.BUILD, own, {})[BACKEND] == f"file://{own}/.state"
    base = {"TASKTRACKER_BACKEND_URL": "s3://states"}
    assert (
        variables(Way.BUILD, own, base, other / "Pulumi.dev.yaml")[BACKEND]
        == default_backend(other, base)
        == ("s3://states")
    )


def test_the_makefile_keeps_the_same_variables_from_its_commands(tmp_path: Path) -> None:
    text = (ROOT / "Makefile").read_text()
    (block,) = re.findall(r"^unexport ((?:.*\\\n)*.*)$", text, re.MULTILINE)
    assert block.replace("\\\n", " ").split() == list(PYTHON_VARIABLES)
    (tmp_path / "Makefile").write_text(f"unexport {block}\nall:\n\t@env\n")
    given = dict.fromkeys(PYTHON_VARIABLES, "/elsewhere")
    process = subprocess.run(
        ["make", "-s", "-C", tmp_path], env={**os.environ, **given}, capture_output=True, text=True, check=True
    )
    assert not [line for line in process.stdout.splitlines() if line.partition("=")[0] in given]


@pytest.fixture
def traps(tmp_path: Path) -> dict[str, str]:
    """Variables of a user with which any Python that heeds them ends at once."""
    folder = tmp_path / "traps"
    for name in ("dataclasses", "typer", "yaml", "cryptography", "sitecustomize", "toolchain", "ops", "pip", "venv"):
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text(f"import os\nprint('trapped by {name}', flush=True)\nos._exit(99)\n")
    return {"PYTHONPATH": str(folder), "PYTHONSAFEPATH": "1", "PYTHONWARNINGS": "error", "PYTHONINSPECT": "1"}


def test_the_operators_command_imports_the_project_alone(traps: dict[str, str], tmp_path: Path) -> None:
    # Nor what is in the folder that it is called from.
    (tmp_path / "rich.py").write_text("raise SystemExit(98)\n")
    process = subprocess.run(
        [ROOT / "tt", "--version"],
        cwd=tmp_path,
        env={**os.environ, **traps},
        capture_output=True,
        text=True,
        check=False,
    )
    help_text = subprocess.run(
        [ROOT / "tt", "--help"], cwd=tmp_path, env={**os.environ, **traps, "PYTHONHOME": "/nowhere"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "trapped" not in process.stdout + process.stderr
    assert (help_text.returncode, help_text.stderr) == (0, "")
    assert "restore" in help_text.stdout
