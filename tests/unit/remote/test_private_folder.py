"""A folder for temporary files goes with its process, or with the next one where that was killed."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from remote.private_folder import LOCK, PrivateFolder
from toolchain.process.steps import ROOT

HOLDS = """
import sys, time
from remote.private_folder import PrivateFolder
folder = PrivateFolder("test-", sys.argv[1])
(folder.path / "secret").touch()
print(folder.path, flush=True)
if sys.argv[2] == "wait":
    time.sleep(60)
"""


def holder(parent: Path, until: str = "wait") -> tuple[subprocess.Popen[str], Path]:
    """A process with a folder in `parent`."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(parent), until], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def test_it_is_its_user_s_alone_and_goes_at_the_end(tmp_path: Path) -> None:
    with PrivateFolder("test-", str(tmp_path)) as folder:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        (folder / "inner").mkdir()
    assert list(tmp_path.iterdir()) == []
    kept = PrivateFolder("test-", str(tmp_path))
    kept.remove()
    kept.remove()
    assert list(tmp_path.iterdir()) == []


def test_a_process_that_ends_without_removing_it_leaves_none(tmp_path: Path) -> None:
    process, folder = holder(tmp_path, "end")
    process.communicate()
    assert (process.returncode, folder.exists()) == (0, False)


def test_what_a_killed_process_leaves_goes_with_the_next_and_what_a_live_one_has_stays(tmp_path: Path) -> None:
    killed, left = holder(tmp_path)
    live, used = holder(tmp_path)
    try:
        killed.send_signal(signal.SIGKILL)
        killed.communicate()
        assert left.exists()
        with PrivateFolder("test-", str(tmp_path)) as folder:
            assert sorted(tmp_path.iterdir()) == sorted([used, folder])
            assert (used / "secret").exists()
    finally:
        end(live)


def test_what_is_another_s_or_has_no_lock_stays(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / LOCK).touch()
    parent = tmp_path / "parent"
    for name in ("test-unlocked", "other-folder"):
        (parent / name).mkdir(parents=True)
    (parent / "other-folder" / LOCK).touch()
    (parent / "test-file").touch()
    (parent / "test-link").symlink_to(elsewhere)
    before = set(parent.iterdir())
    with PrivateFolder("test-", str(parent)) as folder:
        assert set(parent.iterdir()) == before | {folder}
    assert (elsewhere / LOCK).exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="takes another user")
def test_another_user_s_folder_stays(tmp_path: Path) -> None:
    folder = tmp_path / "test-theirs"
    folder.mkdir()
    (folder / LOCK).touch()
    os.chown(folder, 65534, 65534)
    with PrivateFolder("test-", str(tmp_path)):
        assert folder.exists()
