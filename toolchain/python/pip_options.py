"""The options of pip that set-up takes from the user: how to reach the package index, and no others.

Mirrors, proxies and certificates are set by variables (`PIP_INDEX_URL`) or in pip's config files. The same places may
hold `target`, `prefix`, `user` or `root`, with which pip reports success and leaves `.venv` empty.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Iterator
from configparser import RawConfigParser
from pathlib import Path
from typing import Final

from toolchain.process.steps import StepError

CONNECTION: Final = frozenset(
    {
        "cache-dir",
        "cert",
        "client-cert",
        "default-timeout",
        "disable-pip-version-check",
        "extra-index-url",
        "find-links",
        "index-url",
        "keyring-provider",
        "no-cache-dir",
        "no-index",
        "no-input",
        "proxy",
        "resume-retries",
        "retries",
        "timeout",
        "trusted-host",
        "use-deprecated",
        "use-feature",
    }
)
"""By pip's long names: https://pip.pypa.io/en/stable/cli/pip/#general-options and those of its package index."""

CONFIG_FILE: Final = "PIP_CONFIG_FILE"

#: One kind of file in the output of `pip config debug`, and one file that is there.
KIND: Final = re.compile(r"^(global|user|site|env):\n((?:  .*\n?)*)", re.MULTILINE)
FILE: Final = re.compile(r"^  (.+), exists: True$", re.MULTILINE)

#: Each comes before those ahead of it; `env` is the file that PIP_CONFIG_FILE names.
KINDS: Final = ("global", "user", "site", "env")

#: Options for this command come before those for all.
SECTIONS: Final = ("global", "install")


def is_dropped(variable: str) -> bool:
    """Whether `variable` is an option of pip that must not reach the pip of set-up.

    >>> [name for name in ("PIP_TARGET", "PIP_INDEX_URL", "PIP_CONFIG_FILE", "PIPX_HOME") if is_dropped(name)]
    ['PIP_TARGET']
    """
    if not variable.startswith("PIP_") or variable == CONFIG_FILE:
        return False
    return variable.removeprefix("PIP_").lower().replace("_", "-") not in CONNECTION


def connection(python: Path) -> dict[str, str]:
    """The variables for the pip of `python` with which it reads no config file, and the user's connection options.

    Raises:
        StepError: pip can't read its config files.
    """
    return {CONFIG_FILE: os.devnull} | {_variable(name): value for name, value in connection_options(python).items()}


def connection_options(python: Path) -> dict[str, str]:
    """The user's connection options for the pip of `python`, from variables and config files, by pip's long names.

    Raises:
        StepError: pip can't read its config files.
    """
    # Not `pip config list`: with `user = true` in a file it would list that of the user alone.
    process = subprocess.run(
        [str(python), "-I", "-m", "pip", "config", "debug"], capture_output=True, text=True, check=False
    )
    if process.returncode:
        raise StepError(f"pip can't read its options (`pip config debug` lists its files): {process.stderr.strip()}")
    # Variables come before the files, and pip passes over an empty one.
    variables = {name: value for name in sorted(CONNECTION) if (value := os.environ.get(_variable(name)))}
    return {**options_of(config_files(process.stdout)), **variables}


def _variable(name: str) -> str:
    return f"PIP_{name.upper().replace('-', '_')}"


def config_files(listing: str) -> list[Path]:
    """The config files that are there, from the output of `pip config debug`; what a later one says counts.

    >>> listing = "env:\\n  /mine, exists: True\\nglobal:\\n  /etc/pip.conf, exists: True\\n"
    >>> [str(path) for path in config_files(listing)]
    ['/etc/pip.conf', '/mine']
    """
    files = {kind: FILE.findall(lines) for kind, lines in KIND.findall(listing)}
    return [Path(file) for kind in KINDS for file in files.get(kind, [])]


def options_of(files: Iterable[Path]) -> dict[str, str]:
    """The connection options in config files, by pip's long names."""
    found: dict[str, dict[str, str]] = {section: {} for section in SECTIONS}
    for path in files:
        parser = RawConfigParser()
        parser.read(path)
        for section in SECTIONS:
            found[section].update(_options(parser, section))
    return {name: value for section in SECTIONS for name, value in found[section].items() if name in CONNECTION}


def _options(parser: RawConfigParser, section: str) -> Iterator[tuple[str, str]]:
    """The options of a section that have a value, with their names as pip takes them."""
    for name, value in parser.items(section) if parser.has_section(section) else ():
        if value:
            yield name.lower().replace("_", "-").removeprefix("--"), value
