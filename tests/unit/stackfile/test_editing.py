"""Changes to a stack file's text keep everything that they don't concern."""

from __future__ import annotations

from functools import reduce

import pytest
import yaml

from stackfile.editing import changed, edited, removed, secrets
from stackfile.loading import parse
from stackfile.shared_values import EditError
from toolchain.process.steps import ROOT
from toolchain.pulumi_engine.backends import line_value

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


def test_a_key_among_others_in_braces_goes_alone() -> None:
    inner = ("config", "a:block", "inner")
    assert removed(TEXT, (*inner, "x")) == TEXT.replace("{x: 1, y: 2}", "{y: 2}")
    assert removed(TEXT, (*inner, "y")) == TEXT.replace("{x: 1, y: 2}", "{x: 1}")
    several = "a: {b: 1, 'c': [2, 3], d: {e: 4}} # end\n"
    assert removed(several, ("a", "c")) == "a: {b: 1, d: {e: 4}} # end\n"
    assert removed(several, ("a", "d", "e")) == "a: {b: 1, 'c': [2, 3]} # end\n"
    assert removed("{a: 1, b: 2}\n", ("a",)) == "{b: 2}\n"


def test_a_key_of_a_list_s_entry_has_no_line() -> None:
    with pytest.raises(EditError, match="b is not at the beginning of a line"):
        removed("? a\n: 1\n? b\n: c\n", ("b",))


SHARED = """\
base: &base
  volume: 1
config:
  a:own: {volume: &number 2, kept: [1]}
  a:alias: *base
  a:merged:
    <<: *base
    more: *number
  a:last: 1
"""


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (("config", "a:alias"), r"5:12: \*base is an alias"),
        (("config", "a:alias", "volume"), r"5:12: \*base is an alias"),
        (("config", "a:merged", "volume"), "7:5: << is a merge key"),
        (("config", "a:own", "volume"), "4:19: &number is the value of other keys too"),
        (("config", "a:own"), "4:19: &number is the value of other keys too"),
        (("base", "volume"), "1:7: &base is the value of other keys too"),
    ],
)
def test_a_value_that_keys_share_is_not_changed_through_one_of_them(path: tuple[str, ...], message: str) -> None:
    with pytest.raises(EditError, match=message):
        removed(SHARED, path)
    with pytest.raises(EditError, match=message):
        changed(SHARED, path, 3)


def test_what_no_key_shares_is_changed_beside_it() -> None:
    assert changed(SHARED, ("config", "a:last"), 2) == SHARED.replace("a:last: 1", "a:last: 2")
    assert changed(SHARED, ("config", "a:own", "kept"), [1, 2]) == SHARED.replace("[1]", "[1, 2]")
    assert removed(SHARED, ("config", "a:own", "kept")) == SHARED.replace(", kept: [1]", "")


TEXTS = (
    *("api:1.2@sha256:ab", "2026-11-20T14:05:00Z", "00000012", "0x1f", "1e3", "true", "yes", "null", "~", "", "a: b"),
    *("a # b", "[x", "{x", "*x", "&x", "- x", "a, b", "'", '"', "%", "@x", "ü", "s3://states?region=eu&h=https://h:7"),
)


@pytest.mark.parametrize("value", TEXTS)
@pytest.mark.parametrize("text", ["config:\n  a: 1\n", "config: {a: 1}\n"])
@pytest.mark.parametrize("path", [("config", "a"), ("config", "new"), ("config", "new", "one")])
def test_a_text_is_the_same_text_for_every_reader(text: str, value: str, path: tuple[str, ...]) -> None:
    written = changed(text, path, value)
    for reader in (yaml.safe_load, lambda text: parse(text.encode(), "")):
        assert reduce(lambda block, key: block[key], path, reader(written)) == value


def test_quotes_stay() -> None:
    text = "config: {a: 'x', b: \"y\"}\n"
    assert changed(text, ("config", "a"), "z") == text.replace("'x'", "'z'")
    assert changed(text, ("config", "a"), "it's") == text.replace("'x'", '"it\'s"')
    assert changed(text, ("config", "b"), "z") == text.replace('"y"', '"z"')
    assert changed(text, ("config", "b"), 2) == text.replace('"y"', "2")


def test_the_last_key_of_a_file_leaves_a_file_to_add_to() -> None:
    for text in ("config:\n  a: 1\n", "config: {a: 1}\n", "config:\n  a:\n    b: 1\n"):
        left = removed(text, ("config", "a"))
        assert not yaml.safe_load(left)["config"]
        assert yaml.safe_load(changed(left, ("config", "c", "d"), 2)) == {"config": {"c": {"d": 2}}}


def test_numbers_and_lists() -> None:
    kept = "    kept_volumes: # old\n      - 1\n      - 2\n"
    text = f"config:\n  tasktracker:postgres:\n    volume: 1 # in use\n{kept}    x: 1\n"
    assert edited(text, {"postgres.volume": 3, "tasktracker:postgres.kept_volumes": [1, 2, 3]}) == (
        "config:\n  tasktracker:postgres:\n    volume: 3 # in use\n    kept_volumes: [1, 2, 3] # old\n    x: 1\n"
    )
    assert edited(text, {}, ["postgres.kept_volumes"]) == (
        "config:\n  tasktracker:postgres:\n    volume: 1 # in use\n    x: 1\n"
    )
    assert edited(text, {}, ["postgres.none", "none"]) == text


def test_a_setting_is_found_without_the_project_s_namespace() -> None:
    text = "config:\n  images: {api: a}\n"
    assert edited(text, {"tasktracker:images.api": "b", "tasktracker:domain": "c"}) == (
        "config:\n  images: {api: b}\n  tasktracker:domain: c\n"
    )


def test_a_text_in_json_has_no_lines_to_change() -> None:
    with pytest.raises(EditError, match=r"config\.tasktracker:images is not a block of keys"):
        edited('config:\n  tasktracker:images: \'{"api": "a"}\'\n', {"images.api": "b"})


STATES = "s3://states/prod?region=eu-central-1&endpoint=https://s3.example.com:7070&use_path_style=true"
BACKEND = "tasktracker:state_backend"
LIVE = """\
# yaml-language-server: $schema=docs/config.schema.json
# What is live.
config: # by people
  # dev, staging or prod
  tasktracker:environment: prod
  tasktracker:nginx:
    publish: {port: 80}
encryptionsalt: v1:abc
"""


def test_the_line_of_a_state_s_backend_touches_no_other_line() -> None:
    named = edited(LIVE, {BACKEND: STATES})
    assert yaml.safe_load(named)["config"][BACKEND] == STATES
    assert line_value(named) == STATES
    assert named.replace(f"  {BACKEND}: {STATES}\n", "") == LIVE
    other = edited(named, {BACKEND: "s3://other"})
    assert other == named.replace(STATES, "s3://other")
    assert edited(other, {}, [BACKEND]) == LIVE
    assert edited(LIVE, {}, [BACKEND]) == LIVE


def test_the_last_line_may_have_no_end() -> None:
    assert edited(f"config:\n  {BACKEND}: s3://a", {BACKEND: "s3://b"}) == f"config:\n  {BACKEND}: s3://b"


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
    with pytest.raises(EditError):
        changed(text, path, 2)


@pytest.mark.parametrize("name", ["dev", "staging", "prod"])
def test_the_committed_files_lose_one_key_at_a_time(name: str) -> None:
    text = (ROOT / f"Pulumi.{name}.yaml").read_text()
    config = yaml.safe_load(text)["config"]
    for key in config:
        rest = yaml.safe_load(removed(text, ("config", key)))["config"]
        assert rest == {other: value for other, value in config.items() if other != key}


@pytest.mark.parametrize("last", ["\r\n", ""])
def test_added_lines_end_as_those_that_are_there(last: str) -> None:
    text = f"config:\r\n  a:b: 1{last}"
    assert changed(text, ("config", "a:c", "d"), 2) == "config:\r\n  a:b: 1\r\n  a:c:\r\n    d: 2\r\n"
