"""The workflows are right by actionlint, and give a pull request no more than it needs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from toolchain.process.steps import ROOT

ACTIONLINT = ROOT / "toolchain/actionlint"

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*"))

#: An action, pinned by its whole commit, with the version that it is.
PINNED = re.compile(r"[\w-]+/[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")

#: Contexts that somebody else than the maintainers writes. They reach a shell by `env` alone.
EXPRESSION = re.compile(r"\$\{\{")

each_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)


def parsed(path: Path) -> dict[Any, Any]:
    document: dict[Any, Any] = yaml.safe_load(path.read_text())
    return document


def jobs(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from parsed(path)["jobs"].items()


def steps(path: Path) -> Iterator[dict[str, Any]]:
    for _, job in jobs(path):
        yield from job["steps"]


def actionlint(*paths: Path) -> subprocess.CompletedProcess[str]:
    """Runs actionlint; Go builds it from its locked modules once, and keeps it."""
    if shutil.which("go") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("no Go to build actionlint with, and with CI=true that is a failure")
        pytest.skip("no Go to build actionlint with")
    return subprocess.run(
        ["go", "-C", ACTIONLINT, "tool", "actionlint", "-no-color", *paths],
        env={**os.environ, "GOFLAGS": "-mod=readonly", "GOWORK": "off"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_there_are_workflows() -> None:
    assert {path.name for path in WORKFLOWS} >= {"ci.yml", "nightly.yml", "preview.yml"}


def test_actionlint_has_nothing_to_say() -> None:
    result = actionlint(*WORKFLOWS)
    assert result.returncode == 0, result.stdout + result.stderr


def test_actionlint_does_find_mistakes(tmp_path: Path) -> None:
    path = tmp_path / "bad.yml"
    path.write_text(
        "on: push\njobs:\n  a:\n    runs-on: ubuntu-24.04\n    steps:\n      - run: echo ${{ nothing.here }}\n"
    )
    result = actionlint(path)
    assert result.returncode == 1
    assert "nothing" in result.stdout


@each_workflow
def test_actions_are_pinned_by_commit(path: Path) -> None:
    used = re.findall(r"^\s*-?\s*uses:\s*(.+?)\s*$", path.read_text(), re.MULTILINE)
    assert len(used) == sum("uses" in step for step in steps(path)) + sum("uses" in job for _, job in jobs(path))
    assert [each for each in used if not PINNED.fullmatch(each)] == []


def test_an_action_has_one_version() -> None:
    used = {line for path in WORKFLOWS for line in re.findall(r"uses:\s*(.+?)\s*$", path.read_text(), re.MULTILINE)}
    names = [each.partition("@")[0] for each in used]
    assert len(names) == len(set(names)), sorted(used)


@each_workflow
def test_nothing_is_allowed_but_what_a_job_says(path: Path) -> None:
    assert parsed(path)["permissions"] == {}
    for _, job in jobs(path):
        written = {name for name, level in job["permissions"].items() if level != "read"}
        assert written <= {"pull-requests"}
        assert set(job["permissions"]) <= {"contents", "pull-requests"}


def test_only_the_comment_s_job_may_write_and_it_has_no_secrets() -> None:
    writers = [job for path in WORKFLOWS for _, job in jobs(path) if "write" in job["permissions"].values()]
    [writer] = writers
    assert "ops.ci.pull_request" in yaml.safe_dump(writer)
    assert "secrets" not in yaml.safe_dump(writer)


@each_workflow
def test_jobs_end_and_make_way(path: Path) -> None:
    assert parsed(path)["concurrency"]["group"]
    # No one waits for the nightly one.
    most = 180 if path.name == "nightly.yml" else 60
    for name, job in jobs(path):
        assert 0 < job["timeout-minutes"] <= most, name
        assert job["runs-on"] == "ubuntu-24.04", name


@each_workflow
def test_no_event_runs_foreign_code_with_this_repository_s_rights(path: Path) -> None:
    # YAML takes the key `on` for true.
    events = set(parsed(path)[True])
    if path.name == "nightly.yml":
        # Of what is in the repository already, with nothing that a pull request brings.
        assert events == {"schedule", "workflow_dispatch"}
        assert "secrets" not in path.read_text()
        return
    assert "pull_request" in events
    assert events <= {"pull_request", "push"}


@each_workflow
def test_no_expression_is_pasted_into_a_script(path: Path) -> None:
    assert [step["run"] for step in steps(path) if EXPRESSION.search(step.get("run", ""))] == []


@each_workflow
def test_no_credentials_are_left_in_the_checkout(path: Path) -> None:
    for step in steps(path):
        if str(step.get("uses", "")).startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


def test_every_job_with_all_tests_has_the_whole_history() -> None:
    # A test brings up earlier versions from their commits.
    testing = [job for path in WORKFLOWS for _, job in jobs(path) if "make test" in str(job["steps"])]
    assert testing
    for job in testing:
        [checkout] = [step for step in job["steps"] if str(step.get("uses", "")).startswith("actions/checkout@")]
        assert checkout["with"].get("fetch-depth") == 0


def test_labels_start_the_previews_again() -> None:
    types = parsed(ROOT / ".github/workflows/preview.yml")[True]["pull_request"]["types"]
    assert set(types) == {"opened", "synchronize", "reopened", "labeled", "unlabeled"}


def test_a_check_that_must_not_be_skipped_is_not() -> None:
    # A job that is skipped, for its `if` or for a failed job that it needs, counts as passed.
    for path in WORKFLOWS:
        for name, job in jobs(path):
            if "needs" in job and name == "report":
                assert job["if"] == "${{ !cancelled() }}"
            else:
                assert "if" not in job, name


def test_the_checks_are_those_of_make() -> None:
    scripts = [step.get("run") for step in steps(ROOT / ".github/workflows/ci.yml")]
    assert {"make check", "make test"} <= set(scripts)


def test_stacks_that_were_made_are_listed_however_their_files_are_written(tmp_path: Path) -> None:
    if shutil.which("jq") is None:
        pytest.skip("jq is not installed")
    [script] = [step["run"] for step in steps(ROOT / ".github/workflows/preview.yml") if step.get("id") == "names"]
    for name in (".venv", "stackfile"):
        (tmp_path / name).symlink_to(ROOT / name)
    for stack, text in {
        "salted": "config: {}\nencryptionsalt: v1:abc\n",
        "flow": "{config: {}, secretsprovider: 'awskms://alias/x'}\n",
        "new": "config:\n  tasktracker:domain: |\n    encryptionsalt: x\n# encryptionsalt: x\n",
    }.items():
        (tmp_path / f"Pulumi.{stack}.yaml").write_text(text)
    (tmp_path / "Pulumi.yaml").write_text("name: x\nencryptionsalt: x\n")

    def run() -> int:
        env = {**os.environ, "GITHUB_OUTPUT": str(tmp_path / "output")}
        return subprocess.run(["bash", "-eo", "pipefail", "-c", script], cwd=tmp_path, env=env, check=False).returncode

    assert run() == 0
    assert (tmp_path / "output").read_text() == 'names=["flow","salted"]\n'
    (tmp_path / "Pulumi.bad.yaml").write_text("config: {")
    assert run() != 0
