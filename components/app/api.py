"""The HTTP API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from components.app.app import AppArgs, app_env, app_spec
from components.core.network import Network
from components.core.part import Assembly
from components.spec.container import DATA, EDGE, EGRESS, Attachment, ServiceSpec
from settings.blocks.app import ApiSettings
from settings.releases import Slot
from settings.services import SERVICES
from settings.values.image_ref import ImageRef

PORT = 8000

#: Seconds in which open requests finish; WebSockets are told to reconnect at once.
STOP_TIMEOUT = 15

#: Fixed host numbers on the edge network, one a slot: nginx keeps the address of an upstream for as
#: long as it runs (1.26 has no `resolve` for upstream servers), so a restarted api has to come back
#: at the same one. The api of version 0.1.0 has the number 2.
ADDRESSES: Mapping[Slot, int] = {"blue": 3, "green": 4}


def address(edge: Network, slot: Slot) -> str:
    """Where the api of a slot is on the network `edge`."""
    return edge.fixed_address(ADDRESSES[slot])


def spec(
    settings: ApiSettings, image: ImageRef, slot: Slot, address: str, *, env: Mapping[str, str], files: Sequence[str]
) -> ServiceSpec:
    """The server, at `address` of the network `edge`."""
    return app_spec(
        SERVICES["api"],
        settings,
        image,
        slot,
        env=env,
        files=files,
        networks=[Attachment(EDGE, address), Attachment(DATA), Attachment(EGRESS)],
        health=f"http://127.0.0.1:{PORT}/api/health",
        stop_timeout=STOP_TIMEOUT,
    )


def in_slot(stack: Assembly, slot: Slot) -> ServiceSpec:
    """The api of a release in a slot."""
    app, settings = stack.get(AppArgs), stack.settings.api
    env = app_env(app, settings.log_level, slot)
    its = address(stack.context.networks.edge, slot)
    return spec(settings, stack.image("api"), slot, its, env=env, files=[*app.secrets])
