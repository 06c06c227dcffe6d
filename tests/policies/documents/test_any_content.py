"""Any content of the pack's files is read or explained."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from policies import analyzer, config, waivers
from policies.documents.errors import ConfigError
from policies.registry import RULES
from tests.generated import examples
from tests.policies.documents.test_waivers_file import RIGHT


def problems_of(read: Callable[[], object]) -> tuple[str, ...]:
    """What is wrong, in the words for people; nothing where all is right."""
    try:
        read()
    except ConfigError as error:
        return error.problems
    return ()


#: Pieces of documents, right and wrong.
PIECES = st.sampled_from([
    "waivers", ":", " ", "\n", "  ", "- ", "rule", "DKR-MEM", "expires", "2026-13-01", "2026-12-31", "[", "]", "{", "}",
    ",", "&a", "*a", "!!int", "!x", "|", ">", "'", '"', "#", "%", "@", "`", "\t", "---", "...", "?", "<<", "~", "null",
    "1e999", ".nan", "0x1", "1_0", "190:20:30", "\\", "\u2028", "\ud83d", "\x7f", "=", "reason", "owner", "resource",
])  # fmt: skip


@settings(max_examples=examples(400), deadline=None)
@given(
    st.one_of(
        st.lists(PIECES, max_size=40).map(lambda each: "".join(each).encode(errors="surrogatepass")),
        st.binary(max_size=200),
    )
)
def test_any_content_is_read_or_explained(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = tmp_path_factory.getbasetemp()
    for file, read in (
        (folder / "fuzz.yaml", lambda path: waivers.load(path, RULES)),
        (folder / "fuzz.json", lambda path: config.read(path, RULES)),
    ):
        file.write_bytes(content)
        found = problems_of(lambda: read(file))  # noqa: B023 - it is called at once
        assert all(file.name in each and "Error" not in each for each in found)


@settings(max_examples=examples(300), deadline=None)
@given(st.integers(0, 2**32))
def test_a_right_file_with_one_change_is_read_or_explained(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    rng = random.Random(seed)
    file = tmp_path_factory.getbasetemp() / "changed.yaml"
    content = bytearray(RIGHT.encode())
    place = rng.randrange(len(content))
    content[place : place + rng.randrange(4)] = rng.choice(
        [b"", b"\t", b"&", b"*", b"!", b"[", b"\xff", b":", b"\n", b"9"]
    )
    file.write_bytes(bytes(content))
    assert all(each.startswith("changed.yaml") for each in problems_of(lambda: waivers.load(file, RULES)))


def test_the_shipped_pack_file_is_right() -> None:
    """The engine reads it, before the pack runs."""
    read = yaml.safe_load((Path(config.__file__).parent / "PulumiPolicy.yaml").read_text())
    assert set(read) == {"name", "description", "version", "runtime"}
    assert read["name"] == analyzer.NAME
    assert read["runtime"] == {"name": "python", "options": {"virtualenv": "../.venv"}}
