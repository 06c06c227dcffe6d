"""The stacks whose states are kept for each release, and the fakes that they run on.

`dev` runs on the real Docker provider and, while it is recorded, on a real Docker. `prod` has what needs accounts: a
tunnel, a bucket in AWS, and beside them Redis and file backups by restic. Its AWS, Cloudflare and Docker are fakes: a
container that backs up to AWS does not become healthy without AWS.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.e2e.environments.test_tunnel import PINNED
from tests.e2e.fakes.cloud import serving
from tests.e2e.fakes.docker_api import Volumes, answering, volumes_of
from tests.e2e.support.committed import committed, fill_in
from tests.e2e.support.stack import Stack
from toolchain.stacks.passphrase import PUBLIC_PASSPHRASE

#: Beside the numbers of the other stacks.
NUMBERS = {"dev": 87, "prod": 88}

#: The passphrase of every kept state, so that anyone can read it: its secrets are those of a stack that never ran.
PASSPHRASE = PUBLIC_PASSPHRASE.read_text().strip()

#: Where `prod` has its Docker in what is kept; a fake is at another address each time.
DOCKER = "unix:///var/run/docker.sock"


@dataclass(frozen=True)
class Shape:
    """A kind of stack.

    Attributes:
        name: Its name, and its folder's in the states of a release.
        stack: The name of the stack: not dev, which the host may have already.
        fakes: The packages whose providers are fakes.
        new: Makes the stack of a program in a new folder, ready for its first `up`, with these variables.
        kept: Types of which it has at least one resource that has to be kept.
    """

    name: str
    stack: str
    fakes: tuple[str, ...]
    new: Callable[[Path, Path, Mapping[str, str]], Stack]
    kept: frozenset[str]


def dev_config(program: Path, number: int) -> dict[str, Any]:
    """The config of a program's committed dev, with ports of the test's own and a bucket for the app."""
    committed = yaml.safe_load((program / "Pulumi.dev.yaml").read_text())["config"]
    config = {key.removeprefix("tasktracker:"): value for key, value in committed.items()}
    port = 18000 + 10 * number
    del config["nginx"]
    config["postgres"]["debug_port"] = port + 2
    config["nats"] |= {"debug_port": port + 3, "debug_monitor_port": port + 4}
    return {**config, "object_store": {"app_bucket": "uploads"}}


def _new_dev(folder: Path, program: Path, env: Mapping[str, str]) -> Stack:
    number = NUMBERS["dev"]
    stack = Stack(folder, SHAPES["dev"].stack, number, dev_config(program, number), program, PASSPHRASE)
    stack.env |= env
    return stack


def _new_prod(folder: Path, program: Path, env: Mapping[str, str]) -> Stack:
    stack = committed(folder, "prod", NUMBERS["prod"], program=program, passphrase=PASSPHRASE)
    stack.env |= env
    fill_in(stack, stack.pulumi("preview", check=False).stdout, PINNED, env["DOCKER_HOST"])
    more = {
        "redis.max_memory": "64MB",
        "images.redis": PINNED["nats"].replace("nats", "redis"),
        "nginx.tls": "true",
        "nginx.certificate": "cloudflare",
    }
    for key, value in more.items():
        stack.pulumi("config", "set", "--path", f"tasktracker:{key}", value)
    return stack


SHAPES = {
    shape.name: shape
    for shape in (
        Shape("dev", "upgrade", (), _new_dev, frozenset({"docker:index/volume:Volume", "pulumi:index:Stash"})),
        Shape(
            "prod",
            "prod",
            ("docker", "aws", "cloudflare"),
            _new_prod,
            frozenset(
                {
                    "aws:iam/accessKey:AccessKey",
                    "aws:s3/bucket:Bucket",
                    "cloudflare:index/dnsRecord:DnsRecord",
                    "cloudflare:index/originCaCertificate:OriginCaCertificate",
                    "cloudflare:index/zeroTrustTunnelCloudflared:ZeroTrustTunnelCloudflared",
                    "docker:index/volume:Volume",
                    "pulumi:index:Stash",
                }
            ),
        ),
    )
}


@contextmanager
def fakes(shape: Shape, volumes: Volumes | None = None) -> Iterator[dict[str, str]]:
    """Serves the fakes of a shape, and a Docker that has `volumes`, or those that the fakes make; gives the variables
    that lead the engine there.
    """
    if not shape.fakes:
        with answering(volumes or tuple) as env:
            yield env
        return
    with serving(shape.fakes) as cloud, answering(volumes or volumes_of(cloud)) as env:
        yield {**cloud.env, **env}
