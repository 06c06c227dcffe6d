"""Which damaged state is named."""

from pathlib import Path

import pytest

from toolchain.damaged_state import damaged


@pytest.mark.parametrize("content", [b"", b'{"version": 3, "checkpoint": {', b"\x00\xff"])
def test_a_file_that_is_no_json_is_named_with_what_helps(tmp_path: Path, content: bytes) -> None:
    folder = tmp_path / ".pulumi/stacks/tasktracker"
    folder.mkdir(parents=True)
    (folder / "demo.json").write_text("{}")
    (folder / "demo.json.bak").write_text("{")
    assert damaged(f"file://{tmp_path}") is None
    (folder / "prod.json").write_bytes(content)
    file = folder / "prod.json"
    assert damaged(f"file://{tmp_path}") == (
        f"{file} is damaged. {file}.bak has it as it was one step earlier: `cp {file}.bak {file}`, then "
        "`make recover STACK=prod`. `./tt state list --stack prod` has those that were saved"
    )


@pytest.mark.parametrize("backend", ["s3://states?region=eu-central-1", "file:///nonexistent"])
def test_of_others_pulumi_s_words_are_all_there_is(backend: str) -> None:
    assert damaged(backend) is None
