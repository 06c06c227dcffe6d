"""The restore of files: which set it is of, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from ops.tt.errors import FailedError, InterruptedWorkError, RefusedError, UsageError
from ops.tt.operator import Operator
from ops.tt.output import Output
from ops.tt.project import Project
from ops.tt.restore import files
from ops.tt.state.update_events import UpdateError
from tests.unit.ops.tt.backup.test_files import SETS, FakeHost, parsed


def test_latest_is_the_newest_that_was_not_taken_before_a_restore() -> None:
    assert files._choose(parsed(), "uploads", "latest").id == "00000002"
    assert files._choose(parsed(), "uploads", "00000003").before_restore


@pytest.mark.parametrize("label", ["0000ffff", "00000001"])
def test_a_set_that_is_not_there_names_those_that_are(label: str) -> None:
    with pytest.raises(UsageError, match=f"--uploads {label}.*00000000, 00000002, 00000003"):
        files._choose(parsed(), "uploads", label)


class Engine:
    """An engine whose updates fail as `faults` say."""

    def __init__(self, project: Project, *faults: BaseException | None) -> None:
        self.project, self.faults = project, list(faults)

    def check_settled(self) -> None:
        """Nothing is under way."""

    def up(self, *_: object, **__: object) -> None:
        if self.faults and (fault := self.faults.pop(0)):
            raise fault


def restored(folder: Path, *faults: BaseException | None) -> Project:
    (folder / "Pulumi.dev.yaml").write_text(BEFORE)
    project = Project(folder, "dev")
    fake = FakeHost(output=json.dumps({"sets": SETS}))
    fake.containers["postgres"] = SimpleNamespace(attrs={"Mounts": [{"Name": "tasktracker-dev-postgres-data"}]})
    vars(fake)["client"] = SimpleNamespace(volumes=SimpleNamespace(get=lambda _: object()))
    made = SimpleNamespace(
        project=project, host=fake, engine=Engine(project, *faults), output=Output(json=True), confirm=lambda: None
    )
    files.restore(cast(Operator, made), {"uploads": "latest"})
    return project


BEFORE = "config:\n  tasktracker:environment: dev\n"


def test_a_restore_of_files_leaves_the_config_as_it_was(tmp_path: Path) -> None:
    assert restored(tmp_path).config_file.read_text() == BEFORE


def test_one_that_fails_says_what_may_have_changed(tmp_path: Path) -> None:
    with pytest.raises(FailedError, match=r"no Docker\nThe config is as it was before\. What was restored until then"):
        restored(tmp_path, UpdateError("no Docker"))
    assert (tmp_path / "Pulumi.dev.yaml").read_text() == BEFORE


@pytest.mark.parametrize("fault", [UpdateError("no Docker"), RefusedError("another update is under way")])
def test_a_finished_job_that_stays_is_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], fault: Exception
) -> None:
    restored(tmp_path, None, fault)
    left = "The files are restored, and the finished job is still there: `make up STACK=dev` takes it away"
    assert f"warning: {fault}\n{left}" in capsys.readouterr().err


def test_one_that_is_stopped_at_its_end_is_told(tmp_path: Path) -> None:
    with pytest.raises(InterruptedWorkError, match="interrupted: the files are restored"):
        restored(tmp_path, None, KeyboardInterrupt())
    assert (tmp_path / "Pulumi.dev.yaml").read_text() == BEFORE
