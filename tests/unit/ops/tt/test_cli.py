"""Command lines, exit codes, and that standard output is for the result alone."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest

from ops.tt import cli, commands, reference
from ops.tt.errors import Exit, FailedError, RefusedError
from ops.tt.output import Output
from ops.tt.session import Session
from toolchain.process.steps import ROOT
from toolchain.python.venv import _stamp_file

Call = Callable[..., int]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Call:
    """Calls `tt` in a project with the stack dev, whose Docker host is nowhere."""
    (tmp_path / "Pulumi.yaml").write_text("name: tasktracker\n")
    (tmp_path / "Pulumi.dev.yaml").write_text("config:\n  docker:host: tcp://127.0.0.1:1\n")
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["tt", *arguments])
        return cli.main()

    return run


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nonsense"], "No such command 'nonsense'"),
        (["status", "--nonsense"], "No such option: --nonsense"),
        (["status", "--stack", "prod"], "stack 'prod': there is no Pulumi.prod.yaml; the stacks are dev"),
        (["status", "--project", "/nowhere"], "no project here"),
        (["restore"], "give one of --to TIME, --latest, --set LABEL and --abort"),
        (["restore", "--latest", "--to", "2026-11-20 14:05"], "give one of"),
        (["restore", "--to", "tea time"], "'tea time' is no time that is understood"),
        (["volumes", "use"], "Missing argument 'NUMBER'"),
        (["volumes", "use", "two"], "Invalid value for 'NUMBER'"),
        # As of a variable that is not set, in a script.
        (["state", "move", ""], "BACKEND: it is empty"),
        (["status", "--stack", 300 * "x"], "the name is too long: "),
        (["status", "--project", 300 * "x"], "the name is too long: "),
    ],
)
def test_wrong_use_is_told_and_nothing_is_asked(
    call: Call, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert call(*arguments) == Exit.USAGE
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("error: ")
    assert message in " ".join(told.err.split())


@pytest.mark.parametrize("arguments", [["nonsense"], ["restore"], ["status", "-s", "prod"]])
def test_errors_for_programs_are_one_document(
    call: Call, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert call(*arguments, "--json") == Exit.USAGE
    told = capsys.readouterr()
    document = json.loads(told.out)
    assert document["code"] == 2
    assert document["error"]
    assert told.err == ""


def test_every_module_of_commands_is_registered() -> None:
    modules = [import_module(f"ops.tt.commands.{each.name}") for each in iter_modules(commands.__path__)]
    groups = [each.typer_instance for each in cli.app.registered_groups]
    assert [module.__name__ for module in modules if module.app not in groups] == []


@pytest.mark.parametrize(
    "command", [["status"], ["backup", "list"], ["backup", "verify"], ["drill"], ["dump"], ["volumes", "list"]]
)
def test_a_docker_host_out_of_reach_is_told(call: Call, capsys: pytest.CaptureFixture[str], command: list[str]) -> None:
    assert call("--json", *command) == Exit.UNREACHABLE
    assert "no Docker engine answers at tcp://127.0.0.1:1" in json.loads(capsys.readouterr().out)["error"]


BROKEN = {
    "Latin-1": (b"config:\n  # Gr\xfc\xdfe\n  docker:host: tcp://127.0.0.1:1\n", "Pulumi.dev.yaml:2:7: is not UTF-8"),
    "no such day": (
        b"config:\n  tasktracker:postgres:\n    restore: {volume: 2, to: 2026-02-30}\n",
        "Pulumi.dev.yaml:3:30: 2026-02-30 is no date",
    ),
    "the same key": (
        b"config:\n  tasktracker:environment: prod\n  tasktracker:environment: dev\n",
        'Pulumi.dev.yaml:3:3: the key "tasktracker:environment" is there twice, first in line 2',
    ),
    "a tab": (b"config:\n\tdocker:host: tcp://127.0.0.1:1\n", "Pulumi.dev.yaml:2:1: a tab"),
    "an alias of nothing": (b"config:\n  a: 1\n  c: *a\n", "Pulumi.dev.yaml:3:6: found undefined alias 'a'"),
    "a backend in braces": (
        b"config: {tasktracker:state_backend: s3://states}\n",
        "Pulumi.dev.yaml: tasktracker:state_backend must be a line of its own in the block `config`",
    ),
    "a key with its namespace and without": (
        b"config:\n  environment: dev\n  tasktracker:environment: prod\n",
        "Pulumi.dev.yaml: config has both environment and tasktracker:environment; remove one",
    ),
}

#: One of each group that reads the file in its own way.
READERS = [
    *(["backup", "list"], ["backup", "now"], ["status"], ["files", "list"], ["volumes", "list"], ["state", "show"]),
    *(
        ["state", "check"],
        ["state", "unlock"],
        ["state", "list"],
        ["recover"],
        ["restore", "--to", "2026-11-20 14:05", "--yes"],
    ),
    *(["drill"], ["scratch", "list"]),
]


@pytest.mark.parametrize("command", READERS, ids=" ".join)
@pytest.mark.parametrize(("content", "message"), BROKEN.values(), ids=BROKEN)
def test_a_broken_stack_file_is_told_with_its_place(
    call: Call, capsys: pytest.CaptureFixture[str], command: list[str], content: bytes, message: str
) -> None:
    Path("Pulumi.dev.yaml").write_bytes(content)
    assert call(*command) == Exit.UNREACHABLE
    said = capsys.readouterr()
    assert said.out == ""
    assert f"error: {message}" in said.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["--stack", "prod", "--json", "status"],
        ["--json", "status", "-s", "prod"],
        ["-s", "prod", "status", "--json"],
        ["--stack=dev", "status", "-sprod", "--json"],
        ["--json", "-s", "prod", "backup", "list"],
        ["backup", "list", "--json", "--stack=prod"],
    ],
)
def test_what_every_command_takes_may_be_before_and_behind_its_name(
    call: Call, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert call(*arguments) == Exit.USAGE
    assert json.loads(capsys.readouterr().out)["error"].startswith("stack 'prod': there is no Pulumi.prod.yaml")


@pytest.mark.parametrize("command", [["status"], ["backup", "list"], ["stack", "new"]])
def test_the_help_of_a_command_has_what_every_command_takes(
    call: Call, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    assert call(*command, "--help") == Exit.DONE
    told = capsys.readouterr().out
    assert all(option in told for option in ("--stack", "-s", "--json", "--project", "--help"))


def test_what_takes_long_to_load_is_not_loaded_for_help() -> None:
    slow = {"docker", "requests", "pydantic", "pulumi", "boto3", "jinja2", "settings"}
    code = f"import sys, ops.tt.cli; print(*sorted({slow!r} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == ""


def test_help_without_arguments_or_on_demand(call: Call, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("--help") == Exit.DONE
    assert "Exit codes" in capsys.readouterr().out
    assert call() == Exit.USAGE


@pytest.mark.parametrize("error", [FailedError("it broke", file="x"), RefusedError("no")])
def test_an_error_is_its_exit_code(capsys: pytest.CaptureFixture[str], error: FailedError | RefusedError) -> None:
    def fail() -> None:
        raise error

    assert Session("dev", None, Output(json=True)).end(fail) == error.code
    assert json.loads(capsys.readouterr().out) == {**error.details, "error": str(error), "code": error.code}


def test_an_interrupt_is_no_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    assert Session("dev", None, Output(json=False)).end(interrupted) == 130
    assert "interrupted" in capsys.readouterr().err


class Terminal(io.StringIO):
    """Standard input with somebody there."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("given", "answer", "goes_on"),
    [
        ("y\n", None, True), ("Yes\n", None, True), ("\n", None, False), ("n\n", None, False), ("", None, False),
        ("prod\n", "prod", True), ("y\n", "prod", False), ("PROD\n", "prod", False), ("", "prod", False),
    ],
)  # fmt: skip
def test_only_the_right_answer_goes_on(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    given: str,
    answer: str | None,
    goes_on: bool,
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(given))
    output = Output(json=True)
    if goes_on:
        output.confirm("Go on?", answer, yes=False)
    else:
        with pytest.raises(RefusedError, match="nothing was done"):
            output.confirm("Go on?", answer, yes=False)
    told = capsys.readouterr()
    assert told.out == ""
    assert "Go on?" in told.err


def test_nobody_there_is_no_yes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    monkeypatch.setattr(sys, "argv", ["/srv/ops/tt/__main__.py", "recover", "--stack=my own"])
    with pytest.raises(RefusedError, match=r"nothing was done: `./tt recover '--stack=my own' --yes` does it$"):
        Output(json=False).confirm("Go on?", None, yes=False)
    Output(json=False).confirm("Go on?", None, yes=True)


def test_the_script_runs_from_anywhere_and_by_a_link(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(ROOT / "tt")
    result = subprocess.run([link, "restore", "--json"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (result.returncode, json.loads(result.stdout)["code"]) == (2, 2), result.stderr


def test_the_script_says_what_a_fresh_clone_lacks(tmp_path: Path) -> None:
    (tmp_path / "tt").write_bytes((ROOT / "tt").read_bytes())
    result = subprocess.run(["sh", tmp_path / "tt"], capture_output=True, text=True, check=False)
    assert result.returncode == Exit.UNREACHABLE
    assert "run `make tools`" in result.stderr


def test_the_script_does_not_start_while_packages_are_missing(tmp_path: Path) -> None:
    (tmp_path / "tt").write_bytes((ROOT / "tt").read_bytes())
    python = tmp_path / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.symlink_to("/bin/false")
    result = subprocess.run(["sh", tmp_path / "tt"], capture_output=True, text=True, check=False)
    assert result.returncode == Exit.UNREACHABLE
    assert "was cut off: run `make tools`" in result.stderr
    # As set-up leaves it (toolchain/python/venv.py).
    stamp = _stamp_file().relative_to(ROOT)
    (tmp_path / stamp).touch()
    assert subprocess.run(["sh", tmp_path / "tt"], check=False).returncode == 1


@pytest.mark.parametrize("words", [[], ["backup"]])
def test_a_command_that_is_missing_is_told(words: Sequence[str]) -> None:
    result = subprocess.run([ROOT / "tt", *words], capture_output=True, text=True, check=False)
    assert result.returncode == Exit.USAGE
    assert "error: a command is missing\n" in result.stderr


def test_the_page_is_current() -> None:
    assert reference.FILE.read_text() == reference.document(), "`make docs` writes it anew"


def test_every_exit_code_is_on_the_page() -> None:
    for code in Exit:
        assert f"\n* {code.value}: {code.meaning}\n" in reference.document()


@pytest.mark.parametrize(("closing", "code"), [(">&-", Exit.FAILED), ("<&-", Exit.DONE), ("2>&-", Exit.DONE)])
def test_a_closed_stream_is_no_traceback(closing: str, code: Exit) -> None:
    command = f"exec ./tt state --help {closing}"
    result = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == code
    assert result.stderr == ("error: the output can't be written: it is closed\n" if code else "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_output_that_can_not_be_written_is_an_error() -> None:
    with Path("/dev/full").open("w") as full:
        result = subprocess.run(
            [ROOT / "tt", "state", "--help"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert "Traceback" not in result.stderr
    assert result.returncode


def test_logs_are_no_document(call: Call, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("logs", "--json") == Exit.USAGE
    assert json.loads(capsys.readouterr().out)["error"] == "--json: the lines of a log are the container's own"
