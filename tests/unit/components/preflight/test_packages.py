"""A stack whose packages are not installed is refused before it declares anything."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pytest

from components.preflight import packages
from tests.unit.settings.config import valid_part
from toolchain.process.steps import ROOT

TUNNEL = {"account_id": 32 * "a", "zone": "example.com", "zone_id": 32 * "b"}
IMAGE = "registry.example.com/cloudflared:1.2.0@sha256:" + 64 * "0"
FOLDERS = ("components", "settings", "images", "remote", "policies", "ops")


@pytest.fixture
def lacking(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes packages look as if they were not installed."""
    find = importlib.util.find_spec

    def lack(*modules: str) -> None:
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in modules else find(name))

    return lack


def settings(**keys: Any) -> Any:
    tunnel = {"tunnel": TUNNEL, "images": {"cloudflared": IMAGE}, "domain": "tasks.example.com"}
    return valid_part({**tunnel, **keys})


def test_the_message_names_setting_package_and_command(lacking: Callable[..., None]) -> None:
    lacking("pulumi_cloudflare")
    with pytest.raises(pulumi.RunError) as error:
        packages.refuse_missing_packages("live", settings())
    assert str(error.value) == (
        "tasktracker:tunnel needs the Python package pulumi-cloudflare, which is not installed."
        " Run `make tools STACK=live` and try again"
    )


def test_all_that_is_missing_is_named_at_once(lacking: Callable[..., None]) -> None:
    lacking("pulumi_cloudflare", "pulumi_aws")
    backup = {"repository": "aws", "aws": {"region": "eu-central-1"}}
    with pytest.raises(pulumi.RunError) as error:
        packages.refuse_missing_packages("live", settings(backup=backup))
    assert str(error.value).startswith(
        "tasktracker:backup.repository needs the Python package pulumi-aws; "
        "tasktracker:tunnel needs the Python package pulumi-cloudflare, which are not installed."
    )


def test_what_a_stack_does_not_use_may_be_missing(lacking: Callable[..., None]) -> None:
    lacking("pulumi_aws")
    packages.refuse_missing_packages("live", settings())
    lacking("pulumi_aws", "pulumi_cloudflare", "pulumi_policy")
    packages.refuse_missing_packages("dev", valid_part({}))


def test_what_is_installed_is_taken() -> None:
    packages.refuse_missing_packages("live", settings())


def test_the_program_checks_it_before_it_declares_anything() -> None:
    calls = [node.func.id for node in ast.walk(ast.parse((ROOT / "__main__.py").read_text()))
             if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]  # fmt: skip
    assert calls.index("refuse_missing_packages") < calls.index("Platform")


#: The optional packages, and the files that may import each: only stacks that need it import these.
OPTIONAL = {
    "pulumi_aws": {"components/backup/backup_bucket.py", "components/backup/private_bucket.py"},
    "pulumi_cloudflare": {"components/edge/tunnel.py", "components/edge/origin_certificate.py"},
}


def imports(path: Path) -> set[str]:
    """The top-level packages that a file imports anywhere."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


def test_no_other_module_of_the_program_or_around_it_imports_them() -> None:
    sources = [ROOT / "__main__.py", *(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))]
    found: dict[str, set[str]] = {name: set() for name in OPTIONAL}
    for path in sources:
        for name in imports(path) & OPTIONAL.keys():
            found[name].add(str(path.relative_to(ROOT)))
    assert found == OPTIONAL
