"""`python3 -m toolchain venv` with a real pip and an index of the test's own, under what users have set."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from toolchain.process.steps import ROOT
from toolchain.python.venv import GROUPS

#: The package of each group; `pyyaml` is what set-up reads a stack's file with.
PACKAGES = {"base": "pyyaml", "aws": "pulumi-aws", "cloudflare": "pulumi-cloudflare", "development": "pytest"}


@dataclass(frozen=True)
class Clone:
    """A clone with packages of its own, and an environment without the options of this machine's pip."""

    root: Path
    index: Path

    def run(self, *arguments: str, code: int = 0, **variables: str) -> str:
        """Takes set-up's steps; returns what it printed."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PYTHON", "VIRTUAL"))}
        connection = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.index), "PIP_CONFIG_FILE": os.devnull}
        process = subprocess.run(
            [sys.executable, "-m", "toolchain", *arguments],
            cwd=self.root, env={**kept, **connection, **variables}, timeout=120,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip
        assert process.returncode == code, process.stdout
        return process.stdout

    @property
    def packages(self) -> set[str]:
        """What is installed, but for pip and what comes with it."""
        listing = [str(self.root / ".venv/bin/python"), "-I", "-c", "import importlib.metadata as m\n"
                   "print(*(d.metadata['Name'] for d in m.distributions()))"]  # fmt: skip
        found = subprocess.run(listing, capture_output=True, text=True, check=True).stdout.split()
        return set(found) & set(PACKAGES.values())


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A clone in which nothing has been installed."""
    folder = tmp_path_factory.mktemp("venv")
    root, index = folder / "clone", folder / "index"
    # What set-up runs on before there are packages.
    for package in ("remote", "stackfile", "toolchain"):
        shutil.copytree(ROOT / package, root / package, ignore=shutil.ignore_patterns("__pycache__"))
    index.mkdir()
    (root / "requirements").mkdir()
    (root / "Pulumi.yaml").touch()
    (root / "Pulumi.dev.yaml").write_text("config: {}\n")
    (root / "Pulumi.prod.yaml").write_text("config:\n  tasktracker:tunnel: {}\n")
    for group in GROUPS:
        name = PACKAGES[group]
        # Set-up reads with it; the others are only to be there.
        modules = sources(yaml) if name == "pyyaml" else {f"{name.replace('-', '_')}.py": ""}
        digest = wheel(index, name, modules)
        (root / "requirements" / f"{group}.lock").write_text(f"{name}==1.0 \\\n    --hash=sha256:{digest}\n")
    return Clone(root, index)


@pytest.fixture
def clone(pristine: Clone) -> Iterator[Clone]:
    """The clone, with the environment that a test before has left: sound, or set-up has to see it."""
    yield pristine
    shutil.rmtree(pristine.root / ".venv", ignore_errors=True)


def sources(package: ModuleType) -> dict[str, str]:
    """The modules of a package that is installed, by path."""
    (folder,) = package.__path__
    return {f"{package.__name__}/{path.name}": path.read_text() for path in Path(folder).glob("*.py")}


def wheel(folder: Path, name: str, modules: Mapping[str, str]) -> str:
    """Makes a package of modules, by path; returns its digest."""
    normalized = name.replace("-", "_")
    path, info = folder / f"{normalized}-1.0-py3-none-any.whl", f"{normalized}-1.0.dist-info"
    files = {
        **modules,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = [f"{file},sha256={_digest(text)},{len(text)}\n" for file, text in files.items()]
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in {**files, f"{info}/RECORD": "".join([*record, f"{info}/RECORD,,\n"])}.items():
            archive.writestr(file, text)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


@pytest.mark.nightly
def test_each_stack_gets_its_packages_and_development_all(clone: Clone, tmp_path: Path) -> None:
    clone.run("venv")
    assert clone.packages == {"pyyaml"}
    # What cannot be had leaves the rest in use.
    output = clone.run("--stack", "prod", "venv", code=1, PIP_FIND_LINKS=str(tmp_path))
    assert "Python packages (requirements/cloudflare.lock): failed" in output
    assert clone.run("venv") == ""
    output = clone.run("--stack", "prod", "venv")
    assert output == "==> Python packages (requirements/cloudflare.lock)\n"
    assert clone.packages == {"pyyaml", "pulumi-cloudflare"}
    assert clone.run("--stack", "prod", "venv") == ""
    clone.run("development")
    assert clone.packages == set(PACKAGES.values())


@pytest.mark.nightly
def test_what_the_user_has_set_for_python_and_pip_changes_nothing(clone: Clone, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for name in ("pip", "yaml", "venv", "ensurepip"):
        (elsewhere / f"{name}.py").write_text("raise SystemExit('trapped')\n")
    config = tmp_path / "pip.conf"
    # What a mirror needs is the user's, and so is the file that it is in.
    config.write_text(f"[global]\nno-index = true\nfind-links = {clone.index}\ntarget = {elsewhere}\nuser = true\n")
    output = clone.run(
        "--stack", "prod", "venv",
        PYTHONPATH=str(elsewhere), PYTHONUSERBASE=str(elsewhere), PYTHONSTARTUP=str(elsewhere / "pip.py"),
        PYTHONWARNINGS="error", PYTHONOPTIMIZE="2", VIRTUAL_ENV=str(elsewhere), PIP_CONFIG_FILE=str(config),
        PIP_NO_INDEX="", PIP_FIND_LINKS="", PIP_TARGET=str(elsewhere), PIP_PREFIX=str(elsewhere), PIP_USER="1",
        PIP_REQUIRE_VIRTUALENV="1", PIP_ROOT=str(elsewhere), PIP_DRY_RUN="1", PIP_NO_DEPS="1", PIP_IGNORE_INSTALLED="1",
    )  # fmt: skip
    assert "trapped" not in output
    assert clone.packages == {"pyyaml", "pulumi-cloudflare"}
    assert {path.name for path in elsewhere.iterdir()} <= {
        "pip.py",
        "yaml.py",
        "venv.py",
        "ensurepip.py",
        "__pycache__",
    }
