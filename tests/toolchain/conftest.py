"""What the tests of the engine share: throw-away Pulumi projects with a backend of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
import textwrap
from dataclasses import dataclass
from pathlib import Path

import pytest

from toolchain.process.steps import ROOT, StepError
from toolchain.pulumi_engine import engine
from toolchain.pulumi_engine.environment import Way

#: Seconds after which a command hangs rather than works; each takes about one.
COMMAND_TIMEOUT = 60


@dataclass(frozen=True)
class Project:
    """A Pulumi project in a folder of its own, with its own state and passphrase."""

    folder: Path
    env: dict[str, str]

    def write(self, source: str, path: str = "__main__.py") -> None:
        """Writes a file of the program."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(source))

    def start(self, *arguments: str, **more: str) -> subprocess.Popen[str]:
        """Starts `pulumi` in a process group of its own, as a shell does; `more` is for its environment."""
        return subprocess.Popen(
            ["pulumi", *arguments, "--non-interactive"],
            cwd=self.folder,
            env=self.env | more,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def pulumi(self, *arguments: str, code: int | None = 0, **more: str) -> str:
        """Runs `pulumi` and returns all it printed; `code` None stands for any failure."""
        process = self.start(*arguments, **more)
        output, _ = process.communicate(timeout=COMMAND_TIMEOUT)
        as_expected = process.returncode != 0 if code is None else process.returncode == code
        assert as_expected, f"exit code {process.returncode}\n{output}"
        return output

    def up(self, *arguments: str, code: int | None = 0, **more: str) -> str:
        """`pulumi up` on the stack `test`, without a preview."""
        return self.pulumi("up", "-s", "test", "--skip-preview", *arguments, code=code, **more)

    def files(self) -> dict[Path, str]:
        """The text of every file below the project, its state among them."""
        return {p: p.read_text() for p in self.folder.rglob("*") if p.is_file()}


@pytest.fixture(scope="session")
def way() -> Way:
    """How the engine was got; without one the tests are skipped, or fail under CI."""
    try:
        engine.environment()
    except StepError as error:
        if os.environ.get("CI") == "true":
            pytest.fail(str(error))
        pytest.skip(str(error))
    installed = engine._installed_way()
    assert installed is not None
    return installed


@pytest.fixture(scope="session")
def engine_environment(way: Way) -> dict[str, str]:
    """This process's environment with the project's engine, and no state or passphrase."""
    merged = {**os.environ, **engine.environment()}
    own = ("PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE_FILE", "PULUMI_CONFIG_PASSPHRASE")
    return {name: value for name, value in merged.items() if name not in own}


def copy_of(original: Project, folder: Path) -> Project:
    """The same project and state in another folder, which is faster than making them anew."""
    shutil.copytree(original.folder, folder, dirs_exist_ok=True)
    return Project(folder, original.env | {"PULUMI_BACKEND_URL": f"file://{folder / 'state'}"})


@pytest.fixture(scope="session")
def empty_project(tmp_path_factory: pytest.TempPathFactory, engine_environment: dict[str, str]) -> Project:
    """A project with an empty stack `test`, to be copied."""
    folder = tmp_path_factory.mktemp("empty")
    (folder / "state").mkdir()
    env = {
        "PULUMI_BACKEND_URL": f"file://{folder / 'state'}",
        "PULUMI_CONFIG_PASSPHRASE": "for this test only",
    }
    made = Project(folder, engine_environment | env)
    made.write(
        f"""\
        name: probe
        runtime:
          name: python
          options:
            virtualenv: {ROOT / ".venv"}
        """,
        "Pulumi.yaml",
    )
    made.write("")
    made.pulumi("stack", "init", "test", "--no-select")
    return made


@pytest.fixture
def project(empty_project: Project, tmp_path: Path) -> Project:
    """A project with an empty stack `test`."""
    return copy_of(empty_project, tmp_path)
