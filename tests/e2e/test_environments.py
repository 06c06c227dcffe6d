"""The same program for each environment, previewed by the real engine with no Docker in reach."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.stack import Stack
from tests.services import IMAGES

pytestmark = pytest.mark.engine

#: Beside the numbers of the stacks that are brought up; nothing of these is made.
NUMBER = 92

PORT = 18000 + 10 * NUMBER

PINNED = {image: f"registry.example.com/tasktracker/{image}:1.2.3@sha256:{64 * 'a'}" for image in IMAGES}
OUTSIDE_DEV: dict[str, Any] = {"domain": "tasks.example.com", "images": PINNED}


def preview(folder: Path, **config: Any) -> tuple[int, str]:
    """Exit code and output of a preview of a new stack."""
    stack = Stack(folder / "stack", "preview", NUMBER, config)
    result = stack.pulumi("preview", "--diff", check=False, without_docker=True)
    return result.returncode, result.stdout


@pytest.mark.parametrize("environment", ["staging", "prod"])
def test_an_environment_with_pinned_images_passes(tmp_path: Path, environment: str) -> None:
    code, output = preview(tmp_path, environment=environment, **OUTSIDE_DEV)
    assert code == 0, output
    for image in IMAGES:
        assert PINNED[image] in output
    assert re.findall(r"external *: (\d+)", output) == [str(PORT)]
    assert "tasktracker-preview-debug" not in output


def test_dev_takes_the_images_built_here(tmp_path: Path) -> None:
    code, output = preview(tmp_path)
    assert code == 0, output
    assert "tasktracker/postgres:" in output


@pytest.mark.parametrize("environment", ["staging", "prod"])
@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"images": {**PINNED, "api": "registry.example.com/tasktracker/api:1.2.3"}}, "tasktracker:images.api"),
        ({"postgres": {"debug_port": 15432}}, "tasktracker:postgres.debug_port"),
        ({"nats": {"debug_monitor_port": 18222}}, "tasktracker:nats.debug_monitor_port"),
        ({"images": {}}, "tasktracker:images.nginx"),
    ],
)
def test_what_is_fine_in_dev_is_refused(tmp_path: Path, environment: str, change: dict[str, Any], key: str) -> None:
    code, output = preview(tmp_path, environment=environment, **{**OUTSIDE_DEV, **change})
    assert code != 0
    assert key in output
    assert "Traceback" not in output


def test_prod_refuses_a_domain_of_this_machine(tmp_path: Path) -> None:
    code, output = preview(tmp_path, environment="prod", **{**OUTSIDE_DEV, "domain": "localhost"})
    assert code != 0
    assert "tasktracker:domain" in output


@pytest.mark.parametrize(
    ("secret", "value", "what"),
    [
        ("encryption_key", "too short", "32 bytes"),
        ("database_url", "mysql://user:hunter2@db.example.com/x", "postgresql://"),
    ],
)
def test_a_bad_secret_is_named_and_not_shown(tmp_path: Path, secret: str, value: str, what: str) -> None:
    stack = Stack(tmp_path / "stack", "preview", NUMBER)
    stack.pulumi("config", "set", "--secret", secret, value)
    result = stack.pulumi("preview", check=False, without_docker=True)
    assert result.returncode != 0
    assert f"tasktracker:{secret}" in result.stdout
    assert what in result.stdout
    assert value not in result.stdout
