"""Every released version is recorded with its commit and the states of its stacks."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.upgrade.mutations import PLANNED, REFUSED, Mutation, mutated
from tests.upgrade.releases import STATES, Release, ReleaseError, checkout, release, releases
from tests.upgrade.shapes import SHAPES
from tests.upgrade.states import STATE
from toolchain.process.steps import ROOT


def test_the_first_release_is_recorded() -> None:
    assert release("0.1.0").commit == "e9663db07607e8dd267e5cef51b951cb4dea642b"


@pytest.mark.parametrize("each", releases(), ids=lambda each: each.version)
def test_a_release_is_complete(each: Release) -> None:
    assert re.fullmatch(r"[0-9a-f]{40}", each.commit)
    assert re.fullmatch(r"\d+\.\d+\.\d+", each.version)
    assert each.shapes
    assert {*each.shapes} <= {*SHAPES}
    for name in each.shapes:
        files = {path.name for path in (each.states / name).iterdir()}
        assert files == {STATE, f"Pulumi.{SHAPES[name].stack}.yaml"}


def test_each_kept_state_is_of_a_release() -> None:
    kept = {(path.parent.name, path.name) for path in STATES.glob("*/*") if path.is_dir()}
    assert kept == {(each.version, name) for each in releases() for name in each.shapes}


def test_each_release_of_the_changelog_is_recorded() -> None:
    named = re.findall(r"^## \[?(\d+\.\d+\.\d+)\]?", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert {*named} <= {each.version for each in releases()}


def test_versions_come_in_order() -> None:
    versions = [tuple(map(int, each.version.split("."))) for each in releases()]
    assert versions == sorted(set(versions))


def test_an_unknown_version_is_an_error() -> None:
    with pytest.raises(ReleaseError, match=r"releases\.toml: there is no release '9\.9\.9'; there are 0\.1\.0"):
        release("9.9.9")


def test_a_commit_that_is_not_in_the_clone_is_an_error_with_advice(tmp_path: Path) -> None:
    gone = Release("0.0.1", 40 * "0", ("dev",))
    with pytest.raises(ReleaseError, match=r"version 0\.0\.1 is the commit 0{40}, .*git fetch --unshallow"):
        checkout(gone, tmp_path / "program")
    assert not (tmp_path / "program").exists()


def test_a_checkout_has_the_program_and_the_environment_of_today(tmp_path: Path) -> None:
    repository = tmp_path / "repository"

    def git(*args: str) -> str:
        own = ("-c", "user.name=Jo", "-c", "user.email=jo@example.com", "-c", "init.defaultBranch=main")
        command = ["git", *own, "-C", str(repository), *args]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    repository.mkdir()
    git("init")
    (repository / "Pulumi.yaml").write_text("name: x\nmain: __main__.py\nruntime: python\n")
    (repository / "kept.py").write_text("old")
    git("add", ".")
    git("commit", "-m", "a release")
    commit = git("rev-parse", "HEAD")
    (repository / "kept.py").write_text("new")
    git("commit", "-a", "-m", "later")
    folder = checkout(Release("0.0.1", commit, ("dev",)), tmp_path / "program", repository)
    assert (folder / "kept.py").read_text() == "old"
    assert (folder / "Pulumi.yaml").read_text() == "name: x\nruntime: python\n"
    assert (folder / ".venv").resolve() == (ROOT / ".venv").resolve()


@pytest.mark.parametrize(
    "mutation",
    [each for table in (PLANNED, REFUSED) for mutations in table.values() for each in mutations],
    ids=lambda mutation: mutation.what,
)
def test_the_code_of_each_change_is_in_the_program(mutation: Mutation, tmp_path: Path) -> None:
    program = mutated([mutation], tmp_path / "program")
    changed = (program / mutation.file).read_text()
    compile(changed, mutation.file, "exec")
    assert changed != (ROOT / mutation.file).read_text()


def test_a_change_of_code_that_is_gone_is_an_error(tmp_path: Path) -> None:
    gone = Mutation("a name", "VERSION", (("no such code", ""),), "")
    with pytest.raises(ValueError, match="VERSION has 0 times what changes a name: 'no such code'"):
        mutated([gone], tmp_path / "program")
