"""The groups of packages that a stack needs on top of `base`: `stack_packages.py FOLDER STACK` prints one a line.

Set-up starts this file with the Python of `.venv`, which has a YAML reader, before the program itself can be imported.
A file that is not valid is no error here: the program reports it in full. `components.packages` checks the same
by the program's own settings.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

PROJECT = "tasktracker"


def groups(config: Mapping[str, Any]) -> Iterator[str]:
    """The groups for a stack's config, which holds keys with or without the project's namespace.

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
    """The value of a key; a text that is JSON, as `pulumi config set` writes it without --path, is decoded."""
    value = config.get(f"{PROJECT}:{name}", config.get(name))
    if isinstance(value, str):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


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
        content = yaml.safe_load(path.read_text())
        found = content.get("config")
    # A date that does not exist is a ValueError, as are bytes that are no UTF-8.
    except (OSError, ValueError, AttributeError, RecursionError, yaml.YAMLError):
        return {}
    return {str(key): value for key, value in found.items()} if isinstance(found, dict) else {}


def _default(value: Any) -> Any:  # noqa: ANN401 - a file may hold anything
    """What the project's file sets for all stacks: a value, or a block with `value` or `default`."""
    if isinstance(value, dict) and {"value", "default"} & value.keys():
        return value.get("value", value.get("default"))
    return value


if __name__ == "__main__":
    print(*groups(stack_config(Path(sys.argv[1]), sys.argv[2])), sep="\n")
