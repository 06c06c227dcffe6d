"""The Pulumi engine that the user has installed: where it is, and whether it can run the program."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

from toolchain.machine.golang import parse_version

#: What the engine starts for a Python program, and what that host runs the program with: it looks beside itself only.
LANGUAGE_HOST: Final = "pulumi-language-python"
EXECUTOR: Final = "pulumi-language-python-exec"

#: The folder of programs that set-up makes, of this clone or of another one.
OWN_FOLDER: Final = (".tools", "bin")


class Unavailable(Exception):
    """A way of getting the engine does not work here; the message says why."""


def pulumi_on_path() -> Path | None:
    """The user's `pulumi`, which is none that set-up has put on PATH."""
    pulumi = shutil.which("pulumi", path=_users_path())
    return Path(pulumi) if pulumi else None


def usable_version(pulumi: Path, oldest: str) -> str:
    """The version of an engine, such as `v3.256.0`.

    Raises:
        Unavailable: it is older than `oldest`, does not start, or cannot run Python programs.
    """
    # Without the variable it may ask the vendor for the newest version.
    environment = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"}
    try:
        process = subprocess.run([pulumi, "version"], capture_output=True, text=True, check=False, env=environment)
    except OSError as error:
        raise Unavailable(f"{pulumi}: {error.strerror}") from error
    version = process.stdout.strip()
    if process.returncode or parse_version(version) < parse_version(oldest):
        found = version or f"`{pulumi} version` fails"
        raise Unavailable(f"{pulumi} is {found}, and {oldest} or newer is needed")
    folders = os.pathsep.join([str(pulumi.resolve().parent), _users_path()])
    host = shutil.which(LANGUAGE_HOST, path=folders)
    if host is None:
        raise Unavailable(f"{pulumi} has no {LANGUAGE_HOST} beside it or on PATH")
    # A version manager's shim is beside the shim of the executor.
    if not any((folder / EXECUTOR).exists() for folder in (Path(host).resolve().parent, Path(host).parent)):
        raise Unavailable(f"{host} has no {EXECUTOR} beside it")
    return version


def fingerprint() -> str | None:
    """What changes when the user's `pulumi` is replaced by another; None where there is none."""
    pulumi = pulumi_on_path()
    if pulumi is None:
        return None
    found = pulumi.stat()
    return f"{pulumi} {pulumi.resolve()} {found.st_size} {found.st_mtime_ns}"


def _users_path() -> str:
    """PATH without the folders that set-up puts there."""
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return os.pathsep.join(f for f in folders if f and Path(f).parts[-2:] != OWN_FOLDER)
