"""A stack file is read as the engine reads it, or refused with the place of what is wrong."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackfile import StackFileError, config, document, load, parse

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
    "an alias of nothing": (b"config:\n  b: *x\n", "s.yaml:2:6: found undefined alias 'x'"),
    "an alias of what it is in": (b"config:\n  a: &x {b: [*x]}\n", "s.yaml:2:6: contains itself by an alias"),
    "an alias of what it is merged into": (b"config:\n  a: &x {<<: *x}\n", "s.yaml:2:6: contains itself by an alias"),
    "two merge keys": (b"config:\n  a: {<<: {b: 1}, <<: {c: 1}}\n", 's.yaml:2:19: the key "<<" is there twice'),
    "a merged text": (b"config:\n  a: {<<: b}\n", "s.yaml:2:11: << merges blocks of keys, and this is none"),
    "a merged list of texts": (b"config:\n  a: {<<: [{b: 1}, c]}\n", "s.yaml:2:20: << merges blocks of keys"),
    "an infinite number": (b"config:\n  a: {b: .inf}\n", "s.yaml:2:10: is not a finite number"),
    "half of a pair": (b'config:\n  a: "\\ud800"\n', "s.yaml:2:6: is not a value that can be read"),
    "a list": (b"- a\n", "s.yaml:1:1: the file must be a block of keys and values"),
    "text": (b"config", "s.yaml:1:1: the file must be a block of keys and values"),
    "a list as config": (b"config:\n  - a\n", "s.yaml:2:3: config must be a block of keys and values"),
    "text as config": (b"config: a\n", "s.yaml:1:9: config must be a block of keys and values"),
    "two documents": (b"a: 1\n---\nb: 1\n", "s.yaml:2:1: but found another document"),
    "a colon that is missing": (
        b"config:\n  t:environment dev\n  t:nginx:\n    tls: true\n",
        "s.yaml:3:10: a colon is missing, or the indentation is wrong, here or in a line before",
    ),
    "a line that is indented otherwise": (b"config:\n  a: 1\n   b: 2\n", "s.yaml:3:5: a colon is missing"),
    "a line that belongs to no block": (
        b"config:\n  a:\n    b: 1\n   c:\n    d: 1\n",
        "s.yaml:4:4: a colon is missing",
    ),
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


@pytest.mark.parametrize("text", ["561e1315", "1e000400", "-9e999"])
def test_a_number_too_large_for_any_is_text(text: str) -> None:
    """As for the engine, which writes it so: a backup's name may look like one."""
    assert parse(f"config:\n  a: {{b: {text}}}\n".encode(), "s.yaml") == {"config": {"a": {"b": text}}}


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


ALIASES = {
    "an alias": ("a: &x {b: 1}\n  c: *x", {"a": {"b": 1}, "c": {"b": 1}}),
    "of a text": ("a: &x text\n  c: {d: *x}", {"a": "text", "c": {"d": "text"}}),
    "of a key": ("&k a: 1\n  b: *k", {"a": 1, "b": "a"}),
    "the same name twice": ("a: &x 1\n  b: &x 2\n  c: *x", {"a": 1, "b": 2, "c": 2}),
    "a merge key": ("a: &x {b: 1, c: 2}\n  d: {<<: *x, c: 3}", {"a": {"b": 1, "c": 2}, "d": {"b": 1, "c": 3}}),
    "a merge key in quotes": ('a: {b: 1, "<<": {c: 2}}', {"a": {"b": 1, "c": 2}}),
    "a merge of a list": ("a: {<<: [{b: 1}, {b: 2, c: 3}]}", {"a": {"b": 1, "c": 3}}),
    "a merge in a merge": ("a: &x {b: 1}\n  c: &y {<<: *x, d: 2}\n  e: {<<: *y}",
                           {"a": {"b": 1}, "c": {"b": 1, "d": 2}, "e": {"b": 1, "d": 2}}),
    "a block, and not what is in it": ("a: &x {p: {q: 1, r: 2}}\n  b: {<<: *x, p: {q: 3}}",
                                       {"a": {"p": {"q": 1, "r": 2}}, "b": {"p": {"q": 3}}}),
}  # fmt: skip


@pytest.mark.parametrize(("text", "value"), ALIASES.values(), ids=ALIASES)
def test_follows_aliases_and_merge_keys_as_the_engine_does(text: str, value: object) -> None:
    # Each was read by Pulumi 3.256.0: `pulumi config --json`.
    assert parse(f"config:\n  {text}\n".encode(), "s.yaml") == {"config": value}


def test_a_mistyped_key_of_pulumi_s_is_refused(tmp_path: Path) -> None:
    """Pulumi passes over it, and the stack would have no config."""
    path = tmp_path / "Pulumi.dev.yaml"
    path.write_text("confg:\n  a: 1\n")
    with pytest.raises(StackFileError, match=r"^Pulumi.dev.yaml: the key confg is none of .* did you mean config\?$"):
        document(path)
    path.write_text("shared: &x {a: 1}\nconfig: {t:b: *x}\n")
    assert document(path)["config"] == {"t:b": {"a": 1}}


def test_config_may_merge_a_block_from_beside_it() -> None:
    content = b"x-base: &base\n  a: 1\n  b: 1\nconfig:\n  <<: *base\n  b: 2\n"
    assert parse(content, "s.yaml")["config"] == {"a": 1, "b": 2}


def test_aliases_of_aliases_are_limited() -> None:
    lines = ["config:", "  a0: &a0 {x: 1}"]
    lines += [f"  a{n}: &a{n} [{', '.join(9 * [f'*a{n - 1}'])}]" for n in range(1, 10)]
    with pytest.raises(StackFileError, match=r"^s\.yaml:7:7: has more than 100000 values, with those of its aliases$"):
        parse("\n".join(lines).encode(), "s.yaml")


def test_config_reads_keys_and_blocks_as_the_program_does(tmp_path: Path) -> None:
    path = tmp_path / "Pulumi.x.yaml"
    path.write_text("""config:
  environment: dev
  docker:host: ssh://h
  tasktracker:docker_host: '{"address": "ssh://h"}'
  tasktracker:domain: "{no json"
""")
    assert config(path) == {
        "tasktracker:environment": "dev",
        "docker:host": "ssh://h",
        "tasktracker:docker_host": {"address": "ssh://h"},
        "tasktracker:domain": "{no json",
    }


def test_a_block_in_json_with_a_key_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "Pulumi.x.yaml"
    path.write_text("""config: {a: '{"b": {"c": 1, "c": 2}}'}\n""")
    with pytest.raises(StackFileError, match=r'^Pulumi\.x\.yaml: tasktracker:a has the key "c" twice; remove one$'):
        config(path)


@pytest.mark.parametrize("keys", [("a", "tasktracker:a"), ("tasktracker:a", "a")])
def test_a_key_with_its_namespace_and_without_is_refused(tmp_path: Path, keys: tuple[str, str]) -> None:
    # The engine would use the one that is further down, and say nothing.
    path = tmp_path / "Pulumi.x.yaml"
    path.write_text("config:\n" + "".join(f"  {key}: {number}\n" for number, key in enumerate(keys)))
    with pytest.raises(StackFileError, match=r"^Pulumi\.x\.yaml: config has both a and tasktracker:a; remove one$"):
        config(path)


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
