"""The block `nginx`."""

from ipaddress import IPv4Address
from typing import Annotated, Literal

from pydantic import Field

from settings.blocks.block import DAY, HOUR, MINUTE, Block, Cpus, Memory, Reservation, Resources, StartTimeout
from settings.services import SERVICES
from settings.values.addresses import Address, HostName, PublishedPort
from settings.values.amounts import Megabytes, Seconds
from settings.values.units import GB, MB


class NginxResources(Resources):
    """What the nginx container may take of its host."""

    cpus: Cpus = SERVICES["nginx"].needs.cpus
    memory: Memory = SERVICES["nginx"].needs.memory
    memory_reservation: Reservation = SERVICES["nginx"].needs.reserved


class PublishSettings(Block):
    """Where the host takes requests for nginx."""

    address: Address = IPv4Address("127.0.0.1")
    """Address of the host that nginx listens on."""
    port: PublishedPort = 8080
    """Port for HTTP; with TLS it redirects to HTTPS."""
    tls_port: PublishedPort = 8443
    """Port for HTTPS; used with TLS only."""


class RateLimit(Block):
    """How many requests one client address may make."""

    requests_per_second: Annotated[int, Field(ge=1, le=100_000)] = 50
    """Requests a second, on average."""
    burst: Annotated[int, Field(ge=0, le=100_000)] = 100
    """Requests above the rate that are served at once before nginx answers 429."""


class NginxSettings(Block):
    """The reverse proxy, the one service that is published."""

    resources: NginxResources = NginxResources()
    """What the container may take of its host."""
    start_timeout: StartTimeout = 2 * MINUTE
    publish: PublishSettings = PublishSettings()
    """Where the host takes requests."""
    tls: bool = False
    """Serve HTTPS."""
    certificate: Literal["secrets", "cloudflare"] = "secrets"
    """Where the certificate for HTTPS comes from: the secrets tls_certificate and tls_key, or Cloudflare's Origin CA,
    by cloudflare_api_token. Cloudflare's proxy and tunnels trust the latter, and no browser does."""
    real_ip: Literal["none", "cloudflare"] = "none"
    """Who may say, in the header CF-Connecting-IP, which client a request is from: nobody, or the addresses that
    Cloudflare publishes as its own, for a domain that Cloudflare's proxy stands in front of."""
    client_max_body_size: Annotated[Megabytes, Field(ge=1 * MB, le=100 * GB)] = 10 * MB
    """Size of the largest request body."""
    hosts: list[HostName] = []
    """Host names and addresses that requests may be for, beside the domain, those of the tunnel, and the address that
    nginx is published at (with localhost for 127.0.0.1). Other requests get 421."""
    any_host: bool = False
    """Answer requests for any host, and WebSockets from any page, as for a name that no one knows before."""
    rate_limit: RateLimit = RateLimit()
    """How many requests one client address may make."""
    websocket_timeout: Annotated[Seconds, Field(ge=1 * MINUTE, le=30 * DAY)] = 24 * HOUR
    """How long a WebSocket may stay silent before nginx closes it."""
