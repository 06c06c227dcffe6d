"""The same program for each environment, previewed by the real engine with no Docker in reach."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.support.stack import Stack
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


@pytest.mark.nightly
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


#: What is fine in dev and nowhere else: an image without a digest, one of this machine, and ports for debugging.
FINE_IN_DEV: dict[str, Any] = {
    "images": {
        **{image: PINNED[image] for image in IMAGES if image != "nginx"},
        "api": "registry.example.com/tasktracker/api:1.2.3",
    },
    "postgres": {"debug_port": 15432},
    "nats": {"debug_monitor_port": 18222},
}


@pytest.mark.parametrize("environment", ["staging", "prod"])
def test_what_is_fine_in_dev_is_refused_with_each_key_named(tmp_path: Path, environment: str) -> None:
    code, output = preview(tmp_path, environment=environment, **{**OUTSIDE_DEV, **FINE_IN_DEV})
    assert code != 0
    keys = ("images.api", "images.nginx", "postgres.debug_port", "nats.debug_monitor_port")
    assert [key for key in keys if f"tasktracker:{key}" in output] == [*keys], output
    assert "Traceback" not in output


def test_prod_refuses_a_domain_of_this_machine(tmp_path: Path) -> None:
    code, output = preview(tmp_path, environment="prod", **{**OUTSIDE_DEV, "domain": "localhost"})
    assert code != 0
    assert "tasktracker:domain" in output


def test_bad_secrets_are_named_and_not_shown(tmp_path: Path) -> None:
    bad = {
        "encryption_key": ("too short", "32 bytes"),
        "database_url": ("mysql://user:hunter2@db.example.com/x", "postgresql://"),
    }
    stack = Stack(tmp_path / "stack", "preview", NUMBER)
    for secret, (value, _) in bad.items():
        stack.pulumi("config", "set", "--secret", secret, value)
    result = stack.pulumi("preview", check=False, without_docker=True)
    assert result.returncode != 0
    for secret, (value, what) in bad.items():
        assert f"tasktracker:{secret}" in result.stdout
        assert what in result.stdout
        assert value not in result.stdout
