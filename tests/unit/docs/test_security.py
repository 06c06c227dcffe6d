"""docs/SECURITY.md has every secret, with its files and what a new one restarts, and policies and rules as they are."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable

import pytest

from policies.reference import level
from policies.registry import RULES as POLICIES
from settings.rules import RULES
from settings.secrets import BUILT_IN
from tests.unit.components.conftest import Run, run_program
from tests.unit.docs.secrets_of_the_program import Found, secrets_of_the_program
from toolchain.process.steps import ROOT

PAGE = (ROOT / "docs" / "SECURITY.md").read_text()

#: The columns of the tables of secrets.
HEADER = ["Secret", "For", "Files", "Restarts", "Tried by"]

#: What stands in place of a test's name: somebody tried it by hand, or nobody did.
NO_TEST = ("by hand", "not")


def rows() -> dict[str, list[str]]:
    """The rows of the tables of secrets, by the secret's name."""
    found: dict[str, list[str]] = {}
    wanted = False
    for line in PAGE.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")] if line.startswith("|") else []
        if not cells:
            wanted = False
        elif cells == HEADER:
            wanted = True
        elif wanted and not line.startswith("| ---"):
            name = cells[0].strip("`")
            assert name not in found
            found[name] = cells
    return found


@pytest.fixture(scope="module")
def program() -> dict[str, Found]:
    made: Callable[..., Run] = run_program
    return secrets_of_the_program(made)


def files(found: Found) -> str:
    """Where a secret is, in the words of the page."""
    each = (f"{name}: {', '.join(f'`{file}`' for file in sorted(held))}" for name, held in sorted(found.files.items()))
    return "; ".join(each) or "none"


def test_every_secret_of_the_program_is_there_with_its_files_and_what_it_restarts(program: dict[str, Found]) -> None:
    written = {name: (cells[2], cells[3]) for name, cells in rows().items()}
    assert written == {
        name: (files(found), ", ".join(sorted(found.restarts)) or "none") for name, found in program.items()
    }


def test_no_stack_that_is_looked_at_leaves_a_secret_out(program: dict[str, Found]) -> None:
    assert set(BUILT_IN) <= set(program)
    trees = [ast.parse(path.read_text()) for path in (ROOT / "components").rglob("*.py")]
    calls = [ast.unparse(each.func) for tree in trees for each in ast.walk(tree) if isinstance(each, ast.Call)]
    makers = ("GeneratedSecret", "CertificateAuthority", "ServerCertificate", "OriginCertificate")
    from_clouds = {"backups-reader", "backups-writer", "tunnel-token"}
    made = {name for name in program if "-" in name} - from_clouds
    in_code = sum(each in makers for each in calls)
    assert in_code == len(made), f"STACKS of secrets_of_the_program.py make {sorted(made)}, and the code has {in_code}"


@pytest.mark.parametrize("test", sorted({cells[4] for cells in rows().values()} - {*NO_TEST}))
def test_a_test_that_tries_a_rotation_is_there(test: str) -> None:
    path, _, name = test.strip("`").partition("::")
    assert f"\ndef {name}(" in (ROOT / path).read_text()


def test_what_the_program_makes_is_tried() -> None:
    """A person's own secret comes by one way whatever it is; each of the program's is made in a way of its own."""
    untried = {name for name, cells in rows().items() if cells[4] == "not"}
    assert all(re.fullmatch("[a-z0-9_]+", name) for name in untried)


@pytest.mark.parametrize(
    ("id_", "written"), sorted(set(re.findall(r"`([A-Z0-9]+(?:-[A-Z0-9]+)*)` \(((?:mandatory|advisory)[^)]*)\)", PAGE)))
)
def test_a_policy_has_the_level_that_is_written(id_: str, written: str) -> None:
    (rule,) = [each for each in POLICIES if each.id == id_]
    assert level(rule) == written


def test_every_policy_that_is_named_has_its_level_beside_it() -> None:
    families = "|".join(sorted({each.id.partition("-")[0] for each in POLICIES if "-" in each.id}))
    assert not re.findall(rf"`(?:{families})-[A-Z0-9-]+`(?! \((?:mandatory|advisory))", PAGE)


def test_a_rule_of_the_settings_is_one() -> None:
    lines = [line for line in PAGE.splitlines() if "settings rule" in line]
    named = {
        name for line in lines for name in re.findall(r"`([a-z]+(?:_[a-z]+)+)`", line.partition("settings rule")[2])
    }
    assert named
    assert named <= {rule.__name__ for rule in RULES}


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`((?:[a-z_.]+/)+[a-zA-Z_.*0-9-]*)`", PAGE))))
def test_a_file_that_is_named_is_there(path: str) -> None:
    # What a machine makes for itself is in no repository.
    if path not in (".state/",):
        assert list(ROOT.glob(path.rstrip("/")))
