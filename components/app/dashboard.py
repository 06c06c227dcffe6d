"""The dashboard: static files behind a web server of its own."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from components.app.app import slotted
from components.core.context import Context
from components.core.naming import SYSTEM
from components.core.options import child_after
from components.runtime.workload import Attachment, HealthCheck, Workload, WorkloadArgs
from settings.blocks.app import DashboardSettings
from settings.image_ref import ImageRef
from settings.services import SERVICES

PORT = 8080
USER = SERVICES["dashboard"].user

#: Fixed host numbers on the edge network, one a slot, after the api's and for the same reason.
ADDRESSES = {None: 5, "blue": 6, "green": 7}


@dataclass(frozen=True)
class DashboardArgs:
    """`slot` is the release's slot, or None where there is one release only."""

    context: Context
    settings: DashboardSettings
    image: ImageRef
    slot: str | None = None


class Dashboard(pulumi.ComponentResource):
    """The dashboard of one release."""

    container_name: pulumi.Output[str]
    upstream: str
    """Where nginx reaches it: `address:port`."""

    def __init__(self, name: str, args: DashboardArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"{SYSTEM}:components:Dashboard", name, None, opts)
        address = args.context.networks.edge.fixed_address(ADDRESSES[args.slot])
        workload = Workload(
            slotted(name, args.slot),
            WorkloadArgs(
                context=args.context,
                service=name,
                slot=args.slot,
                image=args.image,
                user=USER,
                resources=args.settings.resources,
                networks=[Attachment(args.context.networks.edge, address)],
                wait_timeout=args.settings.start_timeout,
                health=HealthCheck(["curl", "-fsS", f"http://127.0.0.1:{PORT}/healthz"]),
            ),
            child_after(self, opts),
        )
        self.upstream = f"{address}:{PORT}"
        self.container_name = workload.container_name
        self.register_outputs({"container_name": self.container_name, "upstream": self.upstream})
