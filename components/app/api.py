"""The HTTP API."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from components.app.app import DATA_PATH, USER, AppArgs, app_env, slotted
from components.core.naming import SYSTEM
from components.core.options import child_after
from components.runtime.workload import Attachment, HealthCheck, Mount, Workload, WorkloadArgs
from settings.blocks.app import ApiSettings
from settings.image_ref import ImageRef

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
        app, networks = args.app, args.app.context.networks
        address = networks.edge.fixed_address(ADDRESSES[app.slot])
        workload = Workload(
            slotted(name, app.slot),
            WorkloadArgs(
                context=app.context,
                service=name,
                slot=app.slot,
                image=args.image,
                user=USER,
                resources=args.settings.resources,
                command=["api"],
                env=app_env(app, args.settings.log_level),
                files=app.secrets,
                mounts=[Mount(app.uploads, DATA_PATH)],
                networks=[
                    Attachment(networks.edge, address),
                    Attachment(networks.data),
                    Attachment(networks.egress),
                ],
                wait_timeout=args.settings.start_timeout,
                health=HealthCheck(["tasktracker", "probe", f"http://127.0.0.1:{PORT}/api/health"]),
                stop_timeout=STOP_TIMEOUT,
            ),
            child_after(self, opts),
        )
        self.upstream = f"{address}:{PORT}"
        self.container_name = workload.container_name
        self.register_outputs({"container_name": self.container_name, "upstream": self.upstream})
