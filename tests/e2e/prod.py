"""A stack of prod's shape on the real engine, with a tunnel and a bucket: Docker, AWS and Cloudflare are stand-ins."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.e2e.stack import Stack
from tests.e2e.stand_in_cloud import Cloud, serving
from tests.e2e.stand_in_docker import answering
from tests.e2e.test_tunnel import API_TOKEN
from tests.e2e.test_tunnel import CONFIG as TUNNEL

#: What only a person knows.
SECRETS = {"cloudflare_api_token": API_TOKEN}


def config() -> dict[str, Any]:
    """What prod sets."""
    return {**TUNNEL, "backup": {"repository": "aws", "aws": {"region": "eu-central-1"}}}


@contextmanager
def prod_stack(folder: Path, number: int) -> Iterator[tuple[Stack, Cloud]]:
    """The stack, of which nothing is there yet, and its clouds."""
    with serving(("docker", "aws", "cloudflare")) as cloud, answering() as env:
        stack = Stack(folder, "prod", number, config())
        stack.env |= {**cloud.env, **env}
        for name, value in SECRETS.items():
            stack.pulumi("config", "set", "--secret", name, stdin=value)
        yield stack, cloud
