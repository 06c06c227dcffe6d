"""Which versions have been released, and how to get the files of one."""

from __future__ import annotations

import io
import re
import subprocess
import tarfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

from toolchain.process.steps import ROOT

FOLDER = Path(__file__).parent
FILE = FOLDER / "releases.toml"
STATES = FOLDER / "states"


class ReleaseError(Exception):
    """A version is unknown, or its commit is not in this clone; the message says what to do."""


@dataclass(frozen=True)
class Release:
    """A released version. `commit` is a whole hash; `shapes` are the stacks whose states are kept, by name."""

    version: str
    commit: str
    shapes: tuple[str, ...]

    @property
    def states(self) -> Path:
        """The folder with a folder for each of `shapes`."""
        return STATES / self.version


def releases() -> tuple[Release, ...]:
    """Every released version, the oldest first."""
    entries = tomllib.loads(FILE.read_text())["release"]
    return tuple(Release(each["version"], each["commit"], tuple(each["shapes"])) for each in entries)


def release(version: str) -> Release:
    """The release of that version.

    Raises:
        ReleaseError: there is none.
    """
    known = {each.version: each for each in releases()}
    if version not in known:
        raise ReleaseError(f"{FILE.name}: there is no release {version!r}; there are {', '.join(known)}")
    return known[version]


def checkout(release: Release, folder: Path, repository: Path = ROOT) -> Path:
    """Writes the files of a release to the new `folder`, with this project's virtual environment; returns `folder`.

    `repository` is the clone that has its commit.

    Raises:
        ReleaseError: the clone lacks the commit.
    """
    archive = subprocess.run(
        ["git", "-C", repository, "archive", "--format=tar", release.commit], capture_output=True, check=False
    )
    if archive.returncode != 0:
        raise ReleaseError(
            f"version {release.version} is the commit {release.commit}, and this clone does not have it "
            f"({archive.stderr.decode().strip()}): fetch the whole history with `git fetch --unshallow`, or in a"
            " workflow with `fetch-depth: 0`"
        )
    folder.mkdir(parents=True)
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tar:
        tar.extractall(folder, filter="data")
    # Version 0.1.0 names the file to run, and its language host put the file's folder on `sys.path`. Pulumi's own host
    # does that only where the program is a folder.
    project = folder / "Pulumi.yaml"
    project.write_text(re.sub(r"^main: __main__\.py\n", "", project.read_text(), flags=re.MULTILINE))
    # With the packages of today: a second environment takes a minute and a half.
    (folder / ".venv").symlink_to(ROOT / ".venv")
    return folder
