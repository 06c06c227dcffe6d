"""Debian packages, where the machine is a Debian and the user may install them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence

from toolchain.process.steps import StepError, run, say

#: Nobody is there to be asked.
ENVIRONMENT = {"DEBIAN_FRONTEND": "noninteractive"}

#: Seconds to wait for another package manager, such as the daily upgrade.
LOCK_TIMEOUT = 300


def can_install() -> bool:
    """Whether this user can install Debian packages on this machine."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def ensure_program(program: str, packages: Sequence[str], purpose: str) -> None:
    """Installs `packages` where `program` is not on PATH.

    Raises:
        StepError: they can't be installed here; says what to install, and what for.
    """
    if shutil.which(program):
        return
    if not can_install():
        raise StepError(f"{program} is needed {purpose}; install it (Debian: apt-get install {' '.join(packages)})")
    install(packages)


def install(packages: Sequence[str]) -> None:
    """Installs Debian packages, without those that they only recommend.

    Raises:
        StepError: they could not be installed.
    """
    say(f"Debian packages: {', '.join(packages)}")
    # Does nothing, unless an installation was interrupted: then apt-get refuses to go on without it.
    run("  unfinished installations", ["dpkg", "--configure", "--pending"], log="dpkg-configure", env=ENVIRONMENT)
    try:
        run("  package lists", ["apt-get", "update"], log="apt-update", env=ENVIRONMENT)
    except StepError as error:
        # One source of many may be down, and the lists that are there may do.
        say(f"{error}\n    going on with the lists that are there")
    run(
        "  installation",
        [
            *("apt-get", "install", "--yes", "--no-install-recommends"),
            *("-o", f"DPkg::Lock::Timeout={LOCK_TIMEOUT}"),
            *packages,
        ],
        log="apt-install",
        env=ENVIRONMENT,
    )
