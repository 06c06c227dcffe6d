"""Which damaged or lost state is named, and with what cure."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from toolchain.stacks.damaged_state import damaged, lost

STACK, PROVIDER, CONTAINER = "pulumi:pulumi:Stack", "pulumi:providers:docker", "docker:index/container:Container"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / ".pulumi/stacks/tasktracker"
    made.mkdir(parents=True)
    return made


def state(types: Sequence[str] = (STACK, CONTAINER)) -> str:
    resources = [{"urn": f"urn:{number}", "type": type_} for number, type_ in enumerate(types)]
    return json.dumps({"version": 3, "checkpoint": {"latest": {"resources": resources} if types else None}})


def cure(file: Path) -> str:
    return (
        f"{file}.bak has it as it was one step earlier: `cp {file}.bak {file}`, then `make recover STACK=prod`. "
        "`./tt state list --stack prod` has those that were saved"
    )


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b'{"version": 3, "checkpoint": {',
        b"\x00\xff",
        b'{"checkpoint": {"latest": {"resources": "x"}}}',
        b"{}",
        b"[]",
    ],
)
def test_a_file_that_is_no_state_is_named_with_what_helps(tmp_path: Path, folder: Path, content: bytes) -> None:
    (folder / "demo.json").write_text(state())
    (folder / "empty.json").write_text(state([]))
    (folder / "demo.json.bak").write_text("{")
    assert damaged(f"file://{tmp_path}") is None
    file = folder / "prod.json"
    file.write_bytes(content)
    assert damaged(f"file://{tmp_path}") == (
        f"{file} is damaged. `./tt state list --stack prod` has those that were saved"
    )
    (folder / "prod.json.bak").write_text(state())
    assert damaged(f"file://{tmp_path}") == f"{file} is damaged. {cure(file)}"


def test_a_state_that_is_gone_is_found_by_the_copy_that_pulumi_keeps(tmp_path: Path, folder: Path) -> None:
    backend, file = f"file://{tmp_path}", folder / "prod.json"
    assert lost(backend, "tasktracker", "prod") is None
    (folder / "prod.json.bak").write_text(state())
    again = f"If 'prod' is to begin anew, remove {file}.bak"
    assert lost(backend, "tasktracker", "prod") == f"{file} is gone. {cure(file)}. {again}"
    assert lost(backend, "tasktracker", "dev") is None
    assert lost(backend, "other", "prod") is None
    file.mkdir()
    there = cure(file).replace("`cp", f"`rm -r {file}`, then `cp", 1)
    assert lost(backend, "tasktracker", "prod") == f"{file} is no file. {there}. {again}"
    file.rmdir()
    file.write_text(state())
    assert lost(backend, "tasktracker", "prod") is None


@pytest.mark.parametrize("types", [[], [STACK], [STACK, PROVIDER]])
def test_a_stack_that_was_removed_is_not_lost(tmp_path: Path, folder: Path, types: Sequence[str]) -> None:
    (folder / "prod.json.bak").write_text(state(types))
    assert lost(f"file://{tmp_path}", "tasktracker", "prod") is None


@pytest.mark.parametrize("backend", ["s3://states?region=eu-central-1", "file:///nonexistent"])
def test_of_others_pulumi_s_words_are_all_there_is(backend: str) -> None:
    assert damaged(backend) is None
    assert lost(backend, "tasktracker", "prod") is None
