"""A stack of one's own in a fresh clone, from its first command on, and the wrong ways there; no Docker in reach."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.support.stack import NO_DOCKER
from toolchain.process.steps import ROOT

pytestmark = pytest.mark.engine

TIMEOUT = 300


@dataclass(frozen=True)
class Clone:
    """A clone of the project, as this checkout is, that shares its tools."""

    folder: Path
    env: dict[str, str]

    def run(self, *command: str, **env: str) -> tuple[int, str]:
        """Exit code and output of a command there."""
        result = subprocess.run(
            command, cwd=self.folder, env=self.env | env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, check=False, timeout=TIMEOUT,
        )  # fmt: skip
        assert "Traceback" not in result.stdout, result.stdout
        return result.returncode, result.stdout

    def shell(self, command: str, stack: str) -> tuple[int, str]:
        """The same of a line in a shell that has sourced `.tools/env`."""
        return self.run("bash", "-c", f". .tools/env && {command}", STACK=stack)

    def preview(self, stack: str, **env: str) -> tuple[int, str]:
        return self.run("make", "preview", f"STACK={stack}", **env)

    def new(self, *arguments: str) -> dict[str, str]:
        """What `tt stack new` says."""
        code, output = self.run("./tt", "stack", "new", *arguments, "--json")
        assert code == 0, output
        made: dict[str, str] = json.loads(output)
        return made

    def passphrase_of(self, stack: str) -> dict[str, str]:
        """The variable that `tt stack new` says to export."""
        return {"TASKTRACKER_PASSPHRASE_FILE": f"{self.env['HOME']}/.config/tasktracker/{stack}-passphrase"}


def share_tools(folder: Path) -> None:
    """Gives a clone this checkout's Python environment and engine, so that nothing it does to them reaches these."""
    (folder / ".venv").mkdir()
    for each in (ROOT / ".venv").iterdir():
        if each.name != "installed":
            (folder / ".venv" / each.name).symlink_to(each)
    stamp = {**json.loads((ROOT / ".venv/installed").read_text()), "folder": str(folder / ".venv")}
    (folder / ".venv/installed").write_text(json.dumps(stamp))

    def link(source: str, target: str) -> None:
        try:
            os.link(source, target)
        except OSError:
            shutil.copy2(source, target)

    ignored = shutil.ignore_patterns("logs", "nightly", "vendor")
    shutil.copytree(ROOT / ".tools", folder / ".tools", copy_function=link, symlinks=True, ignore=ignored)


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    folder = tmp_path / "clone"
    files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, files.split("\0")):
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    share_tools(folder)
    home = tmp_path / "home"
    home.mkdir()
    # Of this process's environment, only what no stack is chosen by.
    env = {key: value for key, value in os.environ.items() if not key.startswith(("PULUMI_", "TASKTRACKER_"))}
    return Clone(folder, {**env, "HOME": str(home), **NO_DOCKER})


@pytest.mark.nightly
def test_one_command_makes_it_and_another_previews_it(clone: Clone) -> None:
    made = clone.new("demo")
    variables = clone.passphrase_of("demo")
    assert made["passphrase_file"] == variables["TASKTRACKER_PASSPHRASE_FILE"]
    # Without a variable.
    code, output = clone.preview("demo")
    assert code == 0, output
    assert "tasktracker-demo-nginx" in output
    assert made["values"]["tasktracker:network.edge"] in output  # type: ignore[index]
    # The salt is the stack's own, and the next preview needs nothing more.
    text = (clone.folder / "Pulumi.demo.yaml").read_text()
    [salt] = re.findall(r"^encryptionsalt: .*$", text, re.MULTILINE)
    assert salt not in (clone.folder / "Pulumi.dev.yaml").read_text()
    assert clone.preview("demo")[0] == 0
    assert clone.run("./tt", "pulumi", "config", "--stack", "demo")[0] == 0
    assert clone.run("./tt", "state", "check", "--stack", "demo")[0] == 0
    assert (clone.folder / "Pulumi.demo.yaml").read_text() == text
    # One whose name begins with that of another is another one.
    clone.new("demo-b", "--like", "demo")
    code, output = clone.preview("demo-b", **clone.passphrase_of("demo-b"))
    assert code == 0, output


@pytest.mark.nightly
def test_a_file_with_aliases_and_a_short_key(clone: Clone) -> None:
    clone.new("demo")
    path = clone.folder / "Pulumi.demo.yaml"
    text = path.read_text().replace("  tasktracker:environment: dev", "  environment: dev")
    blocks = "  tasktracker:api: &app {resources: *small}\n  tasktracker:worker: {<<: *app, log_level: debug}\n"
    path.write_text("x-small: &small {memory: 512MB}\n" + text.replace("config:\n", f"config:\n{blocks}", 1))
    code, output = clone.preview("demo")
    assert code == 0, output
    for command in (["./tt", "state", "check", "--stack", "demo"], ["./tt", "state", "show", "--stack", "demo"]):
        code, output = clone.run(*command)
        assert code == 0, output


@pytest.mark.nightly
def test_it_is_removed_and_made_again(clone: Clone) -> None:
    clone.new("demo")
    variables = clone.passphrase_of("demo")
    assert clone.preview("demo", **variables)[0] == 0
    (clone.folder / "Pulumi.demo.yaml").rename(clone.folder / "kept")
    # Its state is there, whose secrets only the salt in the lost file opens.
    code, output = clone.run("./tt", "stack", "new", "demo")
    assert code == 4
    assert "already, without its Pulumi.demo.yaml" in output
    (clone.folder / "kept").rename(clone.folder / "Pulumi.demo.yaml")
    code, output = clone.run("./tt", "pulumi", "stack", "rm", "--stack", "demo", "--yes")
    assert code == 0, output
    assert not (clone.folder / "Pulumi.demo.yaml").exists()
    assert clone.new("demo")["passphrase_made"] is False  # type: ignore[comparison-overlap]
    code, output = clone.preview("demo", **variables)
    assert code == 0, output


@pytest.mark.nightly
def test_a_copied_file_is_told_what_to_remove_and_then_works(clone: Clone) -> None:
    copy = clone.folder / "Pulumi.demo.yaml"
    shutil.copy(clone.folder / "Pulumi.dev.yaml", copy)
    variables = clone.passphrase_of("demo")
    for env in ({}, variables, {"PULUMI_CONFIG_PASSPHRASE": "mine"}):
        code, output = clone.preview("demo", **env)
        assert code != 0
        assert "error: Pulumi.demo.yaml has the encryptionsalt of Pulumi.dev.yaml" in output
    [command] = [line.strip() for line in output.splitlines() if line.startswith("    sed ")]
    assert clone.run("sh", "-c", command)[0] == 0
    code, output = clone.preview("demo")
    assert code != 0
    [export] = [line.strip() for line in output.splitlines() if line.startswith("    export ")]
    code, output = clone.run("sh", "-c", f"{export} && make preview STACK=demo")
    assert code == 0, output
    assert Path(variables["TASKTRACKER_PASSPHRASE_FILE"]).exists()


@pytest.mark.nightly
def test_a_stack_that_plain_pulumi_made_of_a_copy_gets_a_passphrase_of_its_own(clone: Clone) -> None:
    copy = clone.folder / "Pulumi.demo.yaml"
    shutil.copy(clone.folder / "Pulumi.dev.yaml", copy)
    (clone.folder / ".state").mkdir()
    code, output = clone.shell("pulumi stack init demo --no-select", "demo")
    assert code == 0, output
    code, output = clone.preview("demo", **clone.passphrase_of("demo"))
    assert code != 0
    assert "the public passphrase opens its secrets" in output


@pytest.mark.nightly
def test_a_copy_over_the_file_of_a_stack_that_is_there_gets_its_salt_back(clone: Clone) -> None:
    clone.new("demo")
    variables = clone.passphrase_of("demo")
    assert clone.preview("demo", **variables)[0] == 0
    file = clone.folder / "Pulumi.demo.yaml"
    [salt] = re.findall(r"^encryptionsalt: .*$", file.read_text(), re.MULTILINE)
    shutil.copy(clone.folder / "Pulumi.dev.yaml", file)
    code, output = clone.preview("demo", **variables)
    assert code != 0
    assert f"Write its own in place of that line:\n    {salt}" in output, output
    file.write_text(re.sub(r"^encryptionsalt: .*$", salt, file.read_text(), flags=re.MULTILINE))
    code, output = clone.preview("demo", **variables)
    assert code == 0, output


def test_one_like_prod_asks_for_what_is_not_copied(clone: Clone) -> None:
    clone.new("pre", "--like", "prod")
    code, output = clone.preview("pre", **clone.passphrase_of("pre"))
    assert code != 0
    assert "Pulumi.pre.yaml: 7 values are missing" in output
    assert "--stack pre" in output
