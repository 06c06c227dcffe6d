"""The program and the policy pack start in the way in which Pulumi's own language host starts them."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.e2e.support.stack import PROGRAM
from toolchain.process.steps import ROOT
from toolchain.pulumi_engine.engine import POLICY_OPTIONS
from toolchain.pulumi_engine.users_engine import EXECUTOR

pytestmark = pytest.mark.engine

SCRIPT = Path(__file__).with_name("official_executor.py")

#: The line of 0.1.0's Pulumi.yaml by which the official host runs a file, and finds none of the project's packages.
OLD_MAIN = "main: __main__.py\n"

#: Seconds for a preview with the policies.
TIMEOUT = 120


def preview(folder: Path, environment: dict[str, str], project: str) -> subprocess.CompletedProcess[str]:
    """Previews dev from an empty state, with the pack, by an engine whose language host has the test's executor."""
    tools, stack, state = folder / "bin", folder / "stack", folder / "state"
    for each in (tools, stack, state):
        each.mkdir()
    for part in (*PROGRAM, "Pulumi.dev.yaml"):
        (stack / part).symlink_to(ROOT / part)
    (stack / "Pulumi.yaml").unlink()
    (stack / "Pulumi.yaml").write_text(project)
    # The engine looks for its host, and the host for its executor, in its own folder.
    for program in ("pulumi", "pulumi-language-python"):
        shutil.copy2(shutil.which(program, path=environment["PATH"]) or "", tools)
    executor = tools / EXECUTOR
    executor.write_text(SCRIPT.read_text())
    executor.chmod(0o755)
    clean = {name: value for name, value in environment.items() if not name.startswith("PYTHON")}
    env = clean | {
        "PATH": f"{tools}{os.pathsep}{environment['PATH']}",
        "PULUMI_BACKEND_URL": f"file://{state}",
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(ROOT / "toolchain/dev-passphrase"),
    }

    def run(*command: str, check: bool) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=stack, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=TIMEOUT, check=check,
        )  # fmt: skip

    run("pulumi", "stack", "init", "dev", "--no-select", check=True)
    return run("pulumi", "preview", "--stack", "dev", "--non-interactive", *POLICY_OPTIONS, check=False)


def test_the_program_and_the_pack_start(tmp_path: Path, engine_environment: dict[str, str]) -> None:
    process = preview(tmp_path, engine_environment, (ROOT / "Pulumi.yaml").read_text())
    assert process.returncode == 0, process.stdout + process.stderr
    assert "run by the test's executor" in process.stdout
    assert "docker-hosts@" in process.stdout


def test_a_file_as_the_program_finds_no_packages(tmp_path: Path, engine_environment: dict[str, str]) -> None:
    process = preview(tmp_path, engine_environment, (ROOT / "Pulumi.yaml").read_text() + OLD_MAIN)
    assert process.returncode != 0
    assert "ModuleNotFoundError: No module named 'components'" in process.stdout
