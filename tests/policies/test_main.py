"""The pack as the program that the engine runs: its own folder hides no package of the same name as a wing."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import docker
import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import analyzer_pb2_grpc

from policies.registry import RULES

PACK = Path(__file__).parents[2] / "policies"

#: Seconds that a start may take on a busy machine.
TIMEOUT = 60

#: What the copy of the pack does in place of serving the engine.
PROBE = """
def serve():
    import docker
    import secrets
    import sys

    assert secrets.token_bytes
    print(docker.__file__)
    print([entry for entry in sys.path if entry in ("", ".") or entry.rstrip("/").endswith("/policies")])
"""

#: Runs the folder as the language hosts' executors do.
RUN_PATH = "import runpy, sys; runpy.run_path(sys.argv[1], run_name='__main__')"

#: How the pack may be started: the folder to start in, from that of the copy, and the interpreter's arguments.
STARTS = {
    "by its path": (".", ("{pack}",)),
    "by its path with a slash": (".", ("{pack}/",)),
    "by a relative path": (".", ("policies",)),
    "in its folder": ("policies", (".",)),
    "as a file": ("policies", ("__main__.py",)),
    "by another's path": (".", ("link",)),
    "by an executor": (".", ("-c", RUN_PATH, "{pack}")),
    "by an executor in its folder": ("policies", ("-c", RUN_PATH, "{pack}")),
    "by an executor, by a relative path": ("policies", ("-c", RUN_PATH, ".")),
}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the pack's entry point, between wings that no import may find under those names."""
    pack = tmp_path / "policies"
    pack.mkdir()
    shutil.copy(PACK / "__main__.py", pack)
    (pack / "__init__.py").touch()
    (pack / "analyzer.py").write_text(PROBE)
    for name in ("docker", "secrets"):
        (pack / name).mkdir()
        (pack / name / "__init__.py").write_text("raise ImportError(f'{__file__} hides the package of that name')")
    (tmp_path / "link").symlink_to(pack)
    return pack


def run(pack: Path, start: str, path: str | None = None) -> list[str]:
    """What the copy prints, started in that way."""
    folder, arguments = STARTS[start]
    command = [sys.executable, *(each.format(pack=pack) for each in arguments)]
    environment = {"PYTHONPATH": path} if path is not None else {}
    process = subprocess.run(
        command, cwd=pack.parent / folder, env=environment, capture_output=True, text=True, timeout=TIMEOUT, check=False
    )
    assert process.returncode == 0, process.stderr
    return process.stdout.splitlines()


@pytest.mark.parametrize("start", STARTS)
def test_the_pack_imports_the_real_docker(copy: Path, start: str) -> None:
    assert run(copy, start) == [docker.__file__, "[]"]


def test_no_other_entry_of_the_path_leads_to_the_folder(copy: Path) -> None:
    assert run(copy, "by its path", path=f"{copy}:policies::{copy.parent}/link") == [docker.__file__, "[]"]


def test_the_pack_starts_and_answers() -> None:
    command = [sys.executable, str(PACK)]
    with subprocess.Popen(command, cwd=PACK, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            with grpc.insecure_channel(f"127.0.0.1:{int(process.stdout.readline())}") as channel:
                info = analyzer_pb2_grpc.AnalyzerStub(channel).GetAnalyzerInfo(empty_pb2.Empty(), timeout=TIMEOUT)
        finally:
            process.terminate()
    assert [each.name for each in info.policies] == [rule.id for rule in RULES]
