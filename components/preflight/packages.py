"""The Python packages of providers that only some stacks use.

Pulumi downloads the plugin of each of its packages that is installed, so set-up installs these only for stacks that
need them (`toolchain/python/stack_packages.py` has the same conditions, for a file that may not be valid).
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator

import pulumi

from settings import Settings
from settings.errors import key_text

Need = tuple[str, tuple[str, ...]]
"""A package, and the setting that needs it."""


def needed_packages(settings: Settings) -> Iterator[Need]:
    """The packages that a stack needs beside those of every stack."""
    if settings.has_backups and settings.backup.repository == "aws":
        yield "pulumi-aws", ("backup", "repository")
    if settings.tunnel is not None:
        yield "pulumi-cloudflare", ("tunnel",)
    elif settings.nginx.tls and settings.nginx.certificate == "cloudflare":
        yield "pulumi-cloudflare", ("nginx", "certificate")


def refuse_missing_packages(stack: str, settings: Settings) -> None:
    """Stops the program before it declares anything if a package is not installed.

    Raises:
        pulumi.RunError: names each setting, its package and the command that installs it.
    """
    missing = [need for need in needed_packages(settings) if not _is_installed(need[0])]
    if missing:
        found = "; ".join(f"{key_text(path)} needs the Python package {package}" for package, path in missing)
        lack = "which is not installed" if len(missing) == 1 else "which are not installed"
        raise pulumi.RunError(f"{found}, {lack}. Run `make tools STACK={stack}` and try again")


def _is_installed(package: str) -> bool:
    return importlib.util.find_spec(package.replace("-", "_")) is not None
