"""What a report says of a preview, how it fits into a comment, and what the program ends with."""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from ops.ci import preview_report
from ops.ci.preview import Preview
from ops.ci.preview_reader import read
from ops.ci.preview_report import COMMENT_LIMIT, LEAST_LIMIT, MARKER, Exit, exit_code, report
from tests.unit.ops.ci.previews import (
    CONTAINER,
    DATA,
    SECRET,
    created,
    digest,
    policy,
    preview,
    said,
    state,
    step,
    stream,
    update,
    urn,
    volume,
)

READER = MarkdownIt("commonmark").enable("table")


def verdict(text: str) -> str:
    """The first line that is seen."""
    first, second = text.split("\n")[:2]
    assert first == MARKER
    return second.removeprefix("- ")


def is_whole(text: str) -> bool:
    """Whether nothing was cut in the middle: fences are closed, tables have all cells, folds are closed."""
    tokens = READER.parse(text)
    fences = [token for token in tokens if token.type == "fence"]
    html = "".join(token.content for token in tokens if token.type == "html_block")
    widths = {line.count("|") for line in text.split("\n") if line.startswith("| ---")}
    return (
        all(text.split("\n")[token.map[1] - 1] == token.markup for token in fences if token.map)
        and html.count("<details") == html.count("</details>")
        and widths <= {3, 4}
    )


# --- what it says


def test_no_change() -> None:
    text = report([preview(step("same", old=state(), new=state()), same=67)])
    assert verdict(text) == "✅ `dev` **passes**: no changes; no policy violations (docker-hosts 1.0.0)"
    assert "Changes" not in text


def test_counts_in_order_of_severity() -> None:
    text = report([preview(created({}), create=1, same=60, delete=2, replace=3, update=4)])
    assert verdict(text).startswith(
        "✅ `dev` **passes**: 2 to delete, 3 to replace, 4 to update, 1 to create, 60 unchanged;"
    )


def test_a_changed_setting() -> None:
    text = report([preview(update({"memory": 512}, {"memory": 640}, detail={"memory": "update"}), update=1)])
    assert "<summary><code>Nginx</code>: 1 to update</summary>" in text
    assert "**update** `nginx` (`Container`)\n\n| Property | Old | New |\n| --- | --- | --- |\n" in text
    assert "| `memory` | `512` | `640` |" in text


def test_a_replacement_says_what_forces_it() -> None:
    event = step(
        "replace", old=state({"image": "a:1", "env": []}), new=state({"image": "a:2", "env": ["B"]}),
        detail={"image": "update-replace", "env": "update"}, keys=["image"],
    )  # fmt: skip
    text = report([preview(event, replace=1)])
    assert '| `image` **(replaces)** | `"a:1"` | `"a:2"` |' in text
    assert '| `env[0]` |  | `"B"` |' in text


def test_a_replacement_that_a_dependency_forces_says_so() -> None:
    same = {"mounts": [{"source": "uploads"}]}
    whole = step("replace", old=state(same), new=state(same))
    made = step("create-replacement", old=state(same), new=state(same), keys=["mounts"])
    text = report([preview(whole, made, replace=1)])
    reason = "Replaced because it refers to a resource that is replaced: `mounts`."
    assert f"**replace** `nginx` (`Container`)\n\n{reason}\n" in text
    own = step("replace", old=state(same), new=state(same), keys=["image"])
    assert "Replaced because" not in report([preview(own, made, replace=1)])


def test_a_file_shows_as_its_changed_lines() -> None:
    lines = [f"line {number}" for number in range(100)]
    files = ["\n".join(lines), "\n".join([*lines[:50], "a new line", *lines[50:]])]
    old, new = ({"uploads": [{"file": "/etc/nginx.conf", "content": each}]} for each in files)
    text = report([preview(update(old, new, detail={"uploads": "update"}), update=1)])
    assert "`uploads[0].content` of `/etc/nginx.conf`:\n\n```diff\n@@" in text
    assert "\n+a new line\n" in text
    assert "line 5\n" not in text


def test_secrets_are_neither_shown_nor_hidden() -> None:
    event = update({"a": SECRET, "b": SECRET}, {"a": SECRET, "b": "x"}, detail={"a": "update", "b": "update"})
    text = report([preview(event, update=1)])
    assert "| `a` | `[secret]` | *changed* |" in text
    assert '| `b` | `[secret]` | `"x"` |' in text


def test_a_new_resource_shows_its_properties() -> None:
    text = report([preview(created({"image": "a:1", "id": "04da6b54-80e4-46f7-96ec-b56ff0331ba9"}), create=1)])
    assert "| Property | Value |\n| --- | --- |\n" in text
    assert '| `image` | `"a:1"` |' in text
    assert "| `id` | `[known after the update]` |" in text
    assert "The state that was read has nothing of this stack, so all of it shows as new." in text


def test_long_values_show_where_they_differ() -> None:
    old, new = {"a": 500 * "x" + "1" + 500 * "y"}, {"a": 500 * "x" + "2" + 500 * "y"}
    [row] = re.findall(r"\| `a` \| `(.*)` \| `(.*)` \|", report([preview(update(old, new), update=1)]))
    assert [f"…{19 * 'x'}" in each or "…" in each for each in row] == [True, True]
    assert ("x1y" in row[0], "x2y" in row[1]) == (True, True)
    assert all(len(each) <= 120 for each in row)


def test_violations_are_told_by_policy() -> None:
    found = preview(
        policy("Memory is limited\nmemory is 6144.", at=urn("api")),
        policy("Memory is limited\nmemory is 8192.", at=urn("worker")),
        policy("no health check", "advisory", "DKR-HC"),
        policy("no alert", "mandatory", "STACK", urn("tasktracker-dev", ["pulumi:pulumi:Stack"])),
        result="failed",
    )
    text = report([found])
    assert verdict(text).endswith("; 3 mandatory policy violations, 1 advisory policy violation")
    expected = (
        "**mandatory** `DKR-MEM`: Memory is limited\n\n"
        "- `api` (`Container`): memory is 6144.\n"
        "- `worker` (`Container`): memory is 8192.\n\n"
        "**mandatory** `STACK`\n\n- the stack: no alert\n\n"
        "**advisory** `DKR-HC`\n\n- `nginx` (`Container`): no health check\n"
    )
    assert expected in text


def test_advice_alone_passes() -> None:
    text = report([preview(policy("no health check", "advisory"))])
    assert verdict(text) == "✅ `dev` **passes**: no changes; 1 advisory policy violation"


def test_a_failed_preview_shows_its_errors() -> None:
    found = preview(
        said("Pulumi.dev.yaml has 1 problem:\n  nginx: unknown key\n"), said("preview failed"), result="failed"
    )
    text = report([found])
    assert verdict(text).startswith("❌ `dev` **fails**: no changes were found out; 1 error;")
    assert "#### Errors\n\n```text\nPulumi.dev.yaml has 1 problem:\n  nginx: unknown key\n```\n" in text
    assert "preview failed" not in text


def test_warnings_are_folded() -> None:
    text = report([preview(said("old option", "warning", urn()))])
    assert "#### Warnings\n\n<details>\n<summary>1 warning</summary>\n\n`nginx`:\n\n```text\nold option\n```" in text
    assert verdict(text).startswith("✅")


def test_the_most_severe_comes_first() -> None:
    found = preview(
        created({}, "api", (CONTAINER[0], "tasktracker:components:Api", CONTAINER[-1])),
        update({"a": 1}, {"a": 2}),
        volume("replace"),
    )
    assert re.findall("<code>(.*)</code>", report([found])) == ["DataVolume", "Nginx", "Api"]


def test_several_stacks_in_one_report() -> None:
    text = report([preview(stack="dev"), preview(volume("replace"), stack="prod", replace=1)])
    assert text.split("\n")[1].startswith("- ✅ `dev` **passes**")
    assert text.split("\n")[2].startswith("- ❌ `prod` **fails**")
    assert re.findall("### Stack `(.*)`", text) == ["dev", "prod"]


def test_the_digest_says_that_it_has_no_violations() -> None:
    text = report([read(digest(), "dev")])
    assert verdict(text) == "✅ `dev` **passes**: no changes"
    assert "PULUMI_ENABLE_STREAMING_JSON_PREVIEW=true" in text


# --- data volumes


@pytest.mark.parametrize(("op", "word"), [("replace", "replaced"), ("delete", "deleted")])
def test_a_lost_data_volume_is_called_out(op: str, word: str) -> None:
    counts: dict[str, Any] = {op: 1}
    found = preview(volume(op), **counts)
    text = report([found])
    assert (
        f"> **Data volume would be {word}: `postgres-data`. What it holds would be lost.** This fails the check" in text
    )
    assert "`replace-data-volume`" in text
    assert "**1 data volume replaced or deleted**" in verdict(text)
    assert verdict(text).startswith("❌")
    assert exit_code([found]) is Exit.DATA_VOLUME


def test_the_label_allows_it() -> None:
    found = preview(volume("replace"), replace=1)
    text = report([found], allow_volume_replacement=True)
    assert "> **Data volume would be replaced: `postgres-data`." in text
    assert "The label `replace-data-volume` allows it." in text
    assert verdict(text).startswith("✅")
    assert exit_code([found], allow_volume_replacement=True) is Exit.FINE


def test_the_label_does_not_make_up_for_a_failure() -> None:
    found = preview(volume("replace", protect=True), said("unable to replace resource", at=urn("postgres-data", DATA)))
    assert exit_code([found]) is Exit.DATA_VOLUME
    assert exit_code([found], allow_volume_replacement=True) is Exit.FAILED
    assert verdict(report([found], allow_volume_replacement=True)).startswith("❌")


def test_other_protected_resources_are_called_out_too() -> None:
    found = preview(step("delete", "encryption-key", ("pulumi:index:Stash",), old=state(protect=True)))
    assert "> **Protected resource would be deleted: `encryption-key`. What it holds would be lost.**" in report(
        [found]
    )
    assert exit_code([found]) is Exit.DATA_VOLUME


def test_protection_that_goes_is_called_out() -> None:
    found = preview(step("same", "nats-data", DATA, old=state(protect=True), new=state()))
    assert "> **Protection would be taken from `nats-data`.**" in report([found])
    assert exit_code([found]) is Exit.FINE


def test_many_volumes_are_one_call_out() -> None:
    text = report([preview(*(volume("delete", f"data-{number}") for number in range(12)))])
    assert text.count("> **Data volumes would be deleted: ") == 1
    assert "`data-9` and 2 more. What they hold would be lost.**" in text


# --- hostile texts

HOSTILE = (
    "`` ` `", "a | b", "</details><script>alert(1)</script>", "@everyone #1", "x\n```\n@all\n", "<!-- ", "\u202e|`\\",
    "**", "[a](b)",
)  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_stay_texts(text: str) -> None:
    events = [
        update(
            {"a": text, text: 1}, {"a": f"{text}2", text: 2}, name=text, detail={"a": "update", f'["{text}"]': "update"}
        ),
        created({"a": text, text: text}, text, ("a", text)),
        policy(f"{text}\n{text}", text, text, text),
        policy(text, "advisory", text, urn(text)),
        said(text, "error", text),
        said(text, "warning", urn(text)),
        step("delete", text, DATA, old=state(protect=True)),
        step(text, text, old=state({"a": 1}), new=state({"a": 2})),
    ]
    counts: dict[str, Any] = {text: 1}
    shown = report([preview(*events, stack=text, **counts)])
    assert is_whole(shown)
    html = READER.render(shown)
    outside = re.sub(r"<(code|pre)\b.*?</\1>", "", html, flags=re.DOTALL)
    assert "<script" not in html
    assert not re.search(r"@\w|#\d|href=", outside)
    tags = set(re.findall(r"</?(\w+)", html))
    assert tags <= {
        "p", "ul", "li", "h3", "h4", "strong", "em", "code", "pre", "details", "summary", "blockquote", "br",
        "table", "thead", "tbody", "tr", "th", "td",
    }  # fmt: skip


@given(st.text(), st.text(), st.text())
def test_any_text_stays_text(name: str, old: str, new: str) -> None:
    found = preview(update({"a": old}, {"a": new}, name=name, detail={"a": "update"}), policy(old, name=new), said(new))
    shown = report([found])
    assert is_whole(shown)
    shown.encode()


# --- length


def big(stack: str = "dev", resources: int = 300, lines: int = 200) -> Preview:
    """A preview whose report would be far too long."""
    old, new = ("\n".join(f"{word} {number}" for number in range(lines)) for word in ("before", "after"))
    return preview(
        *(update({"content": old}, {"content": new}, name=f"changed-{number}") for number in range(resources)),
        *(created({f"key{key}": 60 * "x" for key in range(20)}, f"new-{number}") for number in range(resources)),
        *(policy(f"too much of {number}", name=f"RULE-{number}", at=urn(f"r{number}")) for number in range(resources)),
        *(said("warning " + 3000 * "w", "warning") for _ in range(5)),
        volume("replace"),
        stack=stack,
        result="failed",
        update=resources,
        create=resources,
        replace=1,
    )


@pytest.mark.parametrize("limit", [LEAST_LIMIT, 20_000, COMMENT_LIMIT, 200_000])
@pytest.mark.parametrize("stacks", [1, 3])
def test_a_long_report_is_shortened_and_whole(limit: int, stacks: int) -> None:
    text = report([big(f"stack-{number}") for number in range(stacks)], limit=limit, footer="The end.")
    assert 0.75 * limit < len(text) <= limit
    assert is_whole(text)
    assert text.count("> **Data volume would be replaced: `postgres-data`.") == stacks
    assert f"**Left out for length, as {limit:,} characters are the limit:**" in text
    assert text.endswith("\nThe end.\n")


def test_the_least_severe_goes_first() -> None:
    text = report([big()])
    assert "**replace** `postgres-data` (`Volume`)" in text
    assert "too much of 299" in text
    assert "`changed-299` (`Container`): `content`" in text
    assert "`key0`" not in text


def test_a_short_report_leaves_nothing_out() -> None:
    assert "Left out" not in report([preview(created({"a": 1}))])


def test_a_single_value_can_not_fill_the_report() -> None:
    huge = 2_000_000 * "x"
    text = report(
        [preview(update({"a": huge, "b": ""}, {"a": f"{huge}y", "b": 10_000 * "z\n"}, name=huge), said(huge))]
    )
    assert len(text) < 10_000
    assert "more lines" in text


def test_more_stacks_than_there_is_room_for() -> None:
    text = report([big(f"{number}-{90 * 's'}", resources=1) for number in range(500)], limit=LEAST_LIMIT)
    assert len(text) <= LEAST_LIMIT
    assert re.search(r"- and \d+ more stacks\n$", text)


# --- the program


def run(*arguments: str | Path) -> int:
    return preview_report.main([str(argument) for argument in arguments])


def written(folder: Path, content: str, name: str = "dev.json") -> Path:
    path = folder / name
    path.write_text(content)
    return path


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (stream(created({})), 0),
        (stream(policy("too much", "advisory")), 0),
        (stream(policy("too much"), result="failed"), 1),
        (stream(said("no image"), result="failed"), 1),
        (stream(result="failed"), 1),
        (stream(volume("replace")), 2),
        (stream(volume("delete", protect=True), said("protected"), result="failed"), 2),
        (digest(), 0),
        (digest(diagnostics=[{"message": "error: x", "severity": "error"}]), 1),
        ("", 64),
        ("Updating...", 64),
    ],
)
def test_exit_codes(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes], content: str, code: int) -> None:
    assert run(written(tmp_path, content)) == code
    captured = capsysbinary.readouterr()
    assert captured.out.startswith(MARKER.encode()) is (code != 64)
    assert captured.err.startswith(b"error: ") is (code == 64)
    assert b"Traceback" not in captured.err


def test_the_flag_stands_for_the_label(tmp_path: Path) -> None:
    path, output = written(tmp_path, stream(volume("replace"))), tmp_path / "report.md"
    assert run("--allow-volume-replacement", path, "--output", output) == 0
    assert "allows it" in output.read_text()


def test_stacks_are_named_by_their_files(tmp_path: Path) -> None:
    output = tmp_path / "report.md"
    paths = [written(tmp_path, stream(), name) for name in ("dev.json", "prod.preview.jsonl")]
    run(*paths, "--output", output)
    assert re.findall("### Stack `(.*)`", output.read_text()) == ["dev", "prod"]
    run(paths[0], "--stack", "other", "--output", output)
    assert "### Stack `other`" in output.read_text()


def test_a_preview_can_come_through_a_pipe(
    monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stream(created({})).encode())))
    assert run("-", "--stack", "dev") == 0
    assert b"### Stack `dev`" in capsysbinary.readouterr().out


def test_the_limit_is_kept(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    content = stream(*(created({"a": 100 * "x"}, f"r{number}") for number in range(500)))
    assert run(written(tmp_path, content), "--limit", "12000") == 0
    assert len(capsysbinary.readouterr().out.decode()) <= 12_000


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "required"),
        (["--limit", "5", "x"], "at least 10000"),
        (["--limit", "many", "x"], "invalid"),
        (["--stack", "dev", "a", "b"], "--stack names one preview"),
        (["--unknown"], "required"),
        (["/nowhere/dev.json"], "No such file"),
        (["/"], "Is a directory"),
    ],
)
def test_wrong_use_is_told(capsys: pytest.CaptureFixture[str], arguments: list[str], reason: str) -> None:
    try:
        code: Any = run(*arguments)
    except SystemExit as ended:
        code = ended.code
    assert code == 64
    assert reason in capsys.readouterr().err


def test_bytes_that_are_no_text_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "dev.json"
    path.write_bytes(b"\xff\xfe")
    assert run(path) == 64
    assert "dev.json: it is no UTF-8" in capsys.readouterr().err


def test_an_output_that_can_not_be_written_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(written(tmp_path, stream()), "--output", tmp_path / "none" / "report.md") == 64
    assert "No such file" in capsys.readouterr().err
