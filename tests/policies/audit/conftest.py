"""Runs the audit on a Docker that is made up."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from policies.audit import command
from remote import sdk
from tests.policies.audit.fake_docker import CARRIER, FakeApi
from tests.policies.audit.inspection.samples import RUNNING


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a project, in which the audit runs."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Pulumi.yaml").write_text("name: tasktracker\n")
    return tmp_path


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs the audit on containers, and gives its exit code, output and errors."""

    def run(*arguments: str, api: FakeApi | None = None, containers: Sequence[Any] = (RUNNING, CARRIER)) -> Any:
        fake = SimpleNamespace(api=api or FakeApi(containers))
        monkeypatch.setattr(sdk, "client", lambda host, timeout: fake)
        code = command.main(["--stack", "prod", *arguments])
        captured = capsys.readouterr()
        return SimpleNamespace(code=code, out=captured.out, err=captured.err)

    return run
