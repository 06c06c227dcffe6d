"""The HTTP API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi

from components.app.app import AppArgs, app_env, app_spec, run
from components.app.migrations import Migrations
from components.core.naming import SYSTEM
from components.core.options import child_after
from components.core.part import Assembly, Part
from components.spec.container import DATA, EDGE, EGRESS, Attachment, ServiceSpec
from settings.blocks.app import ApiSettings
from settings.services import SERVICES
from settings.values.image_ref import ImageRef

PORT = 8000

#: Seconds in which open requests finish; WebSockets are told to reconnect at once.
STOP_TIMEOUT = 15

#: Fixed host numbers on the edge network, one a slot: nginx keeps the address of an upstream for as
#: long as it runs (1.26 has no `resolve` for upstream servers), so a restarted api has to come back
#: at the same one.
ADDRESSES = {None: 2, "blue": 3, "green": 4}


@dataclass(frozen=True)
class ApiArgs:
    """The api's own settings, its image, and what it shares with the worker."""

    app: AppArgs
    settings: ApiSettings
    image: ImageRef


class Api(pulumi.ComponentResource):
    """The HTTP API of one release."""

    container_name: pulumi.Output[str]
    upstream: str
    """Where nginx reaches it: `address:port`."""

    def __init__(self, name: str, args: ApiArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"{SYSTEM}:components:Api", name, None, opts)
        app = args.app
        address = app.context.networks.edge.fixed_address(ADDRESSES[app.slot])
        env = app_env(app, args.settings.log_level)
        container = spec(args.settings, args.image, address, env=env, files=[*app.secrets], slot=app.slot)
        workload = run(app, name, container, child_after(self, opts))
        self.upstream = f"{address}:{PORT}"
        self.container_name = workload.container_name
        self.register_outputs({"container_name": self.container_name, "upstream": self.upstream})


def spec(
    settings: ApiSettings,
    image: ImageRef,
    address: str,
    *,
    env: Mapping[str, str],
    files: Sequence[str],
    slot: str | None = None,
) -> ServiceSpec:
    """The server, at `address` of the network `edge`."""
    return app_spec(
        SERVICES["api"],
        settings,
        image,
        env=env,
        files=files,
        slot=slot,
        networks=[Attachment(EDGE, address), Attachment(DATA), Attachment(EGRESS)],
        health=f"http://127.0.0.1:{PORT}/api/health",
        stop_timeout=STOP_TIMEOUT,
    )


def part(stack: Assembly) -> Part:
    """The api, after the migrations."""
    args = ApiArgs(stack.get(AppArgs), stack.settings.api, stack.image("api"))
    api = stack.keep(Api("api", args, stack.options(stack.get(Migrations))))
    return Part(containers={"api": api.container_name})
