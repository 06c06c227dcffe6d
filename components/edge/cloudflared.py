"""The host's end of a tunnel: the containers that hold its connections to Cloudflare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi

from components.core.context import Context
from components.core.naming import SYSTEM
from components.core.options import child_after
from components.core.runtime import Given, Running
from components.spec.container import EDGE, EGRESS, MOUNT_PATH, Attachment, HealthCheck, Limits, ServiceSpec
from settings.blocks.tunnel import TunnelSettings
from settings.services import SERVICES
from settings.values.image_ref import ImageRef

#: Where a container tells its own health check whether it is connected; nobody else reaches it.
METRICS = "127.0.0.1:2000"

#: Seconds for requests in flight; one that stops takes no new ones.
GRACE_PERIOD = 30

#: Seconds; those after the grace period are for its connections to be closed.
STOP_TIMEOUT = GRACE_PERIOD + 5

TOKEN_FILE = "token"  # noqa: S105 - a name


@dataclass(frozen=True)
class CloudflaredArgs:
    """`token` is the tunnel's; `files` maps the names of further files to their contents."""

    context: Context
    settings: TunnelSettings
    image: ImageRef
    token: pulumi.Output[str]
    files: Mapping[str, pulumi.Input[str]]


class Cloudflared(pulumi.ComponentResource):
    """Containers that each hold four connections to Cloudflare, and pass on to nginx what comes through them."""

    replicas: list[Running]
    containers: dict[str, pulumi.Output[str]]
    """Container name by service."""

    def __init__(self, name: str, args: CloudflaredArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"{SYSTEM}:components:Cloudflared", name, None, opts)
        self.replicas, self.containers = [], {}
        for number in range(1, args.settings.replicas + 1):
            service = f"{name}-{number}"
            files = {TOKEN_FILE: args.token, **args.files}
            replica = args.context.runtime.service(
                service,
                spec(args.settings, args.image, service, [*files]),
                Given(files=files),
                # One after the other, so that one serves while the other one is replaced.
                child_after(self, opts, *self.replicas),
            )
            self.replicas.append(replica)
            self.containers[service] = replica.container_name
        self.register_outputs(self.containers)


def spec(settings: TunnelSettings, image: ImageRef, service: str, files: Sequence[str]) -> ServiceSpec:
    """One of the containers."""
    return ServiceSpec(
        service=service,
        image=image,
        user=SERVICES["cloudflared"].user,
        limits=Limits.of(settings.resources),
        command=run_command(),
        files=files,
        networks=[Attachment(EDGE), Attachment(EGRESS)],
        health=HealthCheck(["cloudflared", "tunnel", "--metrics", METRICS, "ready"], interval=5),
        stop_timeout=STOP_TIMEOUT,
        wait_timeout=settings.start_timeout,
    )


def run_command() -> list[str]:
    """The arguments of cloudflared. The image's entrypoint is cloudflared itself."""
    return [
        "tunnel",
        # A release is an image, and on a read-only root no program replaces itself.
        "--no-autoupdate",
        "--metrics",
        METRICS,
        "--grace-period",
        f"{GRACE_PERIOD}s",
        "run",
        "--token-file",
        f"{MOUNT_PATH}/{TOKEN_FILE}",
    ]
