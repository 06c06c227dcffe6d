"""The dashboard: static files behind a web server of its own."""

from __future__ import annotations

from collections.abc import Mapping

from components.core.network import Network
from components.core.part import Assembly
from components.spec.container import EDGE, Attachment, HealthCheck, Limits, ServiceSpec
from settings.blocks.app import DashboardSettings
from settings.releases import Slot
from settings.services import SERVICES
from settings.values.image_ref import ImageRef

PORT = 8080

#: Fixed host numbers on the edge network, one a slot, after the api's and for the same reason. That of version 0.1.0
#: has the number 5.
ADDRESSES: Mapping[Slot, int] = {"blue": 6, "green": 7}


def address(edge: Network, slot: Slot) -> str:
    """Where the dashboard of a slot is on the network `edge`."""
    return edge.fixed_address(ADDRESSES[slot])


def spec(settings: DashboardSettings, image: ImageRef, slot: Slot, address: str) -> ServiceSpec:
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


def in_slot(stack: Assembly, slot: Slot) -> ServiceSpec:
    """The dashboard of a release in a slot."""
    its = address(stack.context.networks.edge, slot)
    return spec(stack.settings.dashboard, stack.image("dashboard"), slot, its)
