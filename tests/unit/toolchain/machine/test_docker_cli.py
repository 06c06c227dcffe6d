"""Which Docker client is taken."""

from __future__ import annotations

from pathlib import Path

import pytest

from toolchain.machine import debian, docker_cli
from toolchain.machine.docker_cli import Docker, building_client, can_build, candidates, connect
from toolchain.machine.docker_engine import DockerUnavailableError
from toolchain.process.steps import StepError


def client(
    folder: Path,
    version: str,
    *,
    buildx: bool,
    server: bool = True,
    message: str = "Cannot connect to the Docker daemon",
) -> Path:
    """A fake for a Docker client, in `folder`."""
    folder.mkdir()
    path = folder / "docker"
    path.write_text(
        "#!/bin/sh\n"
        'case "$1" in\n'
        f"--version) echo 'Docker version {version}, build abc' ;;\n"
        f"buildx) exit {0 if buildx else 1} ;;\n"
        f"version) echo '{message}' >&2; exit {0 if server else 1} ;;\n"
        "esac\n"
    )
    path.chmod(0o755)
    return path


@pytest.fixture
def no_usual_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docker_cli, "FOLDERS", ())
    monkeypatch.setattr(debian, "can_install", lambda: False)


@pytest.mark.parametrize(
    ("version", "has_buildx", "expected"),
    [
        ("Docker version 20.10.24+dfsg1, build 297e128", False, True),
        ("Docker version 22.06.0-beta.0, build 1", False, True),
        ("Docker version 23.0.1, build a5ee5b1", False, False),
        ("Docker version 28.2.2, build e6534b4", False, False),
        ("Docker version 28.2.2, build e6534b4", True, True),
        ("something else", False, False),
    ],
)
def test_a_client_builds_by_itself_up_to_22_and_by_buildx_after(version: str, has_buildx: bool, expected: bool) -> None:
    assert can_build(version, has_buildx) is expected


@pytest.mark.usefixtures("no_usual_folders")
def test_clients_are_found_in_the_order_of_path_and_each_once(tmp_path: Path) -> None:
    one = client(tmp_path / "one", "28.2.2", buildx=False)
    two = client(tmp_path / "two", "20.10.24", buildx=False)
    (tmp_path / "link").symlink_to(tmp_path / "one")
    path = ":".join(str(tmp_path / name) for name in ("none", "one", "link", "two", ""))
    assert candidates({"PATH": path}) == [one, two]


def test_a_file_that_is_no_program_is_no_client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docker_cli, "FOLDERS", ())
    (tmp_path / "docker").write_text("")
    assert candidates({"PATH": str(tmp_path)}) == []


def test_the_first_that_can_build_is_taken(tmp_path: Path) -> None:
    clients = [
        Docker(client(tmp_path / "new", "28.2.2", buildx=False)),
        Docker(client(tmp_path / "old", "20.10.24", buildx=False)),
        Docker(client(tmp_path / "plugin", "28.2.2", buildx=True)),
    ]
    assert building_client(clients) == clients[1]
    assert building_client(clients[:1]) is None


@pytest.mark.usefixtures("no_usual_folders")
def test_what_is_asked_for_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    new = client(tmp_path / "new", "28.2.2", buildx=False)
    old = client(tmp_path / "old", "20.10.24", buildx=False)
    monkeypatch.setenv("PATH", f"{new.parent}:{old.parent}")
    assert connect() == Docker(new)
    assert connect(build=True) == Docker(old)


@pytest.mark.usefixtures("no_usual_folders")
def test_without_a_client_that_builds_the_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(client(tmp_path / "new", "28.2.2", buildx=False).parent))
    with pytest.raises(StepError, match="install the plugin buildx"):
        connect(build=True)


@pytest.mark.usefixtures("no_usual_folders")
def test_without_a_client_the_error_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DockerUnavailableError, match="there is no `docker` command; install and start Docker"):
        connect()


@pytest.mark.usefixtures("no_usual_folders")
def test_without_an_engine_the_error_has_its_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(client(tmp_path / "one", "28.2.2", buildx=False, server=False).parent))
    with pytest.raises(DockerUnavailableError, match=r"Cannot connect to the Docker daemon.*start Docker"):
        connect()


@pytest.mark.usefixtures("no_usual_folders")
def test_who_may_not_use_docker_is_told_how_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refusal = "permission denied while trying to connect"
    one = client(tmp_path / "one", "28.2.2", buildx=False, server=False, message=refusal)
    monkeypatch.setenv("PATH", str(one.parent))
    with pytest.raises(DockerUnavailableError, match=r"may not use Docker \(permission denied.*usermod -aG docker"):
        connect()


def test_a_failed_command_is_told_in_dockers_words(tmp_path: Path) -> None:
    docker = Docker(client(tmp_path / "one", "28.2.2", buildx=False, server=False))
    with pytest.raises(StepError, match="`docker version`: Cannot connect"):
        docker.output("version")
