"""Which backend a stack's config names, and a change of it that touches no other line."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

import stackfile
from toolchain.process.steps import StepError
from toolchain.pulumi_engine.backends import KEY, LINE, check_backend, state_backend
from toolchain.pulumi_engine.environment import Way, shell_script

URL = "s3://states/prod?region=eu-central-1&endpoint=https://s3.example.com:7070&use_path_style=true"

CONFIG = """\
# yaml-language-server: $schema=docs/config.schema.json
# What is live.
config: # by people
  # dev, staging or prod
  tasktracker:environment: prod
  tasktracker:nginx:
    publish: {port: 80}
encryptionsalt: v1:abc
"""


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (f"  {KEY}: {URL}", URL),
        (f'  {KEY}: "{URL}"  # moved in May', URL),
        (f"  '{KEY}': '{URL}'", URL),
        (f"    {KEY}:   {URL}", URL),
        (f"  # {KEY}: {URL}", None),
        (f"  {KEY}:", None),
        (f"  {KEY}s: {URL}", None),
        ("  tasktracker:domain: example.com", None),
    ],
)
def test_python_and_sed_find_the_same(tmp_path: Path, line: str, found: str | None) -> None:
    file = tmp_path / "Pulumi.prod.yaml"
    file.write_text(CONFIG.replace("  # dev,", f"{line}\n  # dev,"))
    assert state_backend(file) == found
    sed = subprocess.run(["sed", "-nE", f"s|{LINE}|\\1|p", file], capture_output=True, text=True, check=True)
    assert sed.stdout == (f"{found}\n" if found else "")


def test_a_comment_in_another_encoding_hides_no_backend(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.prod.yaml"
    file.write_bytes(f"config:\n  {KEY}: {URL}  # f\xfcr alle\n".encode("latin-1"))
    assert state_backend(file) == URL
    shell = shell_script(Way.PATH, tmp_path)
    (tmp_path / ".tools").mkdir()
    (tmp_path / ".tools/env").write_text(shell)
    (tmp_path / "Pulumi.yaml").touch()
    command = f". {tmp_path}/.tools/env && printf %s $PULUMI_BACKEND_URL"
    env = {"PATH": os.environ["PATH"], "STACK": "prod", "LC_ALL": "C.UTF-8"}
    assert subprocess.run(["bash", "-c", command], env=env, capture_output=True, text=True, check=True).stdout == URL


def test_a_file_that_can_t_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(StepError, match=f"{tmp_path.name}: can't be read: Is a directory"):
        state_backend(tmp_path)


def test_a_stack_without_a_config_file_names_none(tmp_path: Path) -> None:
    assert state_backend(tmp_path / "Pulumi.prod.yaml") is None


SAME = [f"config:\n  {KEY}: {URL}\n", f"config:\n  '{KEY}': \"{URL}\" # x\n", "config: {}\n"]
OTHERWISE = [
    f"config: {{{KEY}: '{URL}'}}\n",
    f"x: &x {URL}\nconfig:\n  {KEY}: *x\n",
    f"config:\n  {KEY}:\n    {URL}\n",
    f"config:\n  state_backend: {URL}\n",
    f"config:\n  {KEY}: s3://states/a,b\n",
    f"x:\n  {KEY}: {URL}\nconfig: {{}}\n",
]


@pytest.mark.parametrize("text", [*SAME, *OTHERWISE])
def test_a_backend_that_one_reader_would_overlook_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "Pulumi.prod.yaml"
    path.write_text(text)
    settings = stackfile.config(path)
    if text in SAME:
        check_backend(path, settings)
        return
    with pytest.raises(StepError, match=rf"^Pulumi\.prod\.yaml: {KEY} must be a line of its own"):
        check_backend(path, settings)
