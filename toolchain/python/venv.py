"""The Python environment: `.venv`, made from the locked, hashed requirements.

Its packages come in groups, one lock file each in `requirements/`. `base` is always there. Pulumi downloads a plugin
for each of its packages that is installed, hundreds of MB for AWS, so a stack adds only the groups that it uses. Checks
and tests add all of them. A group that is installed stays.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import json
import re
import subprocess
import sys
import sysconfig
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from toolchain.machine import debian
from toolchain.process.steps import ROOT, StepError, run
from toolchain.python import pip_options

VENV = ROOT / ".venv"
REQUIREMENTS = ROOT / "requirements"

BASE: Final = "base"
STACK_GROUPS: Final = ("aws", "cloudflare")
GROUPS: Final = (BASE, *STACK_GROUPS, "development")
"""The lock files, each on top of those before it."""

#: The oldest Python that the program is tested with (Debian 12's).
MINIMUM_PYTHON = (3, 11)

#: Packages that a message names before it only counts them.
NAMED_PACKAGES = 5


def ensure_venv(stack: str | None = None, *, development: bool = False) -> None:
    """Makes `.venv` hold the packages that `stack` uses; does nothing when it does.

    `development` adds what checks and tests need, on top of all groups.

    Raises:
        StepError: Python is too old, has no venv module that could be installed, or pip failed.
    """
    if sys.version_info < MINIMUM_PYTHON:
        found, wanted = (".".join(map(str, version[:2])) for version in (sys.version_info, MINIMUM_PYTHON))
        raise StepError(f"Python {wanted} or newer is needed, and {sys.executable} is {found}")
    if development:
        _ensure(GROUPS)
        return
    _ensure([BASE])
    if stack is not None:
        _ensure([BASE, *_groups_of(stack)])


def _ensure(wanted: Collection[str]) -> None:
    """Installs the groups of `wanted` that are missing; makes the environment anew where it does not fit any more."""
    stamp = _read_stamp()
    there = [group for group in GROUPS if group in stamp.get("groups", {})]
    if stamp and stamp == _stamp(stamp["groups"]):
        if missing := [group for group in GROUPS if group in wanted and group not in there]:
            _add(missing, there)
        return
    _make([group for group in GROUPS if group in wanted or group in there])


def _make(groups: Collection[str]) -> None:
    """Makes the environment with `groups`, in place of any that is there."""
    _ensure_venv_module()
    run("Python environment (.venv)", [sys.executable, "-I", "-m", "venv", "--clear", VENV], log="venv")
    _install(groups)
    _write_stamp(groups)


def _add(groups: Collection[str], there: Collection[str]) -> None:
    """Adds `groups` to the environment, which has those of `there` and keeps them if nothing can be downloaded."""
    before = _contents()
    # An interrupted installation leaves packages in part: without a stamp the environment is made anew.
    _stamp_file().unlink()
    try:
        _install(groups)
    except StepError:
        if _contents() == before:
            _write_stamp(there)
        raise
    _write_stamp([*there, *groups])


def _install(groups: Collection[str]) -> None:
    """Installs the packages of `groups`, and checks that they are in the environment and nowhere else."""
    names = ", ".join(f"{_lock(group).parent.name}/{_lock(group).name}" for group in groups)
    run(
        f"Python packages ({names})",
        [
            *(VENV / "bin/python", "-I", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
            "--require-hashes",
            *(part for group in groups for part in ("-r", _lock(group))),
        ],
        log="packages",
        env=pip_options.connection(VENV / "bin/python"),
    )
    missing = sorted(set(_locked(groups)) - set(_packages()))
    if missing:
        named = ", ".join(f"{name} {version}" for name, version in missing[:NAMED_PACKAGES])
        more = f" and {len(missing) - NAMED_PACKAGES} more" if len(missing) > NAMED_PACKAGES else ""
        raise StepError(f"pip reported success, but {VENV.name} lacks {named}{more}: see .tools/logs/packages.log")


def _groups_of(stack: str) -> list[str]:
    """The groups that the stack's file asks for, by the one reader of YAML there is: in the environment."""
    reader = ROOT / "toolchain" / "python" / "stack_packages.py"
    process = subprocess.run(
        [str(VENV / "bin/python"), "-I", str(reader), str(ROOT), stack], capture_output=True, text=True, check=False
    )
    if process.returncode:
        raise StepError(f"{reader.name} failed:\n{process.stderr.strip()}")
    return process.stdout.split()


def read_stack_file(path: Path) -> dict[str, Any]:
    """The content of a stack's file, strictly read; `config` has every key with its namespace.

    Raises:
        StepError: with the place of what can't be read.
    """
    process = subprocess.run(
        [str(VENV / "bin/python"), "-m", "stackfile", str(path)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if process.returncode:
        raise StepError(process.stderr.strip())
    content: dict[str, Any] = json.loads(process.stdout)[path.name]
    return content


# What is installed


def _stamp_file() -> Path:
    """Written last, so that an interrupted installation is done again."""
    return VENV / "installed"


def _stamp(groups: Collection[str]) -> dict[str, Any]:
    """What an environment with `groups` depends on. Its scripts name its folder, so a moved one needs a new one."""
    return {"python": sys.version, "folder": str(VENV), "groups": {group: _digest(group) for group in groups}}


def _read_stamp() -> dict[str, Any]:
    """The stamp of the environment; empty where there is none, or one of another version of this project."""
    try:
        stamp = json.loads(_stamp_file().read_text())
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) and isinstance(stamp.get("groups"), dict) else {}


def _write_stamp(groups: Collection[str]) -> None:
    _stamp_file().write_text(json.dumps(_stamp([group for group in GROUPS if group in groups]), indent=2) + "\n")


def _lock(group: str) -> Path:
    return REQUIREMENTS / f"{group}.lock"


def _digest(group: str) -> str | None:
    """The digest of a group's lock; None for a group that is no more."""
    path = _lock(group)
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else None


def _locked(groups: Collection[str]) -> Iterator[tuple[str, str]]:
    """Name and version of each package in the locks of `groups`, but for those of other systems alone."""
    for group in groups:
        lines = re.findall(r"^([A-Za-z0-9._-]+)==([^\s;]+)(?= *\\?$)", _lock(group).read_text(), re.MULTILINE)
        yield from ((_normalized(name), version) for name, version in lines)


def _packages() -> Iterator[tuple[str, str]]:
    """Name and version of each package that is whole in the environment: pip writes RECORD at the end."""
    for package in importlib.metadata.distributions(path=_folders()):
        if package.read_text("RECORD"):
            yield _normalized(package.metadata["Name"]), package.version


def _normalized(name: str) -> str:
    """A package's name as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _contents() -> set[str]:
    """The names of all files and folders beside the packages."""
    return {path.name for folder in _folders() for path in Path(folder).iterdir()}


def _folders() -> list[str]:
    """Where the environment keeps its packages."""
    places: Mapping[str, str] = sysconfig.get_paths("venv", vars={"base": str(VENV), "platbase": str(VENV)})
    return list(dict.fromkeys(places[kind] for kind in ("purelib", "platlib") if Path(places[kind]).is_dir()))


def _ensure_venv_module() -> None:
    """Debian keeps what `python -m venv` needs in a package of its own."""
    if importlib.util.find_spec("ensurepip") is not None:
        return
    package = "python{}.{}-venv".format(*sys.version_info)
    if not debian.can_install():
        raise StepError(f"Python has no venv module; install it (Debian: apt-get install {package})")
    debian.install([package])


def check_settings(stack: str) -> None:
    """Refuses a stack whose file lacks values, or has wrong ones, before steps that ask for a passphrase or build.

    Raises:
        StepError: names all of them, each that is missing with the command that sets it.
    """
    command = [str(VENV / "bin/python"), "-m", "settings.reading.missing", f"--stack={stack}"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if result.returncode:
        raise StepError((result.stdout or result.stderr).rstrip())
