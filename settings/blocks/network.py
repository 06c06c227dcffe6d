"""The block `network`."""

from ipaddress import IPv4Network

from settings.blocks.block import Block
from settings.values.addresses import Subnet


class NetworkSettings(Block):
    """The subnets of the stack's Docker networks. Stacks on one host need different ones."""

    edge: Subnet = IPv4Network("172.20.0.0/24")
    """nginx, dashboard, api and the tunnel."""
    data: Subnet = IPv4Network("172.20.1.0/24")
    """api, worker, postgres and nats; no way out of the host."""
    egress: Subnet = IPv4Network("172.20.2.0/24")
    """What has to call out of the host: api, worker and the tunnel."""
    monitoring: Subnet = IPv4Network("172.20.3.0/24")
    """Kept for monitoring; no way out of the host."""
    debug: Subnet = IPv4Network("172.20.4.0/24")
    """postgres and nats where they have a debug port; made only then."""
