"""Set-up reads from a stack's file which packages it needs, as the program does, and from any file something."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from components.preflight.packages import needed_packages
from tests.unit.settings.config import valid_part
from toolchain.process.steps import ROOT, StepError
from toolchain.python import venv
from toolchain.python.stack_packages import groups, stack_config

AWS = {"region": "eu-central-1"}
TUNNEL = {"account_id": 32 * "a", "zone": "example.com", "zone_id": 32 * "b"}


def of(text: str | bytes, tmp_path: Path, project: str = "name: tasktracker\n") -> list[str]:
    """The groups for the text of a stack's file."""
    (tmp_path / "Pulumi.test.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    (tmp_path / "Pulumi.yaml").write_text(project)
    return list(groups(stack_config(tmp_path, "test")))


@pytest.mark.parametrize(
    ("stack", "expected"), [("dev", []), ("staging", ["aws", "cloudflare"]), ("prod", ["aws", "cloudflare"])]
)
def test_the_committed_stacks(stack: str, expected: list[str]) -> None:
    assert list(groups(stack_config(ROOT, stack))) == expected


SHAPES = list(
    product(
        [None, {}, {"repository": "aws", "aws": AWS}, {"repository": "object_store"}],
        [None, True, False],
        [None, TUNNEL],
        [None, {"certificate": "cloudflare", "tls": True}, {"certificate": "secrets"}],
        [False, True],
    )
)


@pytest.mark.parametrize(("backup", "enabled", "tunnel", "nginx", "external"), SHAPES)
def test_it_is_what_the_program_needs(
    backup: dict[str, Any] | None, enabled: bool | None, tunnel: object, nginx: object, *, external: bool
) -> None:
    if enabled is not None:
        backup = {**(backup or {}), "enabled": enabled}
    keys = {"backup": backup, "tunnel": tunnel, "nginx": nginx}
    keys = {name: value for name, value in keys.items() if value is not None}
    config = {f"tasktracker:{name}": value for name, value in keys.items()}
    secrets = {}
    if tunnel or nginx:
        secrets["cloudflare_api_token"] = 40 * "a"
    if external:
        secrets["database_url"] = "postgresql://app:word@db.example.com/tasks"
        config["tasktracker:database_url"] = {"secure": "v1:x"}
    settings = valid_part(keys, secrets)
    assert list(groups(config)) == [name.removeprefix("pulumi-") for name, _ in needed_packages(settings)]


def test_a_needed_package_names_its_setting() -> None:
    settings = valid_part({"nginx": {"tls": True, "certificate": "cloudflare"}, "domain": "a.example.com"})
    assert list(needed_packages(settings)) == [("pulumi-cloudflare", ("nginx", "certificate"))]


def test_a_comment_is_no_setting(tmp_path: Path) -> None:
    text = "config:\n  # tasktracker:tunnel: {}\n  tasktracker:domain: 'tasktracker:tunnel: x'\n"
    assert of(text, tmp_path) == []


@pytest.mark.parametrize(
    "text",
    [
        "config:\n  tasktracker:tunnel: {}\n",
        "config: {tasktracker:tunnel: {replicas: 2}}\n",
        'config:\n  "tasktracker:tunnel":\n    replicas: 2\n',
        "config:\n  tunnel:\n    replicas: 2\n",
        "config:\n  tasktracker:tunnel: '" + json.dumps({"replicas": 2}) + "'\n",
        "config:\n  ? tasktracker:tunnel\n  : replicas: 2\n",
        "x: &t {replicas: 2}\nconfig:\n  tasktracker:tunnel: *t\n",
        # As `pulumi config set` writes a value that is none: an error of the program's, which needs its package.
        "config:\n  tasktracker:tunnel: 'yes'\n",
        "config:\n  tasktracker:tunnel: [1]\n  tasktracker:domain: 7\n",
    ],
)
def test_every_way_to_write_it(text: str, tmp_path: Path) -> None:
    assert of(text, tmp_path) == ["cloudflare"]


def test_what_the_project_sets_for_all_stacks_counts(tmp_path: Path) -> None:
    for value in ("{value: {replicas: 2}}", "{default: {replicas: 2}}", "{replicas: 2}"):
        project = f"name: tasktracker\nconfig:\n  tasktracker:tunnel: {value}\n"
        assert of("config: {}\n", tmp_path, project) == ["cloudflare"]
        assert of("config:\n  tasktracker:tunnel: null\n", tmp_path, project) == []


@pytest.mark.parametrize(
    "text",
    [
        "", "config:\n", "config: 7\n", "[]", "7", "config: [a]\n", "config: {a: }\n", "\t", "config: {\n", "%", "&",
        b"config:\n  a: caf\xe9\n", "config:\n  a: 2026-02-30\n", "config: !!python/object:x {}\n", 3000 * "[",
        "config:\n  tasktracker:backup: aws\n  tasktracker:nginx: [cloudflare]\n", "config:\n  1: 2\n  [a]: b\n",
        "config:\n  tasktracker:backup: '{'\n", "config:\n  tasktracker:tunnel: null\n", "*a", "a: *b", "- a\nb",
    ],
)  # fmt: skip
def test_a_file_that_is_not_valid_asks_for_nothing(text: str | bytes, tmp_path: Path) -> None:
    """The program says what is wrong with it."""
    assert of(text, tmp_path) == []


def test_a_stack_without_a_file_asks_for_nothing(tmp_path: Path) -> None:
    assert stack_config(tmp_path, "none") == {}


def test_set_up_asks_by_the_environments_python(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "python").symlink_to(sys.executable)
    (tmp_path / "pyvenv.cfg").write_text((Path(sys.prefix) / "pyvenv.cfg").read_text())
    (tmp_path / "lib").symlink_to(Path(sys.prefix) / "lib")
    monkeypatch.setattr(venv, "VENV", tmp_path)
    assert venv._groups_of("dev") == []
    assert venv._groups_of("prod") == ["aws", "cloudflare"]
    assert venv._groups_of("no such stack") == []


def test_a_reader_that_fails_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/python").write_text("#!/bin/sh\necho no yaml >&2\nexit 1\n")
    (tmp_path / "bin/python").chmod(0o755)
    monkeypatch.setattr(venv, "VENV", tmp_path)
    with pytest.raises(StepError, match=r"stack_packages\.py failed:\nno yaml"):
        venv._groups_of("dev")


def test_it_prints_a_group_a_line() -> None:
    script = ROOT / "toolchain/python/stack_packages.py"
    found = subprocess.run(
        [sys.executable, "-I", script, ROOT, "prod"], capture_output=True, text=True, check=True, cwd="/"
    )
    assert found.stdout == "aws\ncloudflare\n"
