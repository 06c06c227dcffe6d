"""Whether a passphrase is the right one, against what Pulumi itself wrote."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.tt.project import Project
from ops.tt.state import passphrase
from toolchain.process.steps import ROOT
from toolchain.stacks.passphrase import PUBLIC_PASSPHRASE

#: What Pulumi wrote for the public passphrase.
SALT = next(line for line in (ROOT / "Pulumi.dev.yaml").read_text().splitlines() if line.startswith("encryptionsalt"))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE", raising=False)
    (tmp_path / "Pulumi.yaml").write_text("name: tasktracker\n")
    (tmp_path / "Pulumi.prod.yaml").write_text(f"config: {{}}\n{SALT}\n")
    return Project.find("prod", tmp_path)


def problem(project: Project, file: Path) -> str | None:
    return passphrase.problem(project, {"PULUMI_CONFIG_PASSPHRASE_FILE": str(file)})


def test_the_right_one_is_none(project: Project) -> None:
    assert problem(project, PUBLIC_PASSPHRASE) is None


def test_a_wrong_one_is_told_and_not_shown(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "passphrase"
    file.write_text("hunter2\n")
    found = problem(project, file)
    assert found is not None
    assert found.startswith(f"the passphrase in {file} is not the one of 'prod', whose salt is in Pulumi.prod.yaml. ")
    assert "hunter2" not in found
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "hunter2")
    found = problem(project, PUBLIC_PASSPHRASE)
    assert found is not None
    assert "the passphrase in the variable PULUMI_CONFIG_PASSPHRASE is not the one" in found


def test_a_missing_one_is_told(project: Project, tmp_path: Path) -> None:
    found = problem(project, tmp_path / "gone")
    assert found is not None
    assert found.startswith(f"the passphrase of 'prod' can't be read: {tmp_path / 'gone'}: No such file or directory. ")
    assert "`export TASKTRACKER_PASSPHRASE_FILE=FILE`" in found


@pytest.mark.parametrize(
    "settings",
    [
        "secretsprovider: awskms://alias/x?region=eu-west-1\nencryptedkey: abc\n",
        "config: {}\n",
        "encryptionsalt: v2:a:b:c:d\n",
        "encryptionsalt: v1:not base64!:v1:a:b\n",
        "encryptionsalt: later\n",
    ],
)
def test_what_can_not_be_known_is_no_problem(project: Project, settings: str) -> None:
    project.config_file.write_text(settings)
    assert problem(project, PUBLIC_PASSPHRASE) is None
