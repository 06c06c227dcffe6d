"""The waivers file: what is wrong in it is explained."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import yaml

from policies import waivers
from policies.documents.errors import ConfigError
from policies.documents.reader import LARGEST
from policies.registry import RULES

RIGHT = """\
waivers:
  - rule: DKR-MEM
    resource: urn:pulumi:prod::tasktracker::*::nginx
    reason: measured in production first, see the runbook
    owner: jo@example.com
    expires: 2026-12-31
"""


def expires(text: str) -> bytes:
    return RIGHT.replace("2026-12-31", text).encode()


NOT_A_DAY = "should be a day, written YYYY-MM-DD, such as 2026-12-31"
NOT_IN_THE_CALENDAR = "should be a day that the calendar has, such as 2026-12-31"

WRONG_WAIVERS: dict[str, tuple[bytes, str]] = {
    "month": (
        expires("2026-13-01"),
        f"waivers.yaml:6: waivers[0].expires is '2026-13-01': {NOT_IN_THE_CALENDAR}",
    ),
    "day": (expires("2026-02-30"), f"waivers[0].expires is '2026-02-30': {NOT_IN_THE_CALENDAR}"),
    "year 0": (expires("0000-01-01"), NOT_IN_THE_CALENDAR),
    "number": (expires("20261231"), f"waivers[0].expires is '20261231': {NOT_A_DAY}"),
    "negative": (expires("-1"), NOT_A_DAY),
    "float": (expires("1767139200.5"), NOT_A_DAY),
    "huge": (expires("9" * 5000), NOT_A_DAY),
    "infinite": (expires(".inf"), NOT_A_DAY),
    "time": (expires("2026-12-31T10:00:00Z"), NOT_A_DAY),
    "short": (expires("2026-1-5"), NOT_A_DAY),
    "German": (expires("31.12.2026"), NOT_A_DAY),
    "word": (expires("never"), NOT_A_DAY),
    "an owner that nobody can read": (
        RIGHT.replace("jo@example.com", '"\\u200b\\u200b"').encode(),
        "waivers[0].owner",
    ),
    "a colour in a reason": (
        RIGHT.replace("measured in", '"measured \\e[31m in').replace("runbook", 'runbook"').encode(),
        "control",
    ),
    "two of the same": (
        (RIGHT + RIGHT.split("\n", 1)[1]).encode(),
        "waivers[1].resource is 'urn:pulumi:prod::tasktracker::*::nginx': waivers[0] is for it and the same rule",
    ),
    "other digits": (expires("\uff12\uff10\uff12\uff16-12-31"), NOT_A_DAY),
    "true": (expires("true"), NOT_A_DAY),
    "list": (expires("[2026-12-31]"), NOT_A_DAY),
    "mapping": (expires("{a: 1}"), NOT_A_DAY),
    "nothing": (expires(""), NOT_A_DAY),
    "rule": (RIGHT.replace("DKR-MEM", "DKR-MEMM").encode(), "yaml:2: waivers[0].rule is 'DKR-MEMM': no such"),
    "rule, the nearest": (RIGHT.replace("DKR-MEM", "DKR-MEMM").encode(), "did you mean DKR-MEM?"),
    "long rule": (RIGHT.replace("DKR-MEM", "X" * 9000).encode(), "no such rule"),
    "owner": (RIGHT.replace("jo@example.com", "").encode(), "waivers.yaml:5: waivers[0].owner is None: should be"),
    "reason": (RIGHT.replace("measured in production first, see the runbook", "ok").encode(), "waivers.yaml:4"),
    "key": (RIGHT.replace("owner", "ovner").encode(), "waivers.yaml:5: waivers[0].ovner: no such key"),
    "missing key": (RIGHT.replace("    owner: jo@example.com\n", "").encode(), "waivers[0].owner: has to be given"),
    "no list": (b"waivers: 3", "waivers.yaml:1: waivers is '3': should be a list"),
    "a mapping": (b"waivers:\n  rule: x\n", "waivers.yaml:1: waivers is {'rule': 'x'}: should be a list"),
    "a text in the list": (b"waivers:\n  - x\n", "waivers.yaml:2: waivers[0] is 'x': should be a mapping"),
    "another key": (b"waiver: []", "waivers.yaml:1: waiver: no such key"),
    "a list": (b"- x", "waivers.yaml: the content is ['x']: should be a mapping"),
    "a text": (b"hello", "waivers.yaml: the content is 'hello': should be a mapping"),
    "twice": (b"waivers: []\nwaivers: []", "waivers.yaml:2: has the key 'waivers' twice, first on line 1"),
    "twice in a waiver": (f"{RIGHT}    owner: x\n".encode(), "waivers.yaml:7: has the key 'owner' twice, first"),
    "anchor": (b"waivers: &a []", "waivers.yaml:1: has an anchor or an alias"),
    "alias": (b"a: 1\nwaivers: *a", "waivers.yaml:2: has an anchor or an alias"),
    "merge": (b"waivers:\n  - <<: *x", "waivers.yaml:2: has an anchor or an alias"),
    "laughs": (b"a: &a [x]\nb: &b [*a, *a]\nwaivers: [*b, *b]", "waivers.yaml:1: has an anchor or an alias"),
    "tag": (b"waivers: !!python/object:os.system x", "waivers.yaml:1: has a tag (!)"),
    "own tag": (b"waivers: !x []", "has a tag (!)"),
    "set": (b"waivers: !!set {a}", "has a tag (!)"),
    "list as a key": (b"? [a]\n: b", "waivers.yaml:1: has a list or a mapping for a key"),
    "two documents": (b"waivers: []\n---\nwaivers: []", "waivers.yaml:2: has a second document"),
    "tab": (b"waivers:\n\t- x", "waivers.yaml:2: is not YAML"),
    "bracket": (b"waivers: [", "waivers.yaml:1: is not YAML"),
    "indent": (b"waivers:\n  - a: 1\n b: 2", "waivers.yaml:3: is not YAML"),
    "deep": (b"[" * 5000, "nested too deeply"),
    "deep mappings": (b"{a: " * 5000, "nested too deeply"),
    "control character": (b"waivers: []\n# \x00", "waivers.yaml:2: has a character that YAML does not allow"),
    "UTF-16": ("waivers: []".encode("utf-16"), "waivers.yaml: is not a text in UTF-8 (byte 0)"),
    "Latin-1": ("waivers: [] # ä".encode("latin-1"), "waivers.yaml: is not a text in UTF-8 (byte 14)"),
    "binary": (bytes(range(256)), "waivers.yaml: is not a text in UTF-8"),
    "large": (b"#" * (LARGEST + 1), f"has {LARGEST + 1} bytes; at most {LARGEST} are allowed"),
}  # fmt: skip

RIGHT_WAIVERS = {
    "empty": b"",
    "a comment": b"# none\n",
    "nothing": b"waivers: []\n",
    "with a mark of the order of bytes": b"\xef\xbb\xbfwaivers: []\n",
    "Windows' line ends": RIGHT.replace("\n", "\r\n").encode(),
    "in quotes": expires('"2026-12-31"'),
    "JSON": json.dumps(yaml.load(RIGHT, yaml.BaseLoader)).encode(),
    "a start of a document": f"---\n{RIGHT}".encode(),
    "an owner who is a number": RIGHT.replace("jo@example.com", "12").encode(),
}


def problem(file: Path, content: bytes) -> str:
    file.write_bytes(content)
    with pytest.raises(ConfigError) as error:
        waivers.load(file, RULES)
    return str(error.value)


@pytest.mark.parametrize("case", WRONG_WAIVERS)
def test_a_wrong_waivers_file_is_explained(tmp_path: Path, case: str) -> None:
    content, says = WRONG_WAIVERS[case]
    found = problem(tmp_path / "waivers.yaml", content)
    assert says in found
    assert found.startswith("waivers.yaml")
    assert max(map(len, found.splitlines())) < 300
    assert not any(word in found for word in ("Error", "instance of", "errors.pydantic.dev", "<unicode string>"))


@pytest.mark.parametrize("case", RIGHT_WAIVERS)
def test_a_right_waivers_file_is_read(tmp_path: Path, case: str) -> None:
    file = tmp_path / "waivers.yaml"
    file.write_bytes(RIGHT_WAIVERS[case])
    assert len(waivers.load(file, RULES)) == (1 if b"DKR-MEM" in RIGHT_WAIVERS[case] else 0)


def test_what_is_no_file(tmp_path: Path) -> None:
    for path, says in (
        (tmp_path, "is a folder; it should be a file"),
        (Path("/dev/null"), "is a device"),
        (tmp_path / "x\0y", "is no name of a file"),
        (tmp_path / ("x" * 5000), "can't be read: File name too long"),
    ):
        with pytest.raises(ConfigError, match=says):
            waivers.load(path, RULES, required=True)
    with pytest.raises(ConfigError, match=r"none\.yaml: can't be read: No such file or directory"):
        waivers.load(tmp_path / "none.yaml", RULES, required=True)


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> bytes:
        raise PermissionError(13, os.strerror(13), str(path))

    file = tmp_path / "waivers.yaml"
    file.write_bytes(RIGHT.encode())
    # The user root may read anything.
    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(ConfigError, match=r"^waivers\.yaml: can't be read: Permission denied$"):
        waivers.load(file, RULES)
