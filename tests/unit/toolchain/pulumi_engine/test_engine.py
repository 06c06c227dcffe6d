"""The engine is got the first way that works, once."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import stat
import subprocess
from pathlib import Path

import pytest

from tests.unit.toolchain.conftest import Machine
from toolchain.machine.golang import parse_version
from toolchain.process.steps import StepError
from toolchain.pulumi_engine import engine
from toolchain.pulumi_engine.environment import Way
from toolchain.pulumi_engine.users_engine import EXECUTOR

DOWNLOADED = """
while [ $# -gt 0 ]; do
  case "$1" in
    --version) version="$2" ;;
    --install-root) root="$2" ;;
  esac
  shift
done
mkdir -p "$root/bin"
for program in pulumi pulumi-language-python pulumi-language-python-exec; do
  printf '#!/bin/sh\\necho v%s\\n' "$version" > "$root/bin/$program"
  chmod +x "$root/bin/$program"
done
"""


def _way(machine: Machine) -> str:
    way: str = json.loads((machine.root / ".tools/engine.json").read_text())["way"]
    return way


def _version(machine: Machine) -> str:
    """What the engine in `.tools/bin` says of itself."""
    program = machine.root / ".tools/bin/pulumi"
    return subprocess.run([program, "version"], capture_output=True, text=True, check=True).stdout.strip()


def _vendor_serves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    path = tmp_path / "install.sh"
    path.write_text(script)
    monkeypatch.setattr(engine, "INSTALL_SCRIPT", path.as_uri())


def test_takes_the_users_engine(machine: Machine) -> None:
    machine.user_has_pulumi()
    machine.user_has_go()
    engine.ensure_engine()
    assert _way(machine) == "path"
    assert machine.calls("go") == []
    assert list((machine.root / ".tools/bin").iterdir()) == []
    # It keeps its own plugins and logins.
    assert "PULUMI_HOME" not in engine.environment()


@pytest.mark.parametrize("version", ["v3.255.9", "v2.999.0", "v3.99.0", "nonsense"])
def test_leaves_an_old_engine(machine: Machine, version: str, capsys: pytest.CaptureFixture[str]) -> None:
    machine.user_has_pulumi(version)
    machine.user_has_go()
    engine.ensure_engine()
    assert _way(machine) == "build"
    assert f"is {version}, and {engine.engine_version()} or newer is needed" in capsys.readouterr().out


def test_takes_exactly_the_oldest_version(machine: Machine) -> None:
    machine.user_has_pulumi(f"v{engine.engine_version()}")
    engine.ensure_engine()
    assert _way(machine) == "path"


def test_leaves_an_engine_without_a_language_host(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    machine.user_has_pulumi(host=False)
    machine.user_has_go()
    engine.ensure_engine()
    assert _way(machine) == "build"
    assert "programs/pulumi has no pulumi-language-python beside it or on PATH" in capsys.readouterr().out


def test_leaves_a_language_host_without_its_executor(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    """The host looks for it beside itself, and each `up` would end there."""
    machine.user_has_pulumi(executor=False)
    machine.user_has_go()
    engine.ensure_engine()
    assert _way(machine) == "build"
    assert "pulumi-language-python has no pulumi-language-python-exec beside it" in capsys.readouterr().out


def test_takes_an_engine_that_is_installed_by_links(machine: Machine, tmp_path: Path) -> None:
    """As Homebrew and a `ln -s ~/.pulumi/bin/pulumi` do: the programs are side by side at the end of the link."""
    machine.user_has_pulumi(folder=tmp_path / "opt/pulumi/bin")
    (machine.programs / "pulumi").symlink_to(tmp_path / "opt/pulumi/bin/pulumi")
    engine.ensure_engine()
    assert _way(machine) == "path"


def test_takes_a_host_elsewhere_on_path(machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.user_has_pulumi(host=False, executor=False)
    for name in ("pulumi-language-python", "pulumi-language-python-exec"):
        machine.program(name, "", tmp_path / "hosts")
    monkeypatch.setenv("PATH", f"{tmp_path / 'hosts'}:{os.environ['PATH']}")
    engine.ensure_engine()
    assert _way(machine) == "path"


def test_takes_shims_of_a_version_manager(machine: Machine, tmp_path: Path) -> None:
    """All of them are links to one program, beside which there is nothing."""
    manager = tmp_path / "opt/manager"
    machine.program("manager", "echo v3.300.0", tmp_path / "opt")
    for name in ("pulumi", "pulumi-language-python", "pulumi-language-python-exec"):
        (machine.programs / name).symlink_to(manager)
    engine.ensure_engine()
    assert _way(machine) == "path"


def test_says_which_engine_is_used(machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(engine, "say", said.append)
    machine.user_has_pulumi()
    engine.ensure_engine()
    assert said[-1] == f"Pulumi engine: {machine.programs}/pulumi, v3.300.0 (from PATH)"
    machine.user_loses_pulumi()
    _vendor_serves(tmp_path, monkeypatch, DOWNLOADED)
    engine.ensure_engine()
    assert re.fullmatch(rf"Pulumi engine: .*\.tools/bin/pulumi, v{engine.engine_version()} \(downloaded\)", said[-1])


def test_does_not_take_its_own_for_the_users(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    own = machine.root / ".tools" / "bin"
    machine.program("pulumi", "echo v9.0.0", own)
    machine.program("pulumi-language-python", "", own)
    monkeypatch.setenv("PATH", f"{own}:{os.environ['PATH']}")
    machine.user_has_go()
    engine.ensure_engine()
    assert _way(machine) == "build"


def test_downloads(machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _vendor_serves(tmp_path, monkeypatch, DOWNLOADED)
    machine.user_has_go()
    engine.ensure_engine()
    assert _way(machine) == "download"
    assert machine.calls("go") == []
    assert _version(machine) == f"v{engine.engine_version()}"
    programs = {"pulumi", "pulumi-language-python", "pulumi-language-python-exec"}
    assert {path.name for path in (machine.root / ".tools/bin").iterdir()} == programs
    # This engine fetches the Docker plugin itself.
    assert "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION" not in engine.environment()


@pytest.mark.parametrize(
    "script",
    [
        "echo refused; exit 22",
        # A page of a proxy that answers for everyone.
        "<html>Please log in</html>",
        # The installer of a version that needs no such folder, and one for another processor.
        "exit 0",
        DOWNLOADED + '\necho \'not a program\' > "$root/bin/pulumi"; chmod -x "$root/bin/pulumi"',
        DOWNLOADED + "\nprintf '#!/bin/sh\\nexit 126\\n' > \"$root/bin/pulumi\"",
        DOWNLOADED + '\nrm "$root/bin/pulumi-language-python-exec"',
    ],
)
def test_builds_when_the_download_fails(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    _vendor_serves(tmp_path, monkeypatch, script)
    machine.user_has_go()
    engine.ensure_engine()
    assert _way(machine) == "build"


def test_builds(machine: Machine) -> None:
    machine.user_has_go()
    engine.ensure_engine()
    tools = machine.root / ".tools"
    plugin = f"pulumi-home/plugins/resource-docker-v{engine.plugin_version()}/pulumi-resource-docker"
    assert (tools / "bin/pulumi").exists()
    assert (tools / plugin).exists()
    assert (tools / "bin/pulumi-language-python").exists()
    assert os.access(tools / "bin" / EXECUTOR, os.X_OK)
    builds = [call for call in machine.calls("go") if "go build" in call]
    assert f"version.Version=v{engine.engine_version()}" in builds[0]
    assert f"version.Version=v{engine.engine_version()}" in builds[1]
    assert builds[1].endswith("./language_host")
    assert f"main.version={engine.plugin_version()}" in builds[2]
    assert engine.environment()["PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"] == "true"


def test_second_time_does_nothing(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    machine.user_has_go()
    engine.ensure_engine()
    calls = machine.calls("go")
    capsys.readouterr()
    engine.ensure_engine()
    assert machine.calls("go") == calls
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "path",
    [
        "go.mod",
        "go.sum",
        "language_host/main.go",
        "language_host/executor.py",
        "docker_plugin/main.go",
        "docker_plugin/go.sum",
        "docker_plugin/shim/provider/provider.go",
    ],
)
def test_changed_input_builds_again(machine: Machine, path: str) -> None:
    machine.user_has_go()
    engine.ensure_engine()
    before = len(machine.calls("go"))
    with (machine.root / "toolchain" / path).open("a") as file:
        file.write("// changed\n")
    engine.ensure_engine()
    assert len(machine.calls("go")) > before


def test_removed_engine_is_got_again(machine: Machine) -> None:
    machine.user_has_go()
    engine.ensure_engine()
    (machine.root / ".tools/bin/pulumi").unlink()
    engine.ensure_engine()
    assert (machine.root / ".tools/bin/pulumi").exists()


def test_failed_build_leaves_no_half(machine: Machine) -> None:
    machine.user_has_go(build="exit 1")
    with pytest.raises(StepError, match="Building the Docker plugin"):
        engine.ensure_engine()
    with pytest.raises(StepError, match="make tools"):
        engine.environment()
    machine.user_has_go()
    engine.ensure_engine()
    assert engine.environment()["PATH"].startswith(str(machine.root / ".tools/bin"))


def test_broken_marker_is_no_engine(machine: Machine) -> None:
    machine.user_has_go()
    (machine.root / ".tools").mkdir()
    for text in ("", "{", "[]", '{"way": "magic", "inputs": ""}'):
        (machine.root / ".tools/engine.json").write_text(text)
        engine.ensure_engine()
        assert _way(machine) == "build"


def test_nothing_works_says_what_to_install(machine: Machine) -> None:
    with pytest.raises(StepError) as error:
        engine.ensure_engine()
    message = str(error.value)
    assert "path: no pulumi on PATH" in message
    assert "download: " in message
    assert "build: no Go to build with: install Go 1.25 or newer" in message


@pytest.mark.parametrize("version", ["go1.24.9", "go1.9", "devel"])
def test_old_go_says_what_to_install(machine: Machine, version: str) -> None:
    machine.user_has_go(version)
    with pytest.raises(StepError, match=rf"is {version}: install Go 1\.25 or newer"):
        engine.ensure_engine()


@pytest.mark.parametrize("way", ["path", "download", "build"])
def test_one_way_can_be_forced(machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    machine.user_has_pulumi()
    machine.user_has_go()
    _vendor_serves(tmp_path, monkeypatch, DOWNLOADED)
    engine.ensure_engine()
    assert _way(machine) == "path"
    monkeypatch.setenv("TASKTRACKER_ENGINE", way)
    engine.ensure_engine()
    assert _way(machine) == way


def test_forced_way_that_fails_keeps_the_engine(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.user_has_go()
    engine.ensure_engine()
    monkeypatch.setenv("TASKTRACKER_ENGINE", "path")
    with pytest.raises(StepError, match="no pulumi on PATH"):
        engine.ensure_engine()
    assert (machine.root / ".tools/bin/pulumi").exists()


def test_the_users_engine_is_looked_at_again_when_it_changes(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.user_has_pulumi()
    machine.user_has_go()
    engine.ensure_engine()
    calls = len(machine.calls("pulumi"))
    engine.ensure_engine()
    assert len(machine.calls("pulumi")) == calls
    # An upgrade is taken, a downgrade below what is needed is not.
    machine.user_has_pulumi("v3.301.10")
    engine.ensure_engine()
    assert _way(machine) == "path"
    machine.user_has_pulumi("v3.200.0")
    # A command that only uses the engine does not look at its version.
    assert "PULUMI_HOME" not in engine.environment()
    engine.ensure_engine()
    assert _way(machine) == "build"
    assert "programs/pulumi is v3.200.0" in capsys.readouterr().out


@pytest.mark.parametrize("engine_of_marker", [None, "", "elsewhere/pulumi 1 2"])
def test_a_marker_of_no_engine_is_none(machine: Machine, engine_of_marker: str | None) -> None:
    """One of an earlier version names no engine, and the user may have removed it since."""
    machine.user_has_pulumi()
    engine.ensure_engine()
    marker = machine.root / ".tools/engine.json"
    marker.write_text(json.dumps({**json.loads(marker.read_text()), "engine": engine_of_marker}))
    machine.user_loses_pulumi()
    with pytest.raises(StepError, match="run `make tools`"):
        engine.environment()


def test_a_built_engine_leaves_nothing_behind_for_the_users(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.user_has_go()
    engine.ensure_engine()
    tools = machine.root / ".tools"
    (tools / "bin/pulumi-language-python-exec").touch()
    (tools / "bin/dot").touch()
    machine.user_has_pulumi()
    monkeypatch.setenv("TASKTRACKER_ENGINE", "path")
    engine.ensure_engine()
    assert [path.name for path in (tools / "bin").iterdir()] == ["dot"]
    assert not (tools / "pulumi-home/plugins").exists()
    assert "pulumi-home" not in (tools / "env").read_text().replace("in */.tools/pulumi-home)", "")


@pytest.mark.parametrize("first", ["download", "build"])
@pytest.mark.parametrize("shell", ["bash", "sh"])
def test_a_shell_of_another_way_goes_on_with_this_one(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shell: str, first: str
) -> None:
    """Its PULUMI_HOME and its ban on downloads would keep the user's engine from its Docker plugin."""
    machine.user_has_pulumi()
    machine.user_has_go()
    _vendor_serves(tmp_path, monkeypatch, DOWNLOADED)
    scripts = {}
    for way in (first, "path"):
        monkeypatch.setenv("TASKTRACKER_ENGINE", way)
        engine.ensure_engine()
        scripts[way] = (machine.root / ".tools/env").read_text()

    def seen(*ways: str, before: str = "") -> dict[str, str]:
        """The variables after the scripts of some ways."""
        found = dict(os.environ)
        for number, way in enumerate(ways):
            (machine.root / ".tools/env").write_text(scripts[way])
            command = f"{before if number == 0 else ''}. .tools/env; env -0"
            process = subprocess.run(
                [shell, "-euc", command], cwd=machine.root, env=found, capture_output=True, text=True, check=True
            )
            found = dict(line.partition("=")[::2] for line in process.stdout.split("\0") if line)
        return found

    assert seen(first)["PULUMI_HOME"] == f"{machine.root}/.tools/pulumi-home"
    after = seen(first, "path")
    assert not {"PULUMI_HOME", "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"} & after.keys()
    # What the user has set is not touched.
    own = "export PULUMI_HOME=/home/me/pulumi PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION=true; "
    kept = seen("path", before=own)
    assert kept["PULUMI_HOME"] == "/home/me/pulumi"
    assert kept["PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"] == "true"


def test_does_not_take_another_clones_engine_for_the_users(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shell that has sourced the other clone's `.tools/env` has it on PATH."""
    other = tmp_path / "other/.tools/bin"
    machine.user_has_pulumi(folder=other)
    monkeypatch.setenv("PATH", f"{other}:{os.environ['PATH']}")
    machine.user_has_go()
    engine.ensure_engine()
    assert _way(machine) == "build"


def test_unknown_way(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASKTRACKER_ENGINE", "brew")
    with pytest.raises(StepError, match="TASKTRACKER_ENGINE=brew: must be one of path, download, build"):
        engine.ensure_engine()


def test_state_is_its_owners_alone(machine: Machine) -> None:
    machine.user_has_go()
    engine.ensure_engine()
    assert stat.S_IMODE((machine.root / ".state").stat().st_mode) == 0o700


@pytest.mark.parametrize("way", Way)
@pytest.mark.parametrize("shell", ["bash", "sh"])
def test_shell_and_python_get_the_same(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shell: str, way: Way
) -> None:
    machine.user_has_pulumi()
    machine.user_has_go()
    _vendor_serves(tmp_path, monkeypatch, DOWNLOADED)
    monkeypatch.setenv("TASKTRACKER_ENGINE", way.value)
    engine.ensure_engine()
    for overrides in (
        {},
        {"TASKTRACKER_BACKEND_URL": "s3://bucket?region=eu", "TASKTRACKER_PASSPHRASE_FILE": "/a b"},
    ):
        for name, value in overrides.items():
            monkeypatch.setenv(name, value)
        expected = engine.environment()
        # Twice, as by a shell whose profile does it too, and strictly.
        sourced = subprocess.run(
            [shell, "-euc", ". .tools/env; . .tools/env; env -0"],
            cwd=machine.root, capture_output=True, text=True, check=True,
        )  # fmt: skip
        seen = dict(line.partition("=")[::2] for line in sourced.stdout.split("\0"))
        assert {name: seen.get(name) for name in expected} == expected
        names = re.findall(r"^\s*(?:\*\) )?export (\w+)=", (machine.root / ".tools/env").read_text(), re.MULTILINE)
        assert set(names) == expected.keys()


@pytest.mark.parametrize("shell", ["bash", "sh"])
def test_a_stack_s_own_backend_is_found_by_both(machine: Machine, shell: str) -> None:
    machine.user_has_go()
    engine.ensure_engine()
    config = machine.root / "Pulumi.prod.yaml"
    config.write_text("config:\n  tasktracker:state_backend: 's3://states?region=eu&profile=us' # locked\n")
    expected = engine.environment(config)["PULUMI_BACKEND_URL"]
    assert expected == "s3://states?region=eu&profile=us"
    for stack, backend in (("prod", expected), ("dev", f"file://{machine.root}/.state")):
        sourced = subprocess.run(
            [shell, "-euc", f"STACK={stack}; . .tools/env; printf %s \"$PULUMI_BACKEND_URL\""],
            cwd=machine.root, capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert sourced.stdout == backend
        assert sourced.stderr == ""


def test_a_person_is_told_of_states_elsewhere(machine: Machine) -> None:
    machine.user_has_go()
    engine.ensure_engine()

    def source() -> str:
        # `script` gives it a terminal, as a person has.
        command = ["script", "-qec", "bash -euo pipefail -c '. .tools/env'", "/dev/null"]
        return subprocess.run(command, cwd=machine.root, capture_output=True, text=True, check=True).stdout

    assert source() == ""
    (machine.root / "Pulumi.prod.yaml").write_text("config:\n  tasktracker:state_backend: s3://states\n")
    assert source().strip() == "note: the state of prod is elsewhere; for commands on it: STACK=prod . .tools/env"


def test_versions_fit_the_installed_packages() -> None:
    assert engine.engine_version() == importlib.metadata.version("pulumi")
    assert engine.plugin_version() == importlib.metadata.version("pulumi_docker")


@pytest.mark.parametrize(
    ("text", "version"),
    [("v3.256.0\n", (3, 256, 0)), ("go1.26.8", (1, 26, 8)), ("3.300.1-dev.4+abc", (3, 300, 1)), ("devel", ())],
)
def test_parse_version(text: str, version: tuple[int, ...]) -> None:
    assert parse_version(text) == version
