"""`.tools/env` in every shell that people have; `make test` installs them where it may."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from toolchain.pulumi_engine.environment import PYTHON_VARIABLES, Way, shell_script, variables

#: Those that tell a sourced file its path.
TELLING = ("bash", "bash --posix", "zsh", "zsh --emulate sh", "ksh93")
#: Those that do not.
SILENT = ("dash", "sh", "busybox sh", "mksh", "yash")

#: A folder that a shell has to quote.
FOLDERS = ("plain", "with space", "dollar$HOME", "quote'd", 'double"d', "back`tick", "-dash", "*", "ünï")


def shell(name: str) -> list[str]:
    """The command of a shell.

    Where it can't be installed, tests of it are skipped, and pytest lists them; in CI they fail.
    """
    program, *options = name.split()
    if shutil.which(program) is None and os.environ.get("CI") != "true":
        pytest.skip(f"{program} is not installed")
    return [program, *options]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make(tmp_path / "project")


def make(root: Path) -> Path:
    """A project's folder with its `.tools/env`."""
    (root / ".tools").mkdir(parents=True)
    (root / "Pulumi.yaml").touch()
    (root / "Pulumi.dev.yaml").touch()
    (root / ".tools/env").write_text(shell_script(Way.BUILD, root))
    return root


def source(name: str, file: Path | str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Sources `file` in `folder`, then prints the status of that and all variables."""
    return subprocess.run(
        [*shell(name), "-c", '. "$FILE"; echo "status $?"; env'],
        cwd=folder, env={"PATH": os.environ["PATH"], "FILE": str(file), "LC_ALL": "C.UTF-8", **variables},
        capture_output=True, text=True, check=True,
    )  # fmt: skip


def found(process: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """The variables at the end."""
    return dict(line.partition("=")[::2] for line in process.stdout.splitlines() if "=" in line)


def is_set_for(process: subprocess.CompletedProcess[str], root: Path) -> None:
    assert (process.stdout.splitlines()[0], process.stderr) == ("status 0", "")
    seen = found(process)
    assert seen["PULUMI_BACKEND_URL"] == f"file://{root}/.state"
    assert seen["PULUMI_CONFIG_PASSPHRASE_FILE"] == f"{root}/toolchain/dev-passphrase"
    assert seen["PATH"].startswith(f"{root}/.tools/bin:{root}/.venv/bin:")
    assert not [name for name in seen if name.startswith("_tasktracker")]


def sets_nothing(process: subprocess.CompletedProcess[str]) -> None:
    seen = found(process)
    assert re.fullmatch(r"status [1-9]\d*", process.stdout.splitlines()[0])
    assert not [name for name in seen if name.startswith(("PULUMI_", "_tasktracker"))]
    assert seen["PATH"] == os.environ["PATH"]


@pytest.mark.parametrize("name", [*TELLING, *SILENT])
@pytest.mark.parametrize(
    "at", ["in the folder", "below", "elsewhere", "by a link to the folder", "by a link to the file"]
)
def test_the_folder_is_found(project: Path, tmp_path: Path, name: str, at: str) -> None:
    (project / "docs").mkdir()
    (tmp_path / "link").symlink_to(project)
    (tmp_path / "env").symlink_to(project / ".tools/env")
    places: dict[str, tuple[Path | str, Path]] = {
        "in the folder": ("./.tools/env", project),
        "below": ("../.tools/env", project / "docs"),
        "elsewhere": (project / ".tools/env", tmp_path),
        "by a link to the folder": (tmp_path / "link/.tools/env", Path("/")),
        "by a link to the file": (tmp_path / "env", Path("/")),
    }
    file, folder = places[at]
    is_set_for(source(name, file, folder), project)


@pytest.mark.parametrize("name", [*TELLING, *SILENT])
@pytest.mark.parametrize("folder", FOLDERS)
def test_any_name_of_the_folder(tmp_path: Path, name: str, folder: str) -> None:
    root = make(tmp_path / folder)
    is_set_for(source(name, root / ".tools/env", tmp_path), root)


def test_a_name_that_the_locale_has_no_letters_for_is_refused(tmp_path: Path) -> None:
    sets_nothing(source("zsh", make(tmp_path / "ünï") / ".tools/env", tmp_path, LC_ALL="C"))


#: What is set, by stack: the stack's own passphrase in the user's home is used without a variable that names it.
PASSPHRASES = {
    "demo": "{home}/.config/tasktracker/demo-passphrase",
    "none": "{root}/toolchain/dev-passphrase",
    "dev": "{root}/toolchain/dev-passphrase",
}


def home_with_passphrases(folder: Path) -> Path:
    home = folder / "my home"
    (home / ".config/tasktracker").mkdir(parents=True)
    for stack in ("demo", "dev"):
        (home / f".config/tasktracker/{stack}-passphrase").write_text("x\n")
    return home


@pytest.mark.parametrize("stack", PASSPHRASES)
@pytest.mark.parametrize("name", [*TELLING, *SILENT])
def test_a_shell_has_the_passphrase_of_its_stack(project: Path, tmp_path: Path, name: str, stack: str) -> None:
    home = home_with_passphrases(tmp_path)
    at = {"HOME": str(home), "STACK": stack}
    seen = found(source(name, "./.tools/env", project, **at))
    assert seen["PULUMI_CONFIG_PASSPHRASE_FILE"] == PASSPHRASES[stack].format(home=home, root=project)
    named = found(source(name, "./.tools/env", project, **at, TASKTRACKER_PASSPHRASE_FILE="/named"))
    assert named["PULUMI_CONFIG_PASSPHRASE_FILE"] == "/named"
    assert "_passphrase" not in seen


@pytest.mark.parametrize("stack", PASSPHRASES)
def test_a_command_has_the_passphrase_of_its_stack(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stack: str
) -> None:
    home = home_with_passphrases(tmp_path)
    monkeypatch.setenv("HOME", str(home))
    config = project / f"Pulumi.{stack}.yaml"
    seen = variables(Way.BUILD, project, {}, config)
    assert seen["PULUMI_CONFIG_PASSPHRASE_FILE"] == PASSPHRASES[stack].format(home=home, root=project)
    named = variables(Way.BUILD, project, {"TASKTRACKER_PASSPHRASE_FILE": "/named"}, config)
    assert named["PULUMI_CONFIG_PASSPHRASE_FILE"] == "/named"
    assert variables(Way.BUILD, project, {})["PULUMI_CONFIG_PASSPHRASE_FILE"] == f"{project}/toolchain/dev-passphrase"


@pytest.mark.parametrize("name", [*TELLING, *SILENT])
def test_twice_strictly_and_in_a_subshell(project: Path, name: str) -> None:
    again = ". ./.tools/env"
    process = subprocess.run(
        [*shell(name), "-euc", f'( {again}; echo "$PULUMI_BACKEND_URL" ); {again}; {again}; echo "$PATH"'],
        cwd=project, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    backend, path = process.stdout.splitlines()
    assert backend == f"file://{project}/.state"
    assert path == f"{project}/.tools/bin:{project}/.venv/bin:{os.environ['PATH']}"


@pytest.mark.parametrize("name", TELLING)
def test_a_copy_of_the_folder_is_its_own_where_the_shell_tells(project: Path, tmp_path: Path, name: str) -> None:
    copy = shutil.copytree(project, tmp_path / "copy")
    is_set_for(source(name, copy / ".tools/env", tmp_path), copy)


@pytest.mark.parametrize("name", SILENT)
@pytest.mark.parametrize("at", ["inside", "below", "elsewhere", "in the original"])
def test_a_copy_of_the_folder_is_refused_where_the_shell_does_not_tell(
    project: Path, tmp_path: Path, name: str, at: str
) -> None:
    copy = shutil.copytree(project, tmp_path / "copy")
    (copy / "docs").mkdir()
    places: dict[str, tuple[Path | str, Path]] = {
        "inside": ("./.tools/env", copy),
        "below": ("../.tools/env", copy / "docs"),
        "elsewhere": (copy / ".tools/env", tmp_path),
        "in the original": (copy / ".tools/env", project),
    }
    file, folder = places[at]
    process = source(name, file, folder)
    sets_nothing(process)
    assert process.stderr == (
        f"error: .tools/env cannot tell which folder it is in, so nothing was set; it was made for {project}."
        " Source it from bash, or run `make tools` in the project's folder and try again.\n"
    )


@pytest.mark.parametrize("name", SILENT)
def test_a_moved_folder_is_refused_where_the_shell_does_not_tell(project: Path, tmp_path: Path, name: str) -> None:
    moved = project.rename(tmp_path / "moved")
    process = source(name, "./.tools/env", moved)
    sets_nothing(process)
    assert "run `make tools`" in process.stderr


@pytest.mark.parametrize("name", [*TELLING, *SILENT])
def test_a_copy_of_the_file_alone_is_refused(project: Path, tmp_path: Path, name: str) -> None:
    shutil.copy(project / ".tools/env", tmp_path / "env")
    sets_nothing(source(name, tmp_path / "env", tmp_path))


def test_a_variable_of_another_shell_misleads_none(project: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(project, tmp_path / "copy")
    is_set_for(source("dash", project / ".tools/env", tmp_path, BASH_SOURCE=str(copy / ".tools/env")), project)


def test_a_refused_file_ends_a_strict_script(project: Path, tmp_path: Path) -> None:
    shutil.copytree(project, tmp_path / "copy")
    process = subprocess.run(
        ["dash", "-euc", ". ./.tools/env; echo went on"],
        cwd=tmp_path / "copy",
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 1
    assert process.stdout == ""


@pytest.mark.parametrize("name", [*TELLING, *SILENT])
def test_python_variables_do_not_outlive_it(project: Path, name: str) -> None:
    given = dict.fromkeys(PYTHON_VARIABLES, "/elsewhere")
    seen = found(source(name, "./.tools/env", project, **given, PYTHONUNBUFFERED="1"))
    assert not given.keys() & seen.keys()
    assert seen["PYTHONUNBUFFERED"] == "1"


@pytest.mark.parametrize(
    "text",
    [
        "config: {tasktracker:state_backend: 's3://states'}\n",
        "x: &x s3://states\nconfig:\n  tasktracker:state_backend: *x\n",
        "config:\n  tasktracker:state_backend:\n    s3://states\n",
        "config:\n  state_backend: s3://states\n",
    ],
)
def test_a_backend_that_a_shell_would_overlook_sets_nothing(project: Path, text: str) -> None:
    (project / "Pulumi.prod.yaml").write_text(text)
    process = source("dash", "./.tools/env", project, STACK="prod")
    sets_nothing(process)
    assert "error: Pulumi.prod.yaml: tasktracker:state_backend must be a line of its own" in process.stderr
    (project / "Pulumi.prod.yaml").write_text("config:\n  a: b # no state_backend\n# state_backend: s3://states\n")
    is_set_for(source("dash", "./.tools/env", project, STACK="prod"), project)
