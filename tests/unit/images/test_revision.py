"""The version and the commit that images are labelled with, and that a stack tells."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from images.catalog import CatalogError
from images.revision import commit, version


@pytest.mark.parametrize("text", ["0.1.0", "12.0.3-rc.1", "1.0.0+build.5"])
def test_the_version_is_semantic(text: str, tmp_path: Path) -> None:
    (tmp_path / "VERSION").write_text(f"{text}\n")
    assert version(tmp_path) == text


@pytest.mark.parametrize("text", ["", "1.0", "v1.0.0", "1.0.0\n2.0.0"])
def test_another_version_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "VERSION").write_text(text)
    with pytest.raises(CatalogError, match=r"VERSION: .* is no semantic version; allowed: MAJOR\.MINOR\.PATCH"):
        version(tmp_path)


def test_a_missing_version_is_told(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="VERSION: No such file"):
        version(tmp_path)


def git(tree: Path, *args: str) -> str:
    identity = ["-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false"]
    return subprocess.run(
        ["git", "-C", str(tree), *identity, *args], check=True, capture_output=True, text=True
    ).stdout.strip()


def test_the_commit_is_the_last_that_changed_the_paths(tree: Path) -> None:
    assert commit(tree) is None, "no repository"
    git(tree, "init", "-q")
    assert commit(tree) is None, "no commit"
    git(tree, "add", ".")
    git(tree, "commit", "-qm", "all")
    first = git(tree, "rev-parse", "HEAD")
    with (tree / "images/nginx/Dockerfile").open("a") as file:
        file.write("# changed\n")
    assert commit(tree, ["images/nginx"]) == commit(tree) == f"{first}-dirty"
    assert commit(tree, ["images/nats"]) == first
    git(tree, "commit", "-qam", "nginx")
    second = git(tree, "rev-parse", "HEAD")
    assert (commit(tree, ["images/nginx"]), commit(tree, ["images/nats"]), commit(tree)) == (second, first, second)


def test_an_unpacked_archive_in_a_repository_has_no_commit(tree: Path) -> None:
    git(tree, "init", "-q")
    git(tree, "add", ".")
    git(tree, "commit", "-qm", "all")
    assert commit(tree / "images") is None


def test_a_git_hook_sees_the_same_commit(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git(tree, "init", "-q")
    git(tree, "add", ".")
    git(tree, "commit", "-qm", "all")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "another"))
    assert commit(tree) is not None


def test_without_git_there_is_no_commit(tree: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    assert commit(tree) is None
