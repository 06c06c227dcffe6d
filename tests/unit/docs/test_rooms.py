"""The rooms of docs/ARCHITECTURE.md: what each may import is what it imports, and its modules are small."""

from __future__ import annotations

import re
from collections import defaultdict

import grimp
import pytest

from toolchain.process.steps import ROOT

#: Lines that a module may have.
LONGEST = 300

ROW = re.compile(r"^\| `(\w+)/` \|.*\| ([^|]*) \|$", re.MULTILINE)

ALLOWED = {
    room: set(re.findall(r"`(\w+)`", allowed))
    for room, allowed in ROW.findall((ROOT / "docs/ARCHITECTURE.md").read_text())
}

#: The reference app is a package of its own, which imports none of the rooms.
ROOMS = sorted(ALLOWED.keys() - {"app"})


@pytest.fixture(scope="module")
def imports() -> dict[str, set[str]]:
    """The rooms that each room imports."""
    graph = grimp.build_graph(*ROOMS, cache_dir=None, exclude_type_checking_imports=False)
    found: dict[str, set[str]] = defaultdict(set)
    for importer in graph.modules:
        room = importer.partition(".")[0]
        found[room] |= {each.partition(".")[0] for each in graph.find_modules_directly_imported_by(importer)} - {room}
    return found


def test_the_table_has_all_rooms() -> None:
    folders = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "docs", "bench"}
    assert folders <= ALLOWED.keys()


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_what_the_table_says(imports: dict[str, set[str]], room: str) -> None:
    assert imports[room] == ALLOWED[room]


@pytest.mark.parametrize("room", sorted(ALLOWED))
def test_modules_are_small(room: str) -> None:
    lines = {path: len(path.read_text().splitlines()) for path in (ROOT / room).rglob("*.py")}
    assert {str(path): count for path, count in lines.items() if count > LONGEST} == {}
