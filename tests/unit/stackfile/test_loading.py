"""A stack file is read as the engine reads it, or refused with the place of what is wrong."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackfile import StackFileError, config, load, parse

ROOT = Path(__file__).resolve().parents[3]

REFUSED = {
    "Latin-1": (b"config:\n  # Gr\xfc\xdfe\n  a:b: c\n", "s.yaml:2:7: is not UTF-8 (byte 0xfc); save it as UTF-8"),
    "Latin-1 after a mark": (b"\xef\xbb\xbfa: \xfc\n", "s.yaml:1:4: is not UTF-8 (byte 0xfc)"),
    "UTF-16": ("config: {}\n".encode("utf-16"), "s.yaml:1:1: is not UTF-8"),
    "no such day": (b"config:\n  p:\n    to: 2026-02-30\n", "s.yaml:3:9: 2026-02-30 is no date: day"),
    "no such hour": (b"a: 2026-02-03 25:00:00\n", "s.yaml:1:4: 2026-02-03 25:00:00 is no date: hour"),
    "the same key": (
        b"config:\n  t:environment: prod\n  t:environment: dev\n",
        's.yaml:3:3: the key "t:environment" is there twice, first in line 2; remove one',
    ),
    "the same key in a block": (b"config:\n  t:a: {b: 1, b: 2}\n", 's.yaml:2:15: the key "b" is there twice'),
    "the same key in quotes": (b"config:\n  a: 1\n  'a': 2\n", 's.yaml:3:3: the key "a" is there twice'),
    "the same block": (b"config: {}\nconfig: {}\n", 's.yaml:2:1: the key "config" is there twice'),
    "a tab": (b"config:\n\ta: b\n", "s.yaml:2:1: a tab; indent with spaces"),
    "an alias": (b"config:\n  a: &x 1\n  b: *x\n", "s.yaml:3:6: *x is an alias"),
    "an alias of nothing": (b"config:\n  b: *x\n", "s.yaml:2:6: *x is an alias"),
    "a merge key": (b"config:\n  a:\n    <<: {b: 1}\n", "s.yaml:3:5: << is a merge key"),
    "a list": (b"- a\n", "s.yaml:1:1: the file must be a block of keys and values"),
    "text": (b"config", "s.yaml:1:1: the file must be a block of keys and values"),
    "a list as config": (b"config:\n  - a\n", "s.yaml:2:3: config must be a block of keys and values"),
    "text as config": (b"config: a\n", "s.yaml:1:9: config must be a block of keys and values"),
    "two documents": (b"a: 1\n---\nb: 1\n", "s.yaml:2:1: but found another document"),
    "an open bracket": (b"config:\n  a: [1\n", "s.yaml:3:1: expected ',' or ']'"),
    "an open quote": (b"config:\n  a: 'b\n", "s.yaml:3:1: found unexpected end of stream"),
    "a list as key": (b"config:\n  ? [a]\n  : b\n", "s.yaml:2:5: a key must be text"),
    "an object of Python": (b"a: !!python/object:os.system {}\n", "s.yaml:1:4: could not determine a constructor"),
    "a control character": (b"config:\n  a: b\x07\n", "s.yaml:2:7: the character U+0007 is not allowed in YAML"),
    "a number without an end": (b"a: " + 5000 * b"1" + b"\n", "s.yaml:1:4: is not a value that can be read"),
    "deep nesting": (b"a: " + 100_000 * b"[", "s.yaml: is nested too deeply"),
}


@pytest.mark.parametrize(("content", "message"), REFUSED.values(), ids=REFUSED)
def test_refuses_with_the_place(content: bytes, message: str) -> None:
    with pytest.raises(StackFileError) as caught:
        parse(content, "s.yaml")
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_reads_as_the_engine_does() -> None:
    content = b"""\xef\xbb\xbf
config:
  a: on
  b: true
  c: 12:30
  d: 2026-11-20T14:05:00+01:00
  e: 0.5
  f: [1, 0x10, 1e3]
  g: ~
  1: x
"""
    assert parse(content, "s.yaml")["config"] == {
        **{"a": "on", "b": True, "c": "12:30", "d": "2026-11-20T14:05:00+01:00"},
        **{"e": 0.5, "f": [1, 16, 1000.0], "g": None, "1": "x"},
    }


@pytest.mark.parametrize("content", [b"", b"# nothing\n", b"---\n", b"config:\n", b"config: {}\n"])
def test_a_file_may_set_nothing(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "Pulumi.dev.yaml"
    path.write_bytes(content)
    assert config(path) == {}


def test_a_file_that_is_not_there_or_is_a_folder(tmp_path: Path) -> None:
    with pytest.raises(StackFileError, match=r"^Pulumi\.dev\.yaml: can't be read: No such file or directory$"):
        load(tmp_path / "Pulumi.dev.yaml")
    (tmp_path / "Pulumi.dev.yaml").mkdir()
    with pytest.raises(StackFileError, match=r"^Pulumi\.dev\.yaml: can't be read: Is a directory$"):
        config(tmp_path / "Pulumi.dev.yaml")


@pytest.mark.parametrize("stack", ["dev", "staging", "prod"])
def test_the_committed_files(stack: str) -> None:
    assert config(ROOT / f"Pulumi.{stack}.yaml")["tasktracker:environment"] == stack


def is_read_or_refused(content: bytes) -> bool:
    try:
        return isinstance(parse(content, "s.yaml"), dict)
    except StackFileError as error:
        return str(error).startswith("s.yaml:")


@given(st.binary(max_size=60) | st.text("ab:&*<!-[]{}\"'#\t\n 0129?|>%@`,.", max_size=60).map(str.encode))
def test_nothing_but_its_own_error_comes_out(content: bytes) -> None:
    assert is_read_or_refused(content)


@given(st.text(st.characters(codec="utf-8"), max_size=20))
def test_any_tag_and_value(text: str) -> None:
    for line in (f"a: !!{text} {text}\n", f"b: !!int {text}\n", f"c: !!timestamp {text}\n", f"d: !!float {text}\n"):
        assert is_read_or_refused(line.encode())
