"""The committed prod, filled in, on the real engine: Docker, AWS and Cloudflare are stand-ins."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.committed import committed, fill_in
from tests.e2e.stack import Stack
from tests.e2e.stand_in_cloud import Cloud, serving
from tests.e2e.stand_in_docker import answering, volumes_of
from tests.e2e.test_tunnel import PINNED


@contextmanager
def prod_stack(folder: Path, number: int) -> Iterator[tuple[Stack, Cloud]]:
    """The stack, of which nothing is there yet, and its clouds."""
    with serving(("docker", "aws", "cloudflare")) as cloud, answering(volumes_of(cloud)) as env:
        stack = committed(folder, "prod", number)
        stack.env |= {**cloud.env, **env}
        fill_in(stack, stack.pulumi("preview", check=False).stdout, PINNED, env["DOCKER_HOST"])
        yield stack, cloud
