"""The block `tunnel`."""

from typing import Annotated

from pydantic import Field

from settings.blocks.block import MINUTE, Block, Cpus, Memory, Reservation, Resources, StartTimeout
from settings.services import SERVICES
from settings.values.addresses import Email, HostName, Zone
from settings.values.cloudflare import AccountId, ZoneId


class CloudflaredResources(Resources):
    """What a cloudflared container may take of its host."""

    cpus: Cpus = SERVICES["cloudflared"].needs.cpus
    memory: Memory = SERVICES["cloudflared"].needs.memory
    memory_reservation: Reservation = SERVICES["cloudflared"].needs.reserved


class AdministratorSettings(Block):
    """Host names for administrators: they lead to nginx too, and Cloudflare Access lets only these people pass."""

    hostnames: list[HostName]
    """The host names."""
    emails: list[Email]
    """The people, each by the e-mail address that Access asks for and sends a code to."""


class TunnelSettings(Block):
    """A Cloudflare Tunnel: requests come from Cloudflare through connections that the host makes, and nothing on the
    host is published. Its secret is cloudflare_api_token."""

    account_id: AccountId
    """The Cloudflare account that the tunnel belongs to."""
    zone_id: ZoneId
    """The zone that the host names are in."""
    zone: Zone
    """The zone's own name, such as example.com: without it Cloudflare would take a host name of another zone for one
    below this zone."""
    hostnames: list[HostName] = []
    """Host names that lead to nginx; the domain alone if there are none."""
    administrators: AdministratorSettings | None = None
    """Host names for administrators only."""
    replicas: Annotated[int, Field(ge=1, le=2)] = 2
    """Containers of the tunnel on the host. With two, one serves while the other one is replaced."""
    resources: CloudflaredResources = CloudflaredResources()
    """What each container may take of its host."""
    start_timeout: StartTimeout = 2 * MINUTE
