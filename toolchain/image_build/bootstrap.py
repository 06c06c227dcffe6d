"""What the base image is made from: Debian's own image, or a debootstrap tree where that can't be had."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from toolchain.image_build.build_secrets import SUITE, machine_mirror
from toolchain.machine import debian
from toolchain.machine.docker_cli import Docker
from toolchain.process.steps import TOOLS, StepError, run, say

#: Debian's image on the public registry.
PUBLIC = f"debian:{SUITE}-slim"

#: A debootstrap tree, imported; removed when the base is built.
IMPORTED = f"tasktracker/bootstrap:{SUITE}"

#: Seconds for the pull of 30 MB. Where no registry can be reached Docker says so within 30.
PULL_TIMEOUT = 180.0

#: What is this machine's and none of the base's.
EXCLUDED = (
    "./dev/*",
    "./proc/*",
    "./sys/*",
    "./etc/apt/sources.list",
    "./etc/hostname",
    "./etc/resolv.conf",
    "./var/cache/apt/*",
    "./var/lib/apt/lists/*",
)


def ensure_bootstrap(docker: Docker) -> str:
    """The reference of an image with a bare Debian, pulled or made.

    Raises:
        StepError: neither worked; says what to do.
    """
    if docker.run("image", "inspect", IMPORTED).returncode == 0:
        return IMPORTED
    reason = _pull(docker)
    if reason is None:
        return PUBLIC
    say(f"{PUBLIC} can't be pulled ({reason}); making it by debootstrap")
    _debootstrap(docker, reason)
    return IMPORTED


def discard_bootstrap(docker: Docker) -> None:
    """Removes what was imported; the public image is the user's."""
    docker.run("image", "rm", IMPORTED)


def _pull(docker: Docker) -> str | None:
    """Pulls Debian's image; returns why it can't be had, None if it is there."""
    if docker.run("image", "inspect", PUBLIC).returncode == 0:
        return None
    say(f"Pulling {PUBLIC}")
    try:
        result = docker.run("pull", "--quiet", PUBLIC, timeout=PULL_TIMEOUT)
    except StepError as error:
        return str(error)
    return None if result.returncode == 0 else (result.stderr.strip().splitlines() or ["no reason given"])[-1]


def _debootstrap(docker: Docker, reason: str) -> None:
    mirror = machine_mirror()
    if mirror is None or not debian.can_install():
        raise StepError(
            f"{PUBLIC} can't be pulled ({reason}), and a base image can be made without it only on Debian, as root."
            f" Bring it from a machine that can: `docker save {PUBLIC}` there, `docker load` here"
        )
    debian.ensure_program("debootstrap", ["debootstrap"], "to make the base image")
    with _folder() as folder:
        tree, archive = folder / "tree", folder / "tree.tar"
        # The mount namespace takes debootstrap's mounts (/proc) along when it ends, in whichever way.
        # Without --force-check-gpg it goes on unchecked where Debian's keyring is missing.
        isolated = ["unshare", "--mount", "debootstrap", "--force-check-gpg", "--variant=minbase"]
        run(f"Debian {SUITE} by debootstrap", [*isolated, SUITE, tree, mirror.archive], log="debootstrap")
        excluded = [f"--exclude={path}" for path in EXCLUDED]
        run("  archive", ["tar", "-cf", archive, "-C", tree, *excluded, "."], log="debootstrap-archive")
        run("  import", [docker.path, "import", archive, IMPORTED], log="debootstrap-import")


@contextmanager
def _folder() -> Iterator[Path]:
    """A folder for a tree of a whole system: not in /tmp, which may forbid programs and devices."""
    folder = TOOLS / "bootstrap"
    # What a killed run has left; its mounts ended with it.
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
