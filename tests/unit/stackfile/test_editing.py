"""Changes to a stack file's text keep everything that they don't concern."""

from __future__ import annotations

import pytest
import yaml

from stackfile.editing import TextError, changed, removed, secrets
from toolchain.steps import ROOT

TEXT = """\
# head
config:
  a:plain: 1 # one
  # of the key
  a:key:
    secure: v1:abc
  a:block:
    list:
      - 1
      - 2
    note: |
      many
      lines

    # after
    inner: {x: 1, y: 2}
  a:last:
    deep:
      secure: v1:def

# tail
encryptionsalt: v1:x
"""


def test_what_is_encrypted_is_found() -> None:
    assert secrets(TEXT) == [("a:key",), ("a:last", "deep")]
    assert secrets("config:\n  a:l:\n    - secure: v1:x\n    - plain\n") == [("a:l",)]
    assert secrets("config: {}\n") == secrets("a: 1\n") == []


@pytest.mark.parametrize(
    ("path", "lines"),
    [
        (("config", "a:plain"), [3]),
        (("config", "a:key"), [5, 6]),
        (("config", "a:block", "list"), [8, 9, 10]),
        (("config", "a:block", "note"), [11, 12, 13]),
        (("config", "a:block", "inner"), [16]),
        (("config", "a:block"), [7, 8, 9, 10, 11, 12, 13, 14, 15, 16]),
        # A block that would be empty goes too.
        (("config", "a:last", "deep"), [17, 18, 19]),
        (("encryptionsalt",), [22]),
    ],
)
def test_a_key_is_removed_with_its_lines_and_no_other(path: tuple[str, ...], lines: list[int]) -> None:
    expected = [line for number, line in enumerate(TEXT.splitlines(), 1) if number not in lines]
    assert removed(TEXT, path).splitlines() == expected


def test_a_comment_above_goes_where_asked() -> None:
    assert "# tail" not in removed(TEXT, ("encryptionsalt",), with_comment=True)
    assert "# head" in removed(TEXT, ("encryptionsalt",), with_comment=True)


def test_what_is_not_there_is_left_out() -> None:
    assert removed(TEXT, ("config", "a:none")) == removed(TEXT, ("config", "a:plain", "x")) == TEXT


def test_a_key_among_others_in_braces_is_refused() -> None:
    with pytest.raises(TextError, match=r"config\.a:block\.inner\.x is in a block in braces"):
        removed(TEXT, ("config", "a:block", "inner", "x"))


INNER = "    inner: {x: 1, y: 2}"

#: The line that a new value is in, where there is one.
REPLACED = {
    ("config", "a:plain"): ["  a:plain: 1 # one"],
    ("config", "a:block", "inner", "y"): [INNER],
    ("config", "a:block", "inner", "z"): [INNER],
}


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        (("config", "a:plain"), 2, "  a:plain: 2 # one\n"),
        (("config", "a:block", "inner", "y"), 3, "    inner: {x: 1, y: 3}\n"),
        (("config", "a:block", "inner", "z"), 3, "    inner: {z: 3, x: 1, y: 2}\n"),
        (("config", "a:new", "k"), "v", "      secure: v1:def\n  a:new:\n    k: v\n\n# tail\n"),
        (("config", "a:block", "more"), 1, "    inner: {x: 1, y: 2}\n    more: 1\n  a:last:\n"),
    ],
)
def test_a_value_is_set(path: tuple[str, ...], value: str | int, expected: str) -> None:
    text = changed(TEXT, path, value)
    assert expected in text
    found = yaml.safe_load(text)
    for key in path:
        found = found[key]
    assert found == value
    # No other line has changed.
    gone = [line for line in TEXT.splitlines() if line not in text.splitlines()]
    assert gone == [line for line in TEXT.splitlines() if line in REPLACED.get(path, [])]


def test_a_file_without_a_newline_at_its_end() -> None:
    assert changed("a:\n  b: 1", ("a", "c"), 2) == "a:\n  b: 1\n  c: 2\n"


@pytest.mark.parametrize(
    ("text", "path"),
    [("a:\n  b: 1\n", ("a",)), ("a: 1\n", ("a", "b")), ("a:\n", ("a",)), ("a: [\n", ("a",)), ("- 1\n", ("a",)),
     ("a: |\n  x\n", ("a",))],
)  # fmt: skip
def test_what_can_not_be_changed_is_refused(text: str, path: tuple[str, ...]) -> None:
    with pytest.raises(TextError):
        changed(text, path, 2)


@pytest.mark.parametrize("name", ["dev", "staging", "prod"])
def test_the_committed_files_lose_one_key_at_a_time(name: str) -> None:
    text = (ROOT / f"Pulumi.{name}.yaml").read_text()
    config = yaml.safe_load(text)["config"]
    for key in config:
        rest = yaml.safe_load(removed(text, ("config", key)))["config"]
        assert rest == {other: value for other, value in config.items() if other != key}
