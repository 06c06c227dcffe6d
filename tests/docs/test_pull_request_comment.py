"""The page on what a pull request is told shows what the program makes of the recorded preview."""

from __future__ import annotations

from docs.pull_request_comment import PAGE, RECORDING, page
from ops.preview_report import LABEL, Exit, exit_code, load
from toolchain.steps import ROOT


def test_the_page_is_current() -> None:
    assert page() == PAGE.read_text(), "run `make docs`"


def test_the_recording_has_what_a_reader_wants_to_see() -> None:
    [preview] = load([RECORDING])
    assert {step.op for step in preview.changes} >= {"replace", "update"}
    assert preview.violations
    assert "[secret]" in PAGE.read_text()
    assert "```diff" in PAGE.read_text()
    assert exit_code([preview]) is Exit.FAILED


def test_the_page_names_what_the_workflow_reads() -> None:
    workflow = (ROOT / ".github/workflows/preview.yml").read_text()
    for name in ("TASKTRACKER_BACKEND_URL", "TASKTRACKER_PASSPHRASE_", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        assert name in workflow
        assert name in PAGE.read_text()
    assert f"`{LABEL}`" in PAGE.read_text()
