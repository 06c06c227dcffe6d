"""Files by path, `uploads[].source`: every rule that reads files reads them, and one that can't be read is refused."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from policies.evaluate import findings
from policies.resource import Resource
from policies.rule import Scope
from policies.values import UNKNOWN
from policies.workloads.uploads import LARGEST_FILE, SECRET, SERVICE_CONFIG, contents
from tests.policies.cases import Case, of_each_rule, rule_of, run, run_all
from tests.policies.compliant import carrier, make

PROXY = "http { server { location /x/ { proxy_pass http://nats:8222; } } }"
PROGRAM = Path(__file__).parent
#: A file that is there, whatever the working folder is.
HERE = str(Path(__file__).resolve())


def from_file(source: Any, **more: Any) -> tuple[Resource]:
    return (carrier({"uploads": [{"file": "/etc/nginx/nginx.conf", "source": source, **more}]}),)


CASES = (
    Case("DKR-FILE", "passing", "text", (carrier(),)),
    Case("DKR-FILE", "passing", "a file", from_file(HERE)),
    Case("DKR-FILE", "passing", "no source", from_file("")),
    Case("DKR-FILE", "passing", "no source at all", from_file(None)),
    Case("DKR-FILE", "failing", "no such file", from_file("/no/such/file"), ("uploads[0].source",)),
    *(
        Case("DKR-FILE", "bypass", f"source {source!r}", from_file(source), ("uploads[0].source",))
        for source in ("/", ".", "..", "~/nginx.conf", "$HOME/nginx.conf", "a\0b", "/dev/zero", "/dev/stdin",
        "/proc/1/mem",
                       "http://x/nginx.conf", "x" * 5000, 1, 1.5, True, ["/etc/hostname"], {"path": HERE}, "\ud800")
    ),
    Case("DKR-FILE", "bypass", "beside a text", from_file("/no/such/file", content="events {}"), ("uploads[0].source",
         )),
    Case("DKR-FILE", "bypass", "one of two", (carrier({"uploads": [{"source": HERE}, {"source": "/none"}]}),),
         ("uploads[1].source",)),
    Case("DKR-FILE", "bypass", "in development", from_file("/none"), ("uploads[0].source",), environment="dev"),
    Case("DKR-FILE", "unknown", "source", from_file(UNKNOWN), ("uploads[0].source",)),
    Case("DKR-FILE", "unknown", "uploads", (carrier({"uploads": [UNKNOWN]}), carrier({"uploads": UNKNOWN}))),
)  # fmt: skip


@of_each_rule(CASES)
def test_cases(cases: Sequence[Case]) -> None:
    run_all(cases)


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The program's folder, which is the working folder of the pack."""
    (tmp_path / "files").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def monitoring(resource: Resource) -> list[tuple[str, object]]:
    rule = rule_of("DKR-MON")
    return [(each.path, each.value) for each in findings(rule, (resource,), Scope(rule.options()))]


@pytest.mark.parametrize(
    "source",
    ["nginx.conf", "./nginx.conf", "files/../nginx.conf", "files/link.conf", "{program}/nginx.conf", ".//nginx.conf"],
)
def test_a_file_is_read_from_the_programs_folder(program: Path, source: str) -> None:
    (program / "nginx.conf").write_text(PROXY)
    (program / "files" / "link.conf").symlink_to("../nginx.conf")
    (resource,) = from_file(source.format(program=program))
    assert monitoring(resource) == [("uploads[0].source", 8222)]


@pytest.mark.parametrize(
    "content",
    [
        PROXY.encode(),
        PROXY.encode("utf-16"),
        PROXY.encode("utf-8-sig"),
        b"# caf\xe9 in Latin-1\n" + PROXY.encode(),
        b"\xff\x00\x80" + PROXY.encode(),
        PROXY.replace("\n", "\r\n").encode(),
    ],
)
def test_bytes_of_any_encoding_are_read(program: Path, content: bytes) -> None:
    (program / "nginx.conf").write_bytes(content)
    assert monitoring(from_file("nginx.conf")[0]) == [("uploads[0].source", 8222)]


def test_a_file_is_read_again_when_it_changes(program: Path) -> None:
    file = program / "nginx.conf"
    file.write_text("events {}")
    assert monitoring(from_file("nginx.conf")[0]) == []
    file.write_text(PROXY)
    os.utime(file, ns=(1, 1))
    assert monitoring(from_file("nginx.conf")[0]) == [("uploads[0].source", 8222)]


@pytest.mark.parametrize("kind", ["large", "folder", "pipe", "dangling", "loop"])
def test_a_file_that_cannot_be_read_is_refused(program: Path, kind: str) -> None:
    file = program / "x"
    if kind == "large":
        file.write_bytes(b"x" * (LARGEST_FILE + 1))
    elif kind == "folder":
        file.mkdir()
    elif kind == "pipe":
        os.mkfifo(file)
    else:
        file.symlink_to("nowhere" if kind == "dangling" else "x")
    (resource,) = from_file("x")
    run(Case("DKR-FILE", "failing", kind, (resource,), ("uploads[0].source",)))


def test_the_largest_file_is_read(program: Path) -> None:
    (program / "x").write_text(PROXY.ljust(LARGEST_FILE, "\n"))
    assert monitoring(from_file("x")[0]) == [("uploads[0].source", 8222)]


def test_a_tunnels_token_in_a_file_is_found(program: Path) -> None:
    account = {"a": 32 * "0", "t": "6ff42ae2-765d-4adf-8112-31c55c1551ef", "s": base64.b64encode(bytes(32)).decode()}
    (program / "token").write_text(base64.b64encode(json.dumps(account).encode()).decode())
    run(Case("CF-SECRET", "bypass", "a file", from_file("token"), ("uploads[0].source",)))


def test_every_file_of_every_type_is_given(program: Path) -> None:
    (program / "x").write_text("three")
    upload = {"content": "one", "contentBase64": "dHdv", "source": "x"}
    assert [each.text for each in contents(carrier({"uploads": [upload]}))] == ["one", "two", "three"]
    for type_ in (SERVICE_CONFIG, SECRET):
        assert [each.text for each in contents(make(type_, {"data": "b25l", "dataRaw": "two"}))] == ["one", "two"]
