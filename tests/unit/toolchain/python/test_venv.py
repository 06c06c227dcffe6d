"""The Python environment: made when it has to be, with the packages that are needed, and never half."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from toolchain.machine import debian
from toolchain.process.steps import StepError
from toolchain.python import pip_options, venv

PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"

#: The package of each group's lock; the other groups' are in the locks on top as well.
PACKAGES = {"base": "pulumi", "aws": "pulumi-aws", "cloudflare": "pulumi-cloudflare", "development": "zope-interface"}


@dataclass
class Setup:
    """A project with lock files, and commands that do no more than leave their traces in its environment."""

    root: Path
    commands: list[list[str]] = field(default_factory=list)
    #: Called before what a command does; may raise.
    before: Callable[[list[str]], None] = lambda _: None
    #: Called after it.
    after: Callable[[list[str]], None] = lambda _: None
    #: What the stack's file asks for.
    asked: list[str] = field(default_factory=list)

    @property
    def venv(self) -> Path:
        return self.root / ".venv"

    @property
    def packages(self) -> Path:
        return self.venv / "lib" / PYTHON / "site-packages"

    def lock(self, group: str, version: str = "1.0") -> Path:
        path = self.root / "requirements" / f"{group}.lock"
        path.parent.mkdir(exist_ok=True)
        names = ["pulumi", PACKAGES[group]]
        path.write_text("".join(f"{name.lower()}=={version} \\\n    --hash=sha256:0\n" for name in names))
        return path

    def run(self, _title: str, argv: Sequence[str | Path], **_: Any) -> None:
        command = [str(part) for part in argv]
        self.commands.append(command)
        self.before(command)
        if "--clear" in command:
            shutil.rmtree(self.venv, ignore_errors=True)
            self.packages.mkdir(parents=True)
        for lock in (Path(part) for part in command if part.endswith(".lock")):
            for name, version in re.findall(r"^(\S+)==(\S+)", lock.read_text(), re.MULTILINE):
                self.put(name, version)
        self.after(command)

    def put(self, name: str, version: str, *, record: str = "all of it") -> None:
        """Puts a package into the environment."""
        info = self.packages / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir(exist_ok=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (info / "RECORD").write_text(record)

    @property
    def made(self) -> int:
        """How often the environment was made."""
        return sum("--clear" in command for command in self.commands)

    @property
    def installed(self) -> list[list[str]]:
        """The groups of each installation."""
        found = [[Path(part).stem for part in command if part.endswith(".lock")] for command in self.commands]
        return [groups for groups in found if groups]

    @property
    def stamp(self) -> list[str]:
        """The groups that are noted as installed; none without a note."""
        path = self.venv / "installed"
        return list(json.loads(path.read_text())["groups"]) if path.exists() else []


@pytest.fixture
def setup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Setup:
    made = Setup(tmp_path)
    for group in venv.GROUPS:
        made.lock(group)
    monkeypatch.setattr(venv, "run", made.run)
    monkeypatch.setattr(venv, "VENV", made.venv)
    monkeypatch.setattr(venv, "REQUIREMENTS", tmp_path / "requirements")
    monkeypatch.setattr(venv, "_groups_of", lambda _: made.asked)
    monkeypatch.setattr(pip_options, "connection", lambda _: {})
    return made


def test_it_is_made_from_hashed_requirements_and_once_only(setup: Setup) -> None:
    venv.ensure_venv()
    make, install = setup.commands
    assert make == [sys.executable, "-I", "-m", "venv", "--clear", str(setup.venv)]
    assert install[:5] == [str(setup.venv / "bin/python"), "-I", "-m", "pip", "install"]
    assert install[-3:] == ["--require-hashes", "-r", str(setup.root / "requirements/base.lock")]
    venv.ensure_venv()
    assert len(setup.commands) == 2


def test_a_stack_adds_the_packages_that_it_uses_and_no_others(setup: Setup) -> None:
    venv.ensure_venv("dev")
    assert setup.stamp == ["base"]
    setup.asked = ["cloudflare"]
    venv.ensure_venv("staging")
    assert (setup.made, setup.installed) == (1, [["base"], ["cloudflare"]])
    assert setup.stamp == ["base", "cloudflare"]
    setup.asked = ["aws", "cloudflare"]
    venv.ensure_venv("prod")
    assert setup.installed[2:] == [["aws"]]
    assert setup.stamp == ["base", "aws", "cloudflare"]
    venv.ensure_venv("prod")
    assert len(setup.installed) == 3


def test_a_group_that_is_installed_stays(setup: Setup) -> None:
    setup.asked = ["aws"]
    venv.ensure_venv("prod")
    setup.asked = []
    venv.ensure_venv("dev")
    assert setup.stamp == ["base", "aws"]
    # Also where the environment is made anew for another reason.
    setup.lock("base", "1.1")
    setup.lock("aws", "1.1")
    venv.ensure_venv("dev")
    assert setup.installed[-1] == ["base", "aws"]
    assert setup.made == 2


def test_checks_and_tests_take_every_group(setup: Setup) -> None:
    venv.ensure_venv(development=True)
    assert setup.installed == [["base", "aws", "cloudflare", "development"]]
    venv.ensure_venv("dev")
    assert len(setup.commands) == 2


def test_checks_and_tests_add_what_is_missing(setup: Setup) -> None:
    setup.asked = ["aws"]
    venv.ensure_venv("prod")
    venv.ensure_venv(development=True)
    assert setup.installed[-1] == ["cloudflare", "development"]
    assert setup.made == 1


@pytest.mark.parametrize("group", ["base", "aws"])
def test_it_is_made_anew_for_another_lock_of_an_installed_group(setup: Setup, group: str) -> None:
    setup.asked = ["aws"]
    venv.ensure_venv("prod")
    with setup.lock(group).open("a") as lock:
        lock.write("boto3==1.0 \\\n")
    venv.ensure_venv("dev")
    assert setup.made == 2
    assert setup.stamp == ["base", "aws"]


def test_the_lock_of_a_group_that_is_not_installed_changes_nothing(setup: Setup) -> None:
    venv.ensure_venv("dev")
    setup.lock("cloudflare", "2.0")
    venv.ensure_venv("dev")
    assert setup.made == 1


def test_a_group_of_another_version_of_the_project_goes(setup: Setup) -> None:
    venv.ensure_venv("dev")
    stamp = json.loads((setup.venv / "installed").read_text())
    (setup.venv / "installed").write_text(json.dumps({**stamp, "groups": {**stamp["groups"], "gone": "0"}}))
    venv.ensure_venv("dev")
    assert setup.made == 2
    assert setup.stamp == ["base"]


@pytest.mark.parametrize("stamp", ["3.11.2\n/project/.venv\n0123\n", "", "[]", '{"groups": 1}', "{}"])
def test_a_stamp_of_an_earlier_version_is_none(setup: Setup, stamp: str) -> None:
    venv.ensure_venv("dev")
    (setup.venv / "installed").write_text(stamp)
    venv.ensure_venv("dev")
    assert setup.made == 2
    assert setup.stamp == ["base"]


def test_it_is_made_anew_for_another_python(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    venv.ensure_venv()
    monkeypatch.setattr(sys, "version", "4.0.0")
    venv.ensure_venv()
    assert setup.made == 2


def test_it_is_made_anew_in_a_moved_folder(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    setup.asked = ["aws"]
    venv.ensure_venv("prod")
    moved = setup.root / "moved"
    moved.mkdir()
    (setup.root / ".venv").rename(moved / ".venv")
    monkeypatch.setattr(venv, "VENV", moved / ".venv")
    monkeypatch.setattr(Setup, "venv", property(lambda _: moved / ".venv"))
    venv.ensure_venv("prod")
    assert setup.made == 2
    assert setup.stamp == ["base", "aws"]


@pytest.mark.parametrize("failing", [0, 1])
def test_an_interrupted_installation_is_done_again(setup: Setup, failing: int) -> None:
    """Also where an older environment was whole."""
    venv.ensure_venv()
    setup.lock("base", "1.1")
    left = iter([failing == 0, failing == 1])

    def interrupt(_: list[str]) -> None:
        if next(left):
            raise KeyboardInterrupt

    setup.after = interrupt
    with pytest.raises(KeyboardInterrupt):
        venv.ensure_venv()
    assert setup.stamp == []
    setup.after = lambda _: None
    setup.commands.clear()
    venv.ensure_venv()
    assert len(setup.commands) == 2


def test_an_interrupted_addition_is_made_anew(setup: Setup) -> None:
    venv.ensure_venv("dev")

    def interrupt(_: list[str]) -> None:
        raise KeyboardInterrupt

    setup.asked, setup.before = ["aws"], interrupt
    with pytest.raises(KeyboardInterrupt):
        venv.ensure_venv("prod")
    assert setup.stamp == []
    setup.before = lambda _: None
    venv.ensure_venv("prod")
    assert setup.made == 2
    assert setup.stamp == ["base", "aws"]


def test_an_addition_that_cannot_be_downloaded_leaves_what_is_there(setup: Setup) -> None:
    venv.ensure_venv("dev")

    def refuse(_: list[str]) -> None:
        raise StepError("no index")

    setup.asked, setup.before = ["aws"], refuse
    with pytest.raises(StepError, match="no index"):
        venv.ensure_venv("prod")
    setup.asked, setup.before = [], lambda _: None
    venv.ensure_venv("dev")
    assert setup.made == 1
    assert setup.stamp == ["base"]


def test_an_addition_that_fails_half_way_is_made_anew(setup: Setup) -> None:
    venv.ensure_venv("dev")

    def half(_: list[str]) -> None:
        (setup.packages / "pulumi_aws").mkdir()
        raise StepError("the disk is full")

    setup.asked, setup.before = ["aws"], half
    with pytest.raises(StepError, match="the disk is full"):
        venv.ensure_venv("prod")
    setup.asked, setup.before = [], lambda _: None
    venv.ensure_venv("dev")
    assert setup.made == 2
    assert not (setup.packages / "pulumi_aws").exists()


@pytest.mark.parametrize("left", ["nothing", "another version", "part"])
def test_an_installation_elsewhere_is_no_success(setup: Setup, left: str) -> None:
    """As by pip's options target, prefix and root."""

    def elsewhere(command: list[str]) -> None:
        if "pip" in command:
            shutil.rmtree(setup.packages)
            setup.packages.mkdir()
            if left == "another version":
                setup.put("pulumi", "0.9")
            if left == "part":
                setup.put("pulumi", "1.0", record="")

    setup.after = elsewhere
    with pytest.raises(StepError, match=r"^pip reported success, but \.venv lacks pulumi 1\.0"):
        venv.ensure_venv()
    assert setup.stamp == []


def test_many_missing_packages_are_counted(setup: Setup) -> None:
    with setup.lock("base").open("a") as lock:
        lock.writelines(f"package-{number}==1.0 \\\n" for number in range(10))
    setup.after = lambda command: shutil.rmtree(setup.packages) if "pip" in command else None
    with pytest.raises(StepError, match=r"lacks package-0 1\.0, .*, package-4 1\.0 and 6 more: see \.tools/logs"):
        venv.ensure_venv()


def test_names_are_compared_as_the_index_does(setup: Setup) -> None:
    """`zope.interface` of a lock is the `Zope-Interface` of its metadata, as pip takes them."""
    setup.after = lambda _: setup.put("Zope_Interface", "1.0")
    setup.lock("development").write_text("zope-interface==1.0 \\\n")
    venv.ensure_venv(development=True)
    assert "development" in setup.stamp


def test_a_package_for_another_system_is_not_missed(setup: Setup) -> None:
    setup.after = lambda _: shutil.rmtree(setup.packages / "colorama-1.0.dist-info", ignore_errors=True)
    with setup.lock("base").open("a") as lock:
        lock.write("colorama==1.0 ; sys_platform == 'win32' \\\n    --hash=sha256:0\n")
    venv.ensure_venv()
    assert setup.stamp == ["base"]


@pytest.mark.usefixtures("setup")
def test_an_old_python_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9, 2))
    with pytest.raises(StepError, match=rf"^Python 3\.11 or newer is needed, and {sys.executable} is 3\.9$"):
        venv.ensure_venv()


def test_debians_module_is_installed_where_it_is_missing(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    installed: list[str] = []
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    monkeypatch.setattr(debian, "can_install", lambda: True)
    monkeypatch.setattr(debian, "install", installed.extend)
    venv.ensure_venv()
    assert installed == [f"python3.{sys.version_info.minor}-venv"]
    assert len(setup.commands) == 2


def test_who_cannot_install_it_is_told_its_name(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    monkeypatch.setattr(debian, "can_install", lambda: False)
    with pytest.raises(StepError, match=r"apt-get install python3\.\d+-venv"):
        venv.ensure_venv()
    assert setup.commands == []
