"""The groups of packages that a stack needs on top of `base`: `stack_packages.py FOLDER STACK` prints one a line.

Set-up starts this file with the Python of `.venv`, which has a YAML reader, before the program itself can be imported.
A file that is not valid is no error here: what comes next reports it in full. `components.preflight.packages` checks
the same by the program's own settings.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    # Isolated, Python looks for modules neither beside a script nor in the current folder.
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import stackfile

PROJECT = "tasktracker"


def groups(config: Mapping[str, Any]) -> Iterator[str]:
    """The groups for a stack's config, as `stackfile.config` returns it.

    >>> list(groups({"tasktracker:tunnel": {"replicas": 2}, "tasktracker:backup": {"repository": "aws"}}))
    ['aws', 'cloudflare']
    """
    backup, nginx = _block(config, "backup"), _block(config, "nginx")
    # Without a PostgreSQL of its own the stack takes no backups.
    takes_backups = backup.get("enabled", True) is True and _value(config, "database_url") is None
    if takes_backups and backup.get("repository") == "aws":
        yield "aws"
    has_certificate = nginx.get("tls") is True and nginx.get("certificate") == "cloudflare"
    if has_certificate or _value(config, "tunnel") is not None:
        yield "cloudflare"


def _value(config: Mapping[str, Any], name: str) -> Any:  # noqa: ANN401 - a file may hold anything
    return config.get(f"{PROJECT}:{name}")


def _block(config: Mapping[str, Any], name: str) -> Mapping[Any, Any]:
    """A block of the config; an empty one where there is none, or something else."""
    value = _value(config, name)
    return value if isinstance(value, dict) else {}


def stack_config(folder: Path, stack: str) -> dict[str, Any]:
    """The config of `stack` with that of the project, as far as the files can be read."""
    project = {key: _default(value) for key, value in _config(folder / "Pulumi.yaml").items()}
    return {**project, **_config(folder / f"Pulumi.{stack}.yaml")}


def _config(path: Path) -> dict[str, Any]:
    try:
        return stackfile.config(path)
    except stackfile.StackFileError:
        return {}


def _default(value: Any) -> Any:  # noqa: ANN401 - a file may hold anything
    """What the project's file sets for all stacks: a value, or a block with `value` or `default`."""
    if isinstance(value, dict) and {"value", "default"} & value.keys():
        return value.get("value", value.get("default"))
    return value


if __name__ == "__main__":
    print(*groups(stack_config(Path(sys.argv[1]), sys.argv[2])), sep="\n")
