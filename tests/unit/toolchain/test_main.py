"""`python3 -m toolchain`: exit codes and messages."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from toolchain import __main__ as command
from toolchain.machine import docker_engine
from toolchain.machine.docker_engine import DockerUnavailableError
from toolchain.process import exclusive
from toolchain.process.steps import STOP_SIGNALS, StepError
from toolchain.python import venv


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Puts back what pytest does on a signal."""
    before = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(autouse=True)
def stacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project with two stacks."""
    for name in ("Pulumi.yaml", "Pulumi.dev.yaml", "Pulumi.prod.yaml"):
        (tmp_path / name).touch()
    monkeypatch.setattr(command, "ROOT", tmp_path)
    monkeypatch.setattr(exclusive, "TOOLS", tmp_path / ".tools")
    monkeypatch.setattr(venv, "read_stack_file", lambda _: {"config": {}})


@pytest.fixture
def main(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """The command, in which each step does what the test says, or nothing."""

    def call(*arguments: str, **steps: Callable[[str], None]) -> int:
        for name in command.STEPS:
            monkeypatch.setitem(command.STEPS, name, steps.get(name, lambda _: None))
        monkeypatch.setattr(sys, "argv", ["toolchain", *arguments])
        return command.main()

    return call


def failing(error: BaseException) -> Callable[[str], None]:
    def step(_: str) -> None:
        raise error

    return step


def test_steps_are_taken_in_the_order_given(main: Callable[..., int]) -> None:
    taken = []
    steps = {name: lambda stack, name=name: taken.append((name, stack)) for name in ("venv", "engine", "stack")}
    assert main("--stack", "prod", "engine", "venv", "stack", **steps) == 0
    assert taken == [("engine", "prod"), ("venv", "prod"), ("stack", "prod")]


def test_a_second_set_up_waits_for_the_first(
    main: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One that removes what it is about to build would take it from the other."""
    (tmp_path / ".tools").mkdir()
    first = (tmp_path / ".tools" / "setup.lock").open("w")
    fcntl.flock(first, fcntl.LOCK_EX)
    ended = []

    def end() -> None:
        ended.append("first")
        first.close()

    threading.Timer(0.2, end).start()
    assert main("engine", engine=lambda _: ended.append("second")) == 0
    assert ended == ["first", "second"]
    assert "Another set-up is under way in this folder" in capsys.readouterr().out


def test_a_failing_step_is_the_last_and_shows_no_traceback(
    main: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    later = failing(AssertionError("taken although a step before it failed"))
    assert main("venv", "engine", venv=failing(StepError("no luck")), engine=later) == 1
    assert capsys.readouterr() == ("", "error: no luck\n")


def test_a_missing_docker_engine_has_an_exit_code_of_its_own(main: Callable[..., int]) -> None:
    assert main("docker", docker=failing(DockerUnavailableError("none"))) == 69


def test_an_interrupted_step_says_how_to_go_on(main: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert main("venv", venv=failing(KeyboardInterrupt())) == 130
    assert capsys.readouterr().err == "\ninterrupted; run it again to go on from here\n"


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError(28, "No space left on device", "/some/file"), "/some/file: No space left on device"),
        (OSError(13, "Permission denied", ".tools/env"), ".tools/env: Permission denied"),
        (BrokenPipeError("gone"), "set-up: gone"),
    ],
)
def test_a_full_disk_or_a_foreign_file_is_no_traceback(
    main: Callable[..., int], capsys: pytest.CaptureFixture[str], error: OSError, message: str
) -> None:
    assert main("venv", venv=failing(error)) == 1
    assert capsys.readouterr().err == f"error: {message}\n"


@pytest.mark.parametrize("stack", ["nonsense", "", "../dev"])
def test_a_stack_without_a_config_is_refused_before_any_step(
    main: Callable[..., int], capsys: pytest.CaptureFixture[str], stack: str
) -> None:
    assert main("--stack", stack, "venv", "stack", venv=failing(AssertionError("taken"))) == 1
    assert capsys.readouterr().err == (
        f"error: stack '{stack}': there is no Pulumi.{stack}.yaml; the stacks are dev, prod."
        " `./tt stack new NAME` makes a new one\n"
    )


def test_a_link_to_nothing_is_no_stack(
    main: Callable[..., int], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "Pulumi.gone.yaml").symlink_to(tmp_path / "nowhere")
    for stack, reason in (
        ("gone", "Pulumi.gone.yaml is a link to a file that is not there"),
        ("nonsense", "there is no Pulumi.nonsense.yaml"),
    ):
        assert main("--stack", stack, "venv", "stack", venv=failing(AssertionError("taken"))) == 1
        assert f"stack '{stack}': {reason}; the stacks are dev, prod." in capsys.readouterr().err


FLOW = "config: {tasktracker:environment: dev}\n"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (FLOW, True),
        (json.dumps({"config": {"environment": "dev"}}), True),
        ("config:\n  ? environment\n  : dev\n", True),
        ("x: &x dev\nconfig: {tasktracker:environment: *x}\n", True),
        ("config:\n    tasktracker:environment: 'dev' # ours\n", True),
        ("config: {tasktracker:environment: prod}\n", False),
        ("x:\n  environment: dev\nconfig:\n  tasktracker:environment: prod\n", False),
        ("config:\n  tasktracker:domain: |\n    environment: dev\n  tasktracker:environment: staging\n", False),
        ("", False),
    ],
)
def test_the_images_of_a_dev_stack_are_built_however_its_file_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, wanted: bool
) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(command, "ROOT", tmp_path)
    (tmp_path / "Pulumi.own.yaml").write_text(text)
    taken: list[str] = []
    monkeypatch.setattr(command, "_docker", lambda _: taken.append("docker"))
    monkeypatch.setattr(command, "_images", lambda _: taken.append("images"))
    for step in ("dev_docker", "dev_images"):
        command.STEPS[step]("own")
    assert taken == (["docker", "docker", "images"] if wanted else [])


def test_what_needs_no_stack_does_not_look_at_it(main: Callable[..., int]) -> None:
    assert main("--stack", "nonsense", "venv", "engine") == 0


def test_an_unknown_step_names_the_known(main: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as error:
        main("nonsense")
    assert error.value.code == 2
    message = capsys.readouterr().err
    assert all(repr(name) in message for name in command.STEPS)


def test_the_images_go_where_the_engine_was_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Docker's client would follow a context that the Pulumi program knows nothing of."""
    monkeypatch.setenv("DOCKER_CONTEXT", "elsewhere")
    monkeypatch.setattr(docker_engine, "ensure_docker", lambda: None)
    command.STEPS["docker"]("dev")
    assert os.environ["DOCKER_CONTEXT"] == "default"


@pytest.mark.parametrize("wanted", [True, False])
def test_a_stack_file_is_read_before_the_long_steps(
    main: Callable[..., int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    wanted: bool,
) -> None:
    def read(path: Path) -> dict[str, dict[str, str]]:
        assert path == tmp_path / "Pulumi.prod.yaml"
        return {"config": {"tasktracker:state_backend": "s3://states"}}

    monkeypatch.setattr(venv, "read_stack_file", read)
    taken: list[str] = []
    code = main("--stack", "prod", "venv", "engine", *(["stack"] if wanted else []), engine=taken.append)
    assert (code, taken) == ((1, []) if wanted else (0, ["prod"]))
    assert ("must be a line of its own" in capsys.readouterr().err) is wanted


def test_set_up_s_python_has_the_config_or_the_place_of_what_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(venv, "VENV", Path(sys.prefix))
    path = tmp_path / "Pulumi.x.yaml"
    path.write_text("x: &x {p: 1}\nconfig:\n  environment: dev\n  tasktracker:a: *x\n")
    assert venv.read_stack_file(path) == {
        "x": {"p": 1},
        "config": {"tasktracker:environment": "dev", "tasktracker:a": {"p": 1}},
    }
    path.write_text("config:\n  a: b\n---\nconfig: {}\n")
    with pytest.raises(StepError, match=r"^Pulumi\.x\.yaml:3:1: but found another document"):
        venv.read_stack_file(path)
