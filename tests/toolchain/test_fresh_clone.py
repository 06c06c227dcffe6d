"""The first `up` of a fresh clone works and leaves every tracked file as it was."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.toolchain.conftest import Project
from toolchain.process.steps import ROOT
from toolchain.stacks.passphrase import PUBLIC_PASSPHRASE

pytestmark = pytest.mark.engine

TRACKED = ("Pulumi.yaml", "Pulumi.dev.yaml")


def test_dev_comes_with_a_salt_that_fits(tmp_path: Path, engine_environment: dict[str, str]) -> None:
    for name in TRACKED:
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "state").mkdir()
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    clone = Project(
        tmp_path,
        engine_environment
        | {
            "PULUMI_BACKEND_URL": f"file://{tmp_path / 'state'}",
            "PULUMI_CONFIG_PASSPHRASE_FILE": str(PUBLIC_PASSPHRASE),
        },
    )
    clone.write("import pulumi\npulumi.Stash('stash', input=pulumi.Output.secret('x'))")
    clone.pulumi("stack", "init", "dev", "--no-select")
    clone.pulumi("up", "-s", "dev", "--skip-preview")
    for name in TRACKED:
        assert (tmp_path / name).read_bytes() == (ROOT / name).read_bytes()
