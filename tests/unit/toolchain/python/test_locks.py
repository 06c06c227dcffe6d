"""The lock files: hashed, of one mind about versions, and each with the packages of its group alone."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import sys
from pathlib import Path

import pytest

from toolchain.process.steps import ROOT
from toolchain.python.venv import GROUPS, REQUIREMENTS

APP = ROOT / "app" / "requirements.lock"
LOCKS = [*(REQUIREMENTS / f"{group}.lock" for group in GROUPS), APP]

#: What `make up`, `make audit`, `./tt` and the other commands that run a stack import.
RUN_TIME = ("__main__.py", "components", "settings", "images", "remote", "policies", "ops", "toolchain")

#: Files among them that only stacks with a group import: see tests/unit/components/preflight/test_packages.py.
PROVIDERS = {"pulumi_aws": "aws", "pulumi_cloudflare": "cloudflare"}


def versions(lock: Path) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)==([^\s;]+)", lock.read_text(), re.MULTILINE))


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: str(lock.relative_to(ROOT)))
def test_every_package_has_a_version_and_hashes_and_no_index(lock: Path) -> None:
    text = lock.read_text()
    packages = re.split(r"\n(?=[a-z0-9])", re.sub(r"^ *#.*\n", "", text, flags=re.MULTILINE).strip())
    assert len(packages) > 5
    for package in packages:
        assert re.match(r"[a-z0-9-]+==\S+( ; [^\\]+)? \\\n(    --hash=sha256:[0-9a-f]{64}( \\)?(\n|$))+$", package), (
            package
        )
    assert not re.search(r"https?:|--(extra-)?index|--find-links|file:|/tmp|/home", text)


def test_all_agree_on_every_version() -> None:
    found: dict[str, set[str]] = {}
    for lock in LOCKS:
        for name, version in versions(lock).items():
            found.setdefault(name, set()).add(version)
    assert {name: each for name, each in found.items() if len(each) > 1} == {}


def test_a_stack_without_clouds_installs_one_provider() -> None:
    """Pulumi would download the plugin of any other, for every stack; pulumi-policy has none, and is for tests."""
    providers = {
        group: {n for n in versions(REQUIREMENTS / f"{group}.lock") if n.startswith("pulumi-")} for group in GROUPS
    }
    assert providers["base"] == {"pulumi-docker"}
    assert providers["aws"] == {"pulumi-aws"}
    assert providers["cloudflare"] == {"pulumi-cloudflare"}
    assert providers["development"] == {"pulumi-policy"}


def imported(path: Path) -> set[str]:
    """The packages that a file imports, anywhere, by their import names; not what only type checks see."""
    tree = ast.parse(path.read_text())
    checks = [n for n in ast.walk(tree) if isinstance(n, ast.If) and ast.unparse(n.test) == "TYPE_CHECKING"]
    unseen = {id(node) for check in checks for node in ast.walk(check)}
    found: set[str] = set()
    for node in ast.walk(tree):
        if id(node) in unseen:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


def test_what_runs_a_stack_needs_no_package_of_another_group() -> None:
    files = [
        path for name in RUN_TIME for path in ([ROOT / name] if name.endswith(".py") else (ROOT / name).rglob("*.py"))
    ]
    modules = {name for path in files for name in imported(path)} - sys.stdlib_module_names
    own = {path.stem for path in ROOT.iterdir() if path.is_dir()}
    distributions = importlib.metadata.packages_distributions()
    base = versions(REQUIREMENTS / "base.lock")
    lacking = {
        module
        for module in modules - own - PROVIDERS.keys()
        if not {name.lower().replace("_", "-").replace(".", "-") for name in distributions[module]} & base.keys()
    }
    assert "boto3" in modules
    assert lacking == set()


def test_every_lock_is_written_by_make() -> None:
    recipe = re.search(r"^lock:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert recipe is not None
    assert f"for group in {' '.join(GROUPS)}; do" in recipe[1]
    assert {path.stem for path in REQUIREMENTS.glob("*.lock")} == set(GROUPS)
    assert {path.stem for path in REQUIREMENTS.glob("*.in")} == set(GROUPS)
