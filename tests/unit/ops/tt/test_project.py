"""The stack's config file, read and written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ops.tt.errors import FailedError, RefusedError, UnreachableError, UsageError
from ops.tt.project import DataVolumes, Project
from remote import DockerHost
from toolchain.process.steps import ROOT


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "Pulumi.yaml").write_text("name: tasktracker\n")
    (tmp_path / "Pulumi.dev.yaml").write_text("config:\n  tasktracker:environment: dev\n")
    return Project.find("dev", tmp_path)


def with_postgres(project: Project, block: str) -> DataVolumes:
    project.config_file.write_text(f"config:\n  tasktracker:postgres: {block}\n")
    return project.volumes()


def test_a_stack_begins_with_volume_1(project: Project) -> None:
    assert project.volumes() == DataVolumes(1, (), None)
    assert project.volumes().next == 2
    assert project.environment == "dev"
    assert project.docker_host is None


def test_numbers_are_never_taken_twice(project: Project) -> None:
    assert with_postgres(project, "{volume: 2, kept_volumes: [1, 5]}").next == 6
    restoring = with_postgres(project, "{volume: 2, restore: {volume: 7, to: latest}}")
    assert restoring.next == 8
    assert restoring.restore == {"volume": 7, "to": "latest"}


@pytest.mark.parametrize("block", ["7", "[1]", "{volume: x}", "{restore: {to: latest}}", "{kept_volumes: 3}"])
def test_a_config_that_is_not_understood_is_told_without_a_traceback(project: Project, block: str) -> None:
    with pytest.raises(UnreachableError, match="tasktracker:postgres is no block, or its volume"):
        with_postgres(project, block)


BROKEN = {
    "a: [": "Pulumi.dev.yaml:1:5: expected the node content, but found '<stream end>', while parsing a flow node",
    "- x": "Pulumi.dev.yaml:1:1: the file must be a block of keys and values",
    "config: 7": "Pulumi.dev.yaml:1:9: config must be a block of keys and values",
    "\0": "Pulumi.dev.yaml:1:1: the character U+0000 is not allowed in YAML",
}


@pytest.mark.parametrize(("text", "message"), BROKEN.items())
def test_a_file_that_is_no_config_is_told(project: Project, text: str, message: str) -> None:
    project.config_file.write_text(text)
    for read in (project.config, project.volumes, lambda: Project.find("dev", project.folder)):
        with pytest.raises(UnreachableError) as caught:
            read()
        assert str(caught.value) == message


def test_the_project_s_own_file_is_read_as_strictly(project: Project) -> None:
    assert project.name == "tasktracker"
    (project.folder / "Pulumi.yaml").write_bytes(b"name: a\nname: b\n")
    with pytest.raises(UnreachableError, match=r'Pulumi\.yaml:2:1: the key "name" is there twice'):
        _ = project.name


def test_an_unknown_stack_names_those_there_are(project: Project) -> None:
    with pytest.raises(UsageError, match="the stacks are dev"):
        Project.find("prod", project.folder)


def test_a_folder_without_a_project_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no project here"):
        Project.find("dev", tmp_path / "nowhere")


def test_the_current_folder_comes_first(project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(project.folder)
    assert Project.find("dev").folder == project.folder
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert Project.find("dev").folder == ROOT


def test_writing_keeps_mode_and_links(project: Project, tmp_path: Path) -> None:
    real = tmp_path / "real.yaml"
    project.config_file.rename(real)
    real.chmod(0o640)
    project.config_file.symlink_to(real)
    project.write(b"x: 1\n")
    assert real.read_bytes() == b"x: 1\n"
    assert project.config_file.is_symlink()
    assert real.stat().st_mode & 0o777 == 0o640
    assert {path.name for path in tmp_path.iterdir()} == {"Pulumi.yaml", "Pulumi.dev.yaml", "real.yaml"}


def test_an_edit_keeps_the_ends_of_lines_and_changes_no_file(project: Project) -> None:
    before = b"config: # x\r\n  tasktracker:environment: dev\r\n  tasktracker:domain: a\r\n"
    project.config_file.write_bytes(before)
    assert project.edited({"domain": "b.example"}) == before.replace(b"domain: a", b"domain: b.example")
    assert project.config_file.read_bytes() == before


def test_an_edit_that_can_not_be_made_names_the_file(project: Project) -> None:
    project.config_file.write_text("config:\n  tasktracker:postgres: &p {volume: 1}\n  tasktracker:x: *p\n")
    with pytest.raises(RefusedError, match=r"^Pulumi\.dev\.yaml: 2:25: &p is the value of other keys too"):
        project.edited({"postgres.volume": 2})
    project.config_file.write_bytes(b"\xff")
    with pytest.raises(UnreachableError, match=r"^Pulumi\.dev\.yaml can't be read"):
        project.edited({"postgres.volume": 2})


def test_a_write_that_fails_leaves_the_old_file(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    before = project.config_file.read_bytes()

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FailedError, match="No space"):
        project.write(b"half")
    assert project.config_file.read_bytes() == before
    assert {path.name for path in project.folder.iterdir()} == {"Pulumi.yaml", "Pulumi.dev.yaml"}


def test_two_changes_at_once_are_refused(project: Project) -> None:
    with project.lock(), pytest.raises(RefusedError, match="another `tt`"), project.lock():
        pass
    with project.lock():
        pass


def test_the_docker_host_is_the_program_s_or_the_provider_s(project: Project) -> None:
    project.config_file.write_text("config:\n  docker:host: tcp://127.0.0.1:1\n")
    provided = project.docker_host
    assert provided == "tcp://127.0.0.1:1"
    project.config_file.write_text(
        "config:\n  tasktracker:docker_host: {address: 'ssh://deploy@host', key_file: ~/k}\n"
    )
    assert project.docker_host == DockerHost("ssh://deploy@host", "~/k")
    project.config_file.write_text("config:\n  tasktracker:docker_host: ssh://deploy@host\n")
    with pytest.raises(UnreachableError, match="tasktracker:docker_host is not understood"):
        _ = project.docker_host
