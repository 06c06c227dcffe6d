"""Which version and which commit of this project is at work, in its images' labels and in its stacks' outputs.

Stdlib only, as `images.catalog`.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from images.catalog import ROOT, CatalogError

_SEMVER = re.compile(r"\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?")


def version(root: Path = ROOT) -> str:
    """The project's version, from the file VERSION.

    Raises:
        CatalogError: there is no such file, or it holds no semantic version.
    """
    try:
        text = (root / "VERSION").read_text().strip()
    except OSError as error:
        raise CatalogError(f"VERSION: {error.strerror}") from error
    if not _SEMVER.fullmatch(text):
        raise CatalogError(f"VERSION: {text!r} is no semantic version; allowed: MAJOR.MINOR.PATCH, as in 1.2.3")
    return text


def commit(root: Path = ROOT, paths: Sequence[str] = ()) -> str | None:
    """The commit that is checked out, or the last one that changed `paths`.

    It ends in `-dirty` where the work tree differs from it; None where git knows nothing.
    """
    last = _git(root, "log", "-1", "--format=%H", "--", *paths)
    if not last:
        return None
    return f"{last}-dirty" if _git(root, "status", "--porcelain", "--", *paths) else last


def _git(root: Path, *args: str) -> str:
    """What `git ARGS` prints; nothing without git, a repository or a commit."""
    # Of this folder's own repository: not of one around an unpacked archive, nor of one whose hook runs this.
    env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    env["GIT_CEILING_DIRECTORIES"] = str(root.parent)
    try:
        result = subprocess.run(
            # A look takes no lock: it may come while somebody commits.
            ["git", "--no-optional-locks", "-C", root, *args], env=env, capture_output=True, text=True, check=False,
        )  # fmt: skip
    except OSError:
        return ""
    return result.stdout.strip() if result.returncode == 0 else ""
