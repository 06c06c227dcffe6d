"""Configs as Pulumi hands them over, and what `parse` finds in them."""

import json
from collections.abc import Collection, Mapping
from pathlib import Path

import yaml

from settings import Settings, SettingsError, parse
from settings.reading.reader import examine
from tests import services

DIGEST = "@sha256:" + "0123456789abcdef" * 4
IMAGES = {key: f"registry.example.com/tasktracker/{key}:1.2.0{DIGEST}" for key in services.IMAGES}
ROOT = Path(__file__).resolve().parents[3]
PROD: dict[str, object] = {"environment": "prod", "domain": "tasks.example.com", "images": IMAGES}

ASKED_IMAGES = {**IMAGES, "cloudflared": f"registry.example.com/tasktracker/cloudflared:1.2.0{DIGEST}"}

ASKED = {
    "cloudflare_api_token": None,
    "docker_host.address": "ssh://deploy@server.example.com",
    "domain": "tasks.example.com",
    "images": ASKED_IMAGES,
    "tunnel.account_id": 32 * "a",
    "tunnel.zone": "example.com",
    "tunnel.zone_id": 32 * "b",
}
"""What the committed stacks of staging and prod ask for, by key; None for a secret."""


def local(name: str) -> str:
    """The reference that dev has for an image."""
    return f"tasktracker/{name}:0123456789ab"


def config(keys: Mapping[str, object]) -> dict[str, str]:
    """The config that Pulumi makes of a stack file: text as it is, all else as JSON."""
    return {f"tasktracker:{key}": value if isinstance(value, str) else json.dumps(value) for key, value in keys.items()}


def read(keys: Mapping[str, object], secrets: Mapping[str, str] | None = None) -> Settings:
    """The settings of a stack named `test`; dev if `keys` doesn't say."""
    found = secrets or {}
    return parse("test", config({"environment": "dev", **keys, **found}), [f"tasktracker:{name}" for name in found])


def valid_part(keys: Mapping[str, object], secrets: Mapping[str, str] | None = None) -> Settings:
    """The settings of a stack as far as they are valid, for a test of which the rest is no part."""
    found = secrets or {}
    names = [f"tasktracker:{name}" for name in found]
    return examine("test", config({"environment": "dev", **keys, **found}), names)[0]


def problems(keys: Mapping[str, object], secrets: Mapping[str, str] | None = None) -> list[str]:
    """The lines of the error for a config, without the heading; none if it is fine."""
    try:
        read(keys, secrets)
    except SettingsError as error:
        return [str(problem) for problem in error.problems]
    return []


def problem(keys: Mapping[str, object], secrets: Mapping[str, str] | None = None) -> str:
    """The one line of the error for a config with one problem."""
    (line,) = problems(keys, secrets)
    return line


def nested(path: str, value: object) -> dict[str, object]:
    """`("a.b", 1)` -> `{"a": {"b": 1}}`."""
    for key in reversed(path.split(".")):
        value = {key: value}
    assert isinstance(value, dict)
    return value


def without(keys: Mapping[str, object], names: Collection[str]) -> dict[str, object]:
    """`keys` but for some."""
    return {key: value for key, value in keys.items() if key not in names}


def stack_file(stack: str) -> dict[str, object]:
    """The config of a committed stack, by key without the namespace."""
    keys = yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text())["config"]
    return {key.removeprefix("tasktracker:"): value for key, value in keys.items()}


def merged(keys: dict[str, object], path: str, value: object) -> dict[str, object]:
    """`keys` with one more value, in the block that it belongs to."""
    for key, inner in nested(path, value).items():
        block = keys.get(key)
        keys = {**keys, key: {**block, **inner} if isinstance(block, dict) and isinstance(inner, dict) else inner}
    return keys


def filled_file(stack: str) -> dict[str, object]:
    """The config of a committed stack with the settings that it asks for, but without the secrets."""
    keys = stack_file(stack)
    for path, value in ASKED.items():
        if value is not None:
            keys = merged(keys, path, value)
    return keys
