"""The committed prod, filled in, on the real engine: Docker, AWS and Cloudflare are fakes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.environments.test_tunnel import PINNED
from tests.e2e.fakes.cloud import Cloud, serving
from tests.e2e.fakes.docker_api import answering, volumes_of
from tests.e2e.support.committed import committed, fill_in
from tests.e2e.support.stack import Stack


@contextmanager
def prod_stack(folder: Path, number: int) -> Iterator[tuple[Stack, Cloud]]:
    """The stack, of which nothing is there yet, and its clouds."""
    with serving(("docker", "aws", "cloudflare")) as cloud, answering(volumes_of(cloud)) as env:
        stack = committed(folder, "prod", number)
        stack.env |= {**cloud.env, **env}
        fill_in(stack, stack.pulumi("preview", check=False).stdout, PINNED, env["DOCKER_HOST"])
        yield stack, cloud
