"""The Makefile: what a user sets reaches a command as one word, or is refused, and never becomes shell text."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from toolchain.process.steps import ROOT
from toolchain.targets.make_variables import FORMS, problem

MAKEFILE = (ROOT / "Makefile").read_text()

#: Each would make the file `hit` if any part of it became shell text, or were expanded by make.
HOSTILE = (
    "de'mo",
    "a b",
    "$(touch hit)",
    "$$(touch hit)",
    "$(shell touch hit)",
    "`touch hit`",
    "x'; touch hit; '",
    '"; touch hit; "',
    "a\ntouch hit",
    "a'\ntouch hit #",
    "a\\",
    "-x",
    "x;touch hit",
    "x&touch hit",
    "x|touch hit",
    ">hit",
)

#: The variables that the recipe of each target uses, beside the stack, which set-up has.
USES = {
    target: set(re.findall(r"\(call quoted,([A-Z]+)\)", recipe))
    | ({"YES"} if "(ANSWER)" in recipe or "(YES)" in recipe else set())
    for target, recipe in re.findall(r"^([a-z-]+):.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)
}
PAIRS = [
    (target, name)
    for target, names in USES.items()
    for name in sorted(names | ({"STACK"} if target not in ("help", "test", "test-all") else set()))
]

#: Values that can be one.
FAIR = {
    "STACK": "demo-1.b_C",
    "SERVICE": "api-2",
    "CONFIRM": "demo-1.b_C",
    "REPOSITORY": "registry.example.com:5000/acme/tracker",
    "TAG": "1.2.0-rc.1",
    "BACKEND": "s3://states/a?region=eu-central-1&endpoint=https://s3.example.com:7070&use_path_style=true",
    "YES": "--yes",
}

#: What a target needs beside the value that a test gives it.
NEEDED = {"push": (f"REPOSITORY={FAIR['REPOSITORY']}",)}

#: Notes its name and its arguments, each on a line of its own with an escape for what would not fit there.
NOTE = f"""#!{sys.executable} -I
import json, os, sys
with open({{calls!r}}, "a") as file:
    file.write(json.dumps(sys.argv) + "\\n")
if sys.argv[1:3] == ["-m", "toolchain.targets.make_variables"] and {{checks}}:
    sys.path.insert(0, {str(ROOT)!r})
    from toolchain.targets.make_variables import main
    sys.exit(main(sys.argv[3:]))
"""


class Folder:
    """The Makefile in a folder where every program only notes how it was called; `make_variables` may check too."""

    def __init__(self, path: Path, *, checks: bool) -> None:
        self.path, self._calls = path, path / "calls"
        shutil.copy(ROOT / "Makefile", path)
        (path / "VERSION").write_text("1.0.0\n")
        (path / ".tools").mkdir()
        (path / ".tools/env").write_text(f"export PATH={path}/programs:$PATH\n")
        for name in ("programs/python", "programs/pulumi", "programs/pytest", "tt", ".venv/bin/python"):
            program = path / name
            program.parent.mkdir(parents=True, exist_ok=True)
            program.write_text(NOTE.format(calls=str(self._calls), checks=checks))
            program.chmod(0o755)

    def make(self, target: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Runs `make` there."""
        kept = {key: value for key, value in os.environ.items() if key not in FORMS and not key.startswith("MAKE")}
        return subprocess.run(
            ["make", target, f"PYTHON={self.path}/programs/python", *arguments],
            cwd=self.path, env={**kept, **environment}, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            check=False, timeout=60,
        )  # fmt: skip

    @property
    def words(self) -> set[str]:
        """All arguments of all calls but those of the check."""
        calls = self._calls.read_text().splitlines() if self._calls.exists() else []
        decoded = [json.loads(call) for call in calls]
        return {word for call in decoded if call[2:3] != ["toolchain.targets.make_variables"] for word in call[1:]}

    @property
    def lines(self) -> list[str]:
        """All calls, each as one line."""
        return [" ".join(json.loads(call)[1:]) for call in self._calls.read_text().splitlines()]

    @property
    def is_hit(self) -> bool:
        return (self.path / "hit").exists()


def test_every_variable_of_the_makefile_has_a_form() -> None:
    (names,) = re.findall(r"^VARIABLES := (.*)$", MAKEFILE, re.MULTILINE)
    assert set(names.split()) == FORMS.keys() == FAIR.keys()
    assert set().union(*USES.values()) == FORMS.keys()
    # Nowhere but in `quoted`, which takes its name, and in conditions.
    used = re.findall(rf"(\w+[ ,]\w*,?)\$\((?:{'|'.join(FORMS)})\)", MAKEFILE)
    assert set(used) == {"if ", "or ", "filter dev,"}


@pytest.mark.parametrize(("target", "name"), PAIRS)
def test_a_value_that_can_not_be_one_is_refused_before_anything_runs(tmp_path: Path, target: str, name: str) -> None:
    folder = Folder(tmp_path, checks=True)
    process = folder.make(target, *NEEDED.get(target, ()), f"{name}=a\ntouch hit")
    assert process.returncode == 2
    assert f"error: {name}=a\\ntouch hit: must be {FORMS[name].allowed}\n" in process.stderr
    assert "unexpected" not in process.stderr
    assert (folder.words, folder.is_hit) == (set(), False)


def test_a_push_to_nowhere_is_refused_before_images_are_built(tmp_path: Path) -> None:
    folder = Folder(tmp_path, checks=True)
    process = folder.make("push")
    assert process.returncode == 2
    assert f"error: REPOSITORY=: must be {FORMS['REPOSITORY'].allowed}\n" in process.stderr
    assert folder.words == set()


@pytest.mark.parametrize("value", HOSTILE)
def test_every_hostile_value_is_refused(tmp_path: Path, value: str) -> None:
    folder = Folder(tmp_path, checks=True)
    names = ("STACK", "BACKEND")
    for process in (
        folder.make("state", *(f"{name}={value}" for name in names)),
        folder.make("state", **dict.fromkeys(names, value)),
    ):
        assert (process.returncode, folder.words, folder.is_hit) == (2, set(), False), process.stderr
        assert all(f"error: {name}=" in process.stderr for name in names)
    assert all(problem(name, value) for name in FORMS)


@pytest.mark.parametrize("value", HOSTILE)
def test_even_unchecked_a_value_is_one_word_and_nothing_is_run(tmp_path: Path, value: str) -> None:
    folder = Folder(tmp_path, checks=False)
    folder.make("state", f"STACK={value}", f"BACKEND={value}")
    assert {value, f"--stack={value}"} <= folder.words
    assert not folder.is_hit


@pytest.mark.parametrize("target", sorted(USES.keys() - {"help"}))
def test_even_unchecked_no_target_runs_what_is_in_a_value(tmp_path: Path, target: str) -> None:
    folder = Folder(tmp_path, checks=False)
    for value in ("a'\ntouch hit #", '$(touch hit)"; touch hit; "'):
        folder.make(target, *(f"{name}={value}" for name in FORMS if name != "YES"))
        assert folder.words
        assert not folder.is_hit


# The recipe of `lock` is for every stack.
@pytest.mark.parametrize(
    ("target", "name"), [pair for pair in PAIRS if pair[0] != "lock" and pair[1] in USES[pair[0]] | {"STACK"}]
)
def test_a_value_that_can_be_one_reaches_its_command(tmp_path: Path, target: str, name: str) -> None:
    folder = Folder(tmp_path, checks=True)
    folder.make(target, *NEEDED.get(target, ()), f"{name}={FAIR[name]}")
    assert any(word.endswith(FAIR[name]) for word in folder.words)


def test_the_environment_sets_a_stack_and_not_the_answer(tmp_path: Path) -> None:
    folder = Folder(tmp_path, checks=True)
    assert folder.make("up", STACK="demo", YES="nonsense").returncode == 0
    assert "--stack=demo" in folder.words
    assert "--yes" not in folder.words


def test_dev_goes_ahead_and_others_ask_unless_they_are_answered(tmp_path: Path) -> None:
    for target in ("up", "down"):
        for arguments, expected in (([], True), (["STACK=demo"], False), (["STACK=demo", "YES=--yes"], True)):
            path = tmp_path / "-".join([target, *arguments]).replace("=", "_")
            path.mkdir()
            folder = Folder(path, checks=True)
            folder.make(target, *arguments)
            assert ("--yes" in folder.words) is expected


def positions(lines: Sequence[str], *parts: str) -> list[int]:
    """The first line that has each of the texts."""
    return [next(number for number, line in enumerate(lines) if part in line) for part in parts]


@pytest.mark.parametrize(
    ("target", "order"),
    [
        # What is missing and what can't be asked come before a passphrase and before long steps.
        ("up", ("toolchain.targets.terminal up", "venv settings engine dev_images stack", "up --stack=demo")),
        ("preview", ("venv settings engine stack", "preview --stack=demo")),
        # What `tt` itself checks first is in tests/unit/ops/tt/stack.
        ("down", ("toolchain.targets.terminal down", "venv engine dev_docker stack", "down --stack=demo")),
        ("purge", ("toolchain.targets.purge", "venv engine dev_docker stack", "purge --stack=demo --confirm=demo")),
        ("audit", ("venv engine stack", "audit --stack=demo")),
        ("logs", ("toolchain --stack=demo venv", "logs --stack=demo api")),
        ("pin", ("venv engine stack", "pin --stack=demo")),
        ("unlock", ("venv engine", "unlock --stack=demo --confirm=demo")),
    ],
)  # fmt: skip
def test_what_can_stop_a_target_comes_first(tmp_path: Path, target: str, order: Sequence[str]) -> None:
    folder = Folder(tmp_path, checks=True)
    assert folder.make(target, "STACK=demo", "CONFIRM=demo").returncode == 0
    found = positions(folder.lines, *order[:-1])
    assert found == sorted(found)
    assert folder.lines[-1] == order[-1]


def test_the_help_names_what_can_be_set_and_the_readme_has_it() -> None:
    told = subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert "YES=--yes" in told
    assert f"```\n{told}```" in (ROOT / "README.md").read_text()
