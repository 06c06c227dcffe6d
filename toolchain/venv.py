"""The Python environment: `.venv`, made from the locked, hashed requirements."""

from __future__ import annotations

import hashlib
import importlib.util
import sys

from toolchain import debian
from toolchain.steps import ROOT, StepError, run

VENV = ROOT / ".venv"
LOCK = ROOT / "requirements.lock"

#: The oldest Python that the program is tested with (Debian 12's).
MINIMUM_PYTHON = (3, 11)


def ensure_venv() -> None:
    """Makes `.venv` hold exactly what requirements.lock says; does nothing when it does.

    Raises:
        StepError: Python is too old, has no venv module that could be installed, or pip failed.
    """
    if sys.version_info < MINIMUM_PYTHON:
        found, wanted = (".".join(map(str, version[:2])) for version in (sys.version_info, MINIMUM_PYTHON))
        raise StepError(f"Python {wanted} or newer is needed, and {sys.executable} is {found}")
    stamp = VENV / "installed"
    inputs = _inputs()
    if stamp.exists() and stamp.read_text() == inputs:
        return
    _ensure_venv_module()
    run("Python environment (.venv)", [sys.executable, "-m", "venv", "--clear", VENV], log="venv")
    run(
        "Python packages (requirements.lock)",
        [VENV / "bin/pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r", LOCK],
        log="packages",
    )
    # Written last, so that an interrupted install is done again.
    stamp.write_text(inputs)


def _inputs() -> str:
    """What the environment depends on. Its scripts name its place, so a moved folder needs a new one."""
    digest = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    return f"{sys.version}\n{VENV}\n{digest}\n"


def _ensure_venv_module() -> None:
    """Debian keeps what `python -m venv` needs in a package of its own."""
    if importlib.util.find_spec("ensurepip") is not None:
        return
    package = "python{}.{}-venv".format(*sys.version_info)
    if not debian.can_install():
        raise StepError(f"Python has no venv module; install it (Debian: apt-get install {package})")
    debian.install([package])
