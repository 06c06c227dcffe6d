"""Redis as a cache of the app: what is in it is lost with its container."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

import pulumi

from components.core.context import Context
from components.core.naming import SYSTEM
from components.core.options import child_after
from components.core.part import Assembly, Part
from components.core.rendering import render
from components.core.runtime import Given
from components.secrets.generated import GeneratedSecret
from components.spec.container import DATA, MOUNT_PATH, Attachment, HealthCheck, Limits, ServiceSpec
from settings.blocks.redis import RedisSettings
from settings.services import SERVICES
from settings.values.image_ref import ImageRef

PORT = 6379

#: Seconds; there is nothing to write.
STOP_TIMEOUT = 10


@dataclass(frozen=True)
class RedisArgs:
    """The server's settings and its image."""

    context: Context
    settings: RedisSettings
    image: ImageRef


class Redis(pulumi.ComponentResource):
    """The server, and the password of its one user."""

    url: pulumi.Output[str]
    container_name: pulumi.Output[str]

    def __init__(self, name: str, args: RedisArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"{SYSTEM}:components:Redis", name, None, opts)
        password = GeneratedSecret(f"{name}-password", opts=pulumi.ResourceOptions(parent=self)).value
        files = {
            "password": password,
            "redis.conf": password.apply(
                lambda value: render("redis.conf", settings=args.settings, port=PORT, password=value)
            ),
        }
        workload = args.context.runtime.service(
            name, spec(args.settings, args.image), Given(files=files), child_after(self, opts)
        )
        self.url = password.apply(lambda value: f"redis://:{quote(value, safe='')}@{name}:{PORT}/0")
        self.container_name = workload.container_name
        self.register_outputs({"container_name": self.container_name})


def spec(settings: RedisSettings, image: ImageRef) -> ServiceSpec:
    """The server."""
    return ServiceSpec(
        service=SERVICES["redis"].name,
        image=image,
        user=SERVICES["redis"].user,
        limits=Limits.of(settings.resources),
        command=[f"{MOUNT_PATH}/redis.conf"],
        files=["password", "redis.conf"],
        networks=[Attachment(DATA)],
        health=HealthCheck(["healthcheck"]),
        stop_timeout=STOP_TIMEOUT,
        wait_timeout=settings.start_timeout,
    )


def part(stack: Assembly) -> Part | None:
    """Redis, where the stack has it."""
    if stack.settings.redis is None:
        return None
    redis = Redis("redis", RedisArgs(stack.context, stack.settings.redis, stack.image("redis")), stack.options())
    return Part(containers={"redis": redis.container_name}, files={"redis-url": redis.url}, ready=[redis])
