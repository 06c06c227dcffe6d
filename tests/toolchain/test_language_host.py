"""Programs behave under the built language host as under Pulumi's own.

Where the engine was downloaded or is the user's (`TASKTRACKER_ENGINE`), the same tests run on the official host.
docs/LANGUAGE_HOST.md has the table.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.toolchain.conftest import Project
from toolchain.machine.golang import find_go
from toolchain.process.steps import ROOT
from toolchain.pulumi_engine.engine import TOOLCHAIN
from toolchain.pulumi_engine.environment import Way
from toolchain.pulumi_engine.users_engine import EXECUTOR

pytestmark = pytest.mark.engine

#: Seconds for compiling the language host's tests; its packages are compiled already.
GO_TIMEOUT = 300

SECRET = "correct horse battery staple"


def test_config_and_outputs(project: Project) -> None:
    project.write(
        """
        import pulumi

        config = pulumi.Config()
        pulumi.export("plain", config.require("plain"))
        pulumi.export("nested", config.require_object("nested")["key"])
        pulumi.export("other", pulumi.Config("other").get_int("number"))
        pulumi.export("absent", config.get("absent", "default"))
        """
    )
    for key, value in {"plain": "a", "other:number": "7"}.items():
        project.pulumi("config", "set", "-s", "test", key, value)
    project.pulumi("config", "set", "-s", "test", "--path", "nested.key", "b")
    project.up()
    outputs = json.loads(project.pulumi("stack", "output", "-s", "test", "--json"))
    assert outputs == {"plain": "a", "nested": "b", "other": 7, "absent": "default"}


def test_secret_is_shown_nowhere_and_encrypted_in_state(project: Project) -> None:
    project.write(
        """
        import pulumi

        secret = pulumi.Config().require_secret("token")
        stash = pulumi.Stash("stash", input={"nested": [secret]})
        # An unwrapped secret of the config is known to the engine, which hides it.
        print("the token is", pulumi.Config().require("token"))
        pulumi.export("token", stash.output)
        """
    )
    project.pulumi("config", "set", "-s", "test", "--secret", "token", SECRET)
    preview = project.pulumi("preview", "-s", "test", "--diff")
    output = preview + project.up() + project.pulumi("stack", "output", "-s", "test")
    assert SECRET not in output
    assert "[secret]" in output
    assert [path for path, text in project.files().items() if SECRET in text] == []
    assert SECRET in project.pulumi("stack", "output", "-s", "test", "--show-secrets")


def test_what_a_program_finds(project: Project) -> None:
    project.write("VALUE = 42", "beside.py")
    project.write(
        """
        import asyncio, json, logging, os, signal, sys, threading
        import pulumi
        from pulumi.runtime import settings
        import beside

        loop = asyncio.get_event_loop()
        print("FACTS " + json.dumps({
            "name": __name__,
            "path": sys.path[:2],
            "argv": sys.argv,
            "folder": os.getcwd(),
            "main thread": threading.current_thread() is threading.main_thread(),
            "beside": beside.VALUE,
            "interrupt": signal.getsignal(signal.SIGINT) is signal.default_int_handler,
            "loop policy": type(asyncio.get_event_loop_policy()) is asyncio.DefaultEventLoopPolicy,
            "workers": loop._default_executor._max_workers,
            "asyncio's log": logging.getLogger("asyncio").level,
            "line buffering": sys.stdout.line_buffering,
            "virtual environment": os.environ["VIRTUAL_ENV"],
            "first on PATH": os.environ["PATH"].split(":")[0],
            "config": os.environ["PULUMI_CONFIG"],
            "names of secrets": os.environ["PULUMI_CONFIG_SECRET_KEYS"],
            "PYTHONHOME": os.environ.get("PYTHONHOME"),
            "project": pulumi.get_project(),
            "stack": pulumi.get_stack(),
            "organization": pulumi.get_organization(),
            "root": settings.get_root_directory(),
            "parallel": settings.SETTINGS.parallel,
            "dry run": pulumi.runtime.is_dry_run(),
        }))
        print("on standard error", file=sys.stderr)
        """
    )
    project.pulumi("config", "set", "-s", "test", "plain", "a")
    output = project.pulumi("preview", "-s", "test", "--parallel", "3", PYTHONHOME="/nowhere")
    facts = json.loads(next(line for line in output.splitlines() if "FACTS" in line).split("FACTS ")[1])
    folder = str(project.folder)
    host = shutil.which("pulumi-language-python", path=project.env["PATH"])
    assert host is not None
    assert facts == {
        "name": "__main__",
        # First the program's folder, as the engine names it, then that of the executor.
        "path": [".", str(Path(host).resolve().parent)],
        "argv": ["."],
        "folder": folder,
        "main thread": True,
        "beside": 42,
        "interrupt": True,
        "loop policy": True,
        "workers": 12,
        "asyncio's log": logging.CRITICAL,
        "line buffering": False,
        "virtual environment": str(ROOT / ".venv"),
        "first on PATH": str(ROOT / ".venv/bin"),
        "config": '{"probe:plain":"a"}',
        "names of secrets": "[]",
        "PYTHONHOME": None,
        "project": "probe",
        "stack": "test",
        "organization": "organization",
        "root": folder,
        "parallel": 3,
        "dry run": True,
    }
    assert "on standard error" in output
    assert '"dry run": false' in project.up()


def test_a_file_as_the_program_is_not_put_on_the_path(project: Project) -> None:
    project.write("VALUE = 42", "beside.py")
    project.write("import beside")
    project.up()
    with (project.folder / "Pulumi.yaml").open("a") as file:
        file.write("main: __main__.py\n")
    assert "ModuleNotFoundError: No module named 'beside'" in project.up(code=None)


def test_a_folder_without_a_program(project: Project) -> None:
    (project.folder / "__main__.py").unlink()
    output = project.up(code=None)
    assert f"unable to find main python program `__main__.py` in `{project.folder}`" in output
    assert "Traceback" not in output


def test_an_environment_that_is_not_there(project: Project) -> None:
    description = project.folder / "Pulumi.yaml"
    (project.folder / "venv").mkdir()
    project.write("", "venv/something")
    description.write_text(description.read_text().replace(str(ROOT / ".venv"), "venv"))
    output = project.up(code=None)
    assert "venv/bin/python: no such file or directory" in output


def test_failing_line_shows_the_users_frames_only(project: Project) -> None:
    project.write(
        """\
        def parse(text):
            return int(text)
        """,
        "helper.py",
    )
    project.write(
        """\
        import helper

        try:
            helper.parse("twelve")
        except ValueError as error:
            raise LookupError("no such number") from error
        """
    )
    output = project.up(code=None)
    assert 'helper.py", line 2, in parse' in output
    assert "ValueError: invalid literal for int() with base 10: 'twelve'" in output
    assert '__main__.py", line 6, in <module>' in output
    assert "LookupError: no such number" in output
    assert "runpy" not in output
    assert EXECUTOR not in output
    _, _, diagnostics = output.partition("Diagnostics:")
    assert diagnostics.count("error:") == 1


def test_failing_apply_shows_its_error(project: Project) -> None:
    project.write(
        """\
        import pulumi

        stash = pulumi.Stash("stash", input="a")
        pulumi.export("x", stash.output.apply(lambda value: value["no such key"]))
        """
    )
    assert "TypeError: string indices must be integers" in project.up(code=None)


def test_syntax_error_is_shown(project: Project) -> None:
    project.write("import pulumi\nthis is: not python\n")
    output = project.up(code=None)
    assert "__main__.py" in output
    assert "SyntaxError" in output


def test_run_error_shows_its_message_only(project: Project) -> None:
    project.write('import pulumi\nraise pulumi.RunError("the port is taken")')
    output = project.up(code=None)
    assert "error: the port is taken" in output
    assert "Traceback" not in output
    assert "RunError" not in output
    assert "program exited with non-zero exit code: 1" in output


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("sys.exit(0)", None),
        ("sys.exit(None)", None),
        ("sys.exit(3)", "program exited with non-zero exit code: 3"),
        ("sys.exit('text')", "program exited with non-zero exit code: 1"),
        ("os._exit(7)", "program exited with non-zero exit code: 7"),
        ("os.kill(os.getpid(), 9)", "program exited with non-zero exit code: -1"),
    ],
)
def test_exit_status_decides(project: Project, status: str, said: str | None) -> None:
    project.write(f"import os, sys\n{status}")
    output = project.up(code=None if said else 0)
    assert (said or "non-zero") in output if said else "non-zero" not in output


def test_an_exit_status_that_says_that_the_user_knows(project: Project) -> None:
    project.write("import sys\nsys.exit(32)")
    assert "error" not in project.up(code=None).replace("errored", "").partition("Diagnostics:")[2]


def test_failure_keeps_what_was_made(project: Project) -> None:
    project.write(
        """
        import pulumi

        stash = pulumi.Stash("kept", input="a")
        stash.output.apply(lambda value: pulumi.RunError and 1 / 0)
        """
    )
    project.up(code=None)
    assert "kept" in project.pulumi("stack", "-s", "test")


@pytest.mark.nightly
def test_stack_reference(project: Project) -> None:
    project.write(
        """
        import pulumi

        if pulumi.get_stack() == "test":
            pulumi.export("address", "172.20.0.1")
        else:
            other = pulumi.StackReference("organization/probe/test")
            pulumi.export("seen", other.require_output("address"))
        """
    )
    project.up()
    project.pulumi("stack", "init", "second", "--no-select")
    project.pulumi("up", "-s", "second", "--skip-preview")
    assert project.pulumi("stack", "output", "-s", "second", "seen").strip() == "172.20.0.1"


def test_hook_that_fails_stops_the_update_and_runs_again(project: Project) -> None:
    project.write(
        """
        import pathlib
        import pulumi

        def check(args):
            print("hook ran")
            if not pathlib.Path("ready").exists():
                raise RuntimeError("not ready")

        hooks = pulumi.ResourceHookBinding(before_create=[check])
        gate = pulumi.Stash("gate", input=1, opts=pulumi.ResourceOptions(hooks=hooks))
        pulumi.Stash("after", input=1, opts=pulumi.ResourceOptions(depends_on=[gate]))
        """
    )
    assert "hook ran" not in project.pulumi("preview", "-s", "test")
    output = project.up(code=None)
    assert "not ready" in output
    assert "gate" not in project.pulumi("stack", "-s", "test")
    project.write("", "ready")
    output = project.up()
    assert "hook ran" in output
    assert "after" in project.pulumi("stack", "-s", "test")
    assert "hook ran" not in project.up()


@pytest.mark.nightly
def test_async_program(project: Project) -> None:
    project.write(
        """
        import asyncio
        import pulumi

        async def main():
            await asyncio.sleep(0)
            return {"value": 1}

        pulumi.run(main)
        """
    )
    project.up()
    assert json.loads(project.pulumi("stack", "output", "-s", "test", "--json")) == {"value": 1}


SLEEPING = """
import os, time
import pulumi

file = open("ended-by", "wb", buffering=0)
print(f"PID {os.getpid()}", flush=True)
try:
    time.sleep(60)
except BaseException as error:
    # At once: the engine does not wait long before it kills.
    file.write(repr(error).encode())
    raise
"""


#: Interrupted updates until one's program has come to write how it ended: the engine kills it soon, and the machine may
#: be busy just then.
TRIES = 5


def test_an_interrupt_reaches_the_program(project: Project) -> None:
    def ended_by() -> str:
        project.write(SLEEPING)
        process, host = _start_sleeping(project)
        os.killpg(process.pid, signal.SIGINT)
        output, _ = process.communicate(timeout=15)
        assert process.returncode != 0
        assert "canceled" in output
        _wait_until_gone(host)
        return (project.folder / "ended-by").read_text()

    assert next(filter(None, (ended_by() for _ in range(TRIES))), None) == "KeyboardInterrupt()"
    # The engine has let go of its lock.
    project.write("")
    project.up()


def test_host_ends_with_a_killed_engine(project: Project) -> None:
    project.write(SLEEPING)
    process, host = _start_sleeping(project)
    process.kill()
    process.wait()
    assert process.stdout is not None
    process.stdout.close()
    _wait_until_gone(host)


def _start_sleeping(project: Project) -> tuple[subprocess.Popen[str], int]:
    """Starts an update of `SLEEPING`; returns it and the id of the process that runs the program."""
    process = project.start("up", "-s", "test", "--skip-preview")
    assert process.stdout is not None
    for line in process.stdout:
        if "PID " in line:
            return process, int(line.split("PID ")[1])
    raise AssertionError("the program did not start")


def _wait_until_gone(pid: int) -> None:
    """Waits until there is no process `pid`, 10 seconds at most."""
    for _ in range(100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    raise AssertionError(f"process {pid} is still there")


@pytest.mark.nightly
def test_which_plugins_packages_need(way: Way) -> None:
    if way is not Way.BUILD:
        pytest.skip("the official language host has tests of its own")
    subprocess.run(
        [find_go(), "test", "./language_host"],
        cwd=TOOLCHAIN,
        env={**os.environ, "GOFLAGS": "-mod=readonly -buildvcs=false", "GOWORK": "off"},
        timeout=GO_TIMEOUT,
        check=True,
    )
