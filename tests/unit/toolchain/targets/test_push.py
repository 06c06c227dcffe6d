"""`make push`, with a fake for Docker."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from images.catalog import IMAGES, local_reference
from toolchain.machine import docker_cli
from toolchain.process import steps
from toolchain.process.steps import StepError
from toolchain.targets import push as module
from toolchain.targets.push import push

REPOSITORY = "registry.example.com/tasktracker"


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Docker that notes its calls; one with the file `refusal` beside it refuses to push."""
    program = tmp_path / "docker"
    program.write_text(
        f'#!/bin/sh\necho "$*" >> {tmp_path}/calls\n'
        f'[ "$1" = push ] && [ -e {tmp_path}/refusal ] && {{ cat {tmp_path}/refusal; exit 1; }}\nexit 0\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(docker_cli, "FOLDERS", ())
    monkeypatch.setattr(steps, "LOGS", tmp_path / "logs")
    return tmp_path / "calls"


def test_every_image_that_runs_is_tagged_pushed_and_untagged(calls: Path) -> None:
    pushed = push(REPOSITORY, "1.2.0")
    assert pushed == [f"{REPOSITORY}/{name}:1.2.0" for name in IMAGES if name != "base"]
    made = calls.read_text().splitlines()
    for name in IMAGES:
        steps_of = [line for line in made if line.endswith(f"{REPOSITORY}/{name}:1.2.0")]
        expected = [
            f"tag {local_reference(name)} {REPOSITORY}/{name}:1.2.0",
            f"push {REPOSITORY}/{name}:1.2.0",
            f"image rm {REPOSITORY}/{name}:1.2.0",
        ]
        assert steps_of == ([] if name == "base" else expected)


def test_without_a_tag_it_is_the_version(calls: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A tag has no plus.
    monkeypatch.setattr(module, "version", lambda: "1.2.0+build.5")
    assert push(REPOSITORY)[0].endswith(":1.2.0-build.5")


@pytest.mark.parametrize(
    "repository", ["", "tasktracker", "registry.example.com", "https://registry.example.com/x", "a/b"]
)
def test_a_repository_is_a_registry_and_a_folder(calls: Path, repository: str) -> None:
    with pytest.raises(StepError, match=r"must be a registry and a folder there, such as registry\.example\.com"):
        push(repository, "1.2.0")
    assert not calls.exists()


@pytest.mark.parametrize("tag", ["latest", "-1", "a b", "a/b", 129 * "a"])
def test_a_tag_is_one(calls: Path, tag: str) -> None:
    with pytest.raises(StepError, match="never latest"):
        push(REPOSITORY, tag)
    assert not calls.exists()


def test_a_registry_that_refuses_is_told_with_how_to_log_in(
    calls: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (calls.parent / "refusal").write_text("no basic auth credentials\n")
    monkeypatch.setattr(sys, "argv", ["push", "--tag", "1.2.0", REPOSITORY])
    monkeypatch.setattr(module, "stop_on_signals", lambda: None)
    assert module.main() == 1
    told = capsys.readouterr().err
    assert "no basic auth credentials" in told
    assert "log in first: `docker login registry.example.com`" in told
    # No second name stays on an image.
    made = calls.read_text().splitlines()
    assert len([line for line in made if line.startswith("tag ")]) == len(
        [line for line in made if line.startswith("image rm ")]
    )
