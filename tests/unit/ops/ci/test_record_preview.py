"""A recording has what the report shows, and nothing that it does not."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from ops.ci import record_preview
from ops.ci.preview_reader import read
from ops.ci.preview_report import report
from tests.unit.ops.ci.previews import DATA, SECRET, created, policy, said, state, step, stream, update, volume
from toolchain.process.steps import ROOT, StepError
from toolchain.pulumi_engine.engine import POLICY_OPTIONS


def own_backend(config: Path | None = None) -> dict[str, str]:
    """As the toolchain's: the state's backend depends on the stack's config."""
    return {"PULUMI_BACKEND_URL": f"that of {config.name if config else 'no stack'}"}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment that each test leaves as it was, and no engine."""
    monkeypatch.setattr(os, "environ", {"PATH": os.environ["PATH"]})
    monkeypatch.setattr(record_preview, "environment", own_backend)
    monkeypatch.setattr(record_preview, "ensure_stack", lambda _stack, _env: None)


def answers(monkeypatch: pytest.MonkeyPatch, *results: tuple[int, str, str]) -> list[dict[str, str]]:
    """Has `pulumi preview` answer with these; returns the environments it was called with."""
    left, environments = list(results), list[dict[str, str]]()

    def run(command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
        assert command[:3] == ["pulumi", "preview", "--json"]
        environments.append(dict(options["env"]))  # type: ignore[call-overload]
        code, output, errors = left.pop(0)
        return subprocess.CompletedProcess(command, code, output, errors)

    monkeypatch.setattr(subprocess, "run", run)
    return environments


def test_a_recording_gives_the_same_report(monkeypatch: pytest.MonkeyPatch) -> None:
    content = stream(
        update({"a": 1, "b": SECRET}, {"a": 2, "b": "x"}, detail={"a": "update", "b": "update"}),
        step("update", "worker", old=state({}, c=1), new=state({"c": 2}), detail={"c": "update"}),
        created({"image": "a:1"}, "new"),
        volume("delete-replaced", protect=True), volume("replace", protect=True), volume("create-replacement"),
        step("same", "nats-data", DATA, old=state(protect=True), new=state()),
        policy("too much"), said("old", "warning"), said("no", "error"),
        result="failed", update=2, create=1, replace=1,
    )  # fmt: skip
    answers(monkeypatch, (1, content, ""))
    recording = record_preview.record("dev")
    assert report([read(recording, "dev")]) == report([read(content, "dev")])
    assert len(recording) < len(content)


def test_what_is_not_shown_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    outputs = {"resOutputsEvent": {"metadata": {"op": "same", "new": state({"a": "hidden"})}}}
    content = stream(
        step("same", old=state({"a": "hidden"}), new=state({"a": "hidden"})),
        step("update", old=state({"a": 1}, b="hidden"), new=state({"a": 2}), detail={"a": "update"}),
        step("delete-replaced", old=state({"a": "hidden"})),
        said("hidden", "debug"), said("hidden", "info"), said("hidden", "info#err"), outputs,
    )  # fmt: skip
    answers(monkeypatch, (0, content, "hidden"))
    recording = record_preview.record("dev")
    assert "hidden" not in recording
    assert [each.op for each in read(recording, "dev").steps] == ["same", "update", "delete-replaced"]


def test_the_events_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    environments = answers(monkeypatch, (0, stream(), ""))
    record_preview.record("dev")
    assert environments[0]["PULUMI_ENABLE_STREAMING_JSON_PREVIEW"] == "true"


@pytest.mark.parametrize(
    ("errors", "message"),
    [
        ("error: incorrect passphrase\n", "incorrect passphrase"),
        ("", "pulumi preview ended with exit code 3 and no word"),
    ],
)
def test_a_preview_that_did_not_begin_is_a_failed_one(
    monkeypatch: pytest.MonkeyPatch, errors: str, message: str
) -> None:
    answers(monkeypatch, (3, "", errors))
    found = read(record_preview.record("dev"), "dev")
    assert found.failed
    assert [each.message for each in found.errors] == [message]


def test_the_engine_s_exit_code_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, (1, stream(created({})), "error: the plugin crashed\n"))
    found = read(record_preview.record("dev"), "dev")
    assert found.failed
    assert [each.message for each in found.errors] == ["the plugin crashed"]


def test_a_preview_that_was_killed_is_a_failed_one(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = stream(created({}), created({}, "cut"))
    answers(monkeypatch, (-9, whole[: whole.index("::cut")], ""))
    found = read(record_preview.record("dev"), "dev")
    assert found.failed
    assert len(found.steps) == 1
    assert [each.message for each in found.errors] == [
        "line 3 of the preview is no event",
        "pulumi preview ended with exit code -9 and no word",
    ]


def test_a_stack_that_can_not_be_opened_is_a_failed_preview(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_stack: str, _env: object) -> None:
        raise StepError("the stack prod needs a passphrase of its own")

    monkeypatch.setattr(record_preview, "ensure_stack", refuse)
    found = read(record_preview.record("prod"), "prod")
    assert [each.message for each in found.errors] == ["the stack prod needs a passphrase of its own"]


def test_a_new_stack_is_not_made_in_the_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    os.environ["TASKTRACKER_BACKEND_URL"] = "s3://bucket"
    made: list[tuple[str, dict[str, str]]] = []
    monkeypatch.setattr(record_preview, "ensure_stack", lambda stack, env: made.append((stack, env)))
    environments = answers(monkeypatch, (6, "", "error: no stack named 'prod' found\n"), (0, stream(created({})), ""))
    assert read(record_preview.record("prod"), "prod").is_new
    assert ["TASKTRACKER_BACKEND_URL" in each for each in environments] == [True, False]
    # Not in the one that the stack's config names, either.
    assert [each["PULUMI_BACKEND_URL"] for each in environments] == ["that of Pulumi.prod.yaml", "that of no stack"]
    assert made == [("prod", own_backend())]


def test_another_refusal_of_the_backend_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    os.environ["TASKTRACKER_BACKEND_URL"] = "s3://bucket"
    environments = answers(monkeypatch, (1, "", "error: access denied\n"))
    assert read(record_preview.record("prod"), "prod").failed
    assert len(environments) == 1


@pytest.mark.parametrize(("stack", "given", "own"), [("dev", "", False), ("dev", "p", True), ("prod", "", True)])
def test_a_passphrase_is_only_in_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, stack: str, given: str, own: bool
) -> None:
    os.environ |= {"TASKTRACKER_PASSPHRASE": given, "TASKTRACKER_BACKEND_URL": ""}
    seen: dict[str, str] = {}

    def record(_stack: str) -> str:
        seen.update(os.environ)
        if given:
            file = Path(seen["TASKTRACKER_PASSPHRASE_FILE"])
            assert file.read_text() == given
            assert file.stat().st_mode & 0o077 == 0
        return stream()

    monkeypatch.setattr(record_preview, "record", record)
    assert record_preview.main([stack, "--output", str(tmp_path / "out.jsonl")]) == 0
    assert ("TASKTRACKER_PASSPHRASE_FILE" in seen) is own
    assert "TASKTRACKER_PASSPHRASE" not in seen
    assert "TASKTRACKER_BACKEND_URL" not in seen
    assert json.loads((tmp_path / "out.jsonl").read_text().split("\n")[0])


def test_the_policies_are_those_of_the_project() -> None:
    """The same that `tt up` and `tt preview` have (tests/unit/ops/tt/stack/test_up.py); make names none."""
    options = " ".join(POLICY_OPTIONS).replace(f"{ROOT}/", "")
    assert options == "--policy-pack policies --policy-pack-config policies/config.json"
    assert "policy-pack" not in (ROOT / "Makefile").read_text()


def test_a_recording_does_not_say_where_it_was_made(monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, (0, stream().replace("|local|policies", "|local|/home/kim/policies"), ""))
    recording = record_preview.record("dev")
    assert "kim" not in recording
    assert read(recording, "dev").packs == ["docker-hosts 1.0.0"]
