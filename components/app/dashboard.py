"""The dashboard: static files behind a web server of its own."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from components.app.app import slotted
from components.core.context import Context
from components.core.naming import SYSTEM
from components.core.options import child_after
from components.core.part import Assembly, Part
from components.core.runtime import Given
from components.spec.container import EDGE, Attachment, HealthCheck, Limits, ServiceSpec
from settings.blocks.app import DashboardSettings
from settings.services import SERVICES
from settings.values.image_ref import ImageRef

PORT = 8080

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
        workload = args.context.runtime.service(
            slotted(name, args.slot),
            spec(args.settings, args.image, address, slot=args.slot),
            Given(),
            child_after(self, opts),
        )
        self.upstream = f"{address}:{PORT}"
        self.container_name = workload.container_name
        self.register_outputs({"container_name": self.container_name, "upstream": self.upstream})


def spec(settings: DashboardSettings, image: ImageRef, address: str, *, slot: str | None = None) -> ServiceSpec:
    """The server, at `address` of the network `edge`."""
    return ServiceSpec(
        service=SERVICES["dashboard"].name,
        slot=slot,
        image=image,
        user=SERVICES["dashboard"].user,
        limits=Limits.of(settings.resources),
        networks=[Attachment(EDGE, address)],
        wait_timeout=settings.start_timeout,
        health=HealthCheck(["curl", "-fsS", f"http://127.0.0.1:{PORT}/healthz"]),
    )


def part(stack: Assembly) -> Part:
    """The dashboard."""
    args = DashboardArgs(stack.context, stack.settings.dashboard, stack.image("dashboard"))
    dashboard = stack.keep(Dashboard("dashboard", args, stack.options()))
    return Part(containers={"dashboard": dashboard.container_name})
