"""User-defined bridge networks, so that each part reaches only what it must."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network

import pulumi
import pulumi_docker as docker

from components.core.naming import SYSTEM, Naming
from settings.blocks.network import NetworkSettings


@dataclass(frozen=True)
class NetworkArgs:
    """`subnet` is the network's whole range; an `internal` network has no way out of the host."""

    naming: Naming
    subnet: IPv4Network
    internal: bool


class Network(pulumi.ComponentResource):
    """One bridge network.

    Docker hands out addresses from the upper half of the subnet; the lower half is for fixed ones
    (`fixed_address`), so that the two never meet.
    """

    name: pulumi.Output[str]

    def __init__(self, name: str, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"{SYSTEM}:components:Network", name, None, opts)
        self.args = args
        self.key = name
        _, upper = args.subnet.subnets(prefixlen_diff=1)
        network = docker.Network(
            name,
            name=args.naming.network(name),
            driver="bridge",
            internal=args.internal,
            ipv6=False,
            ipam_configs=[
                docker.NetworkIpamConfigArgs(subnet=str(args.subnet), gateway=str(args.subnet[1]), ip_range=str(upper))
            ],
            labels=[
                docker.NetworkLabelArgs(label=label, value=value) for label, value in args.naming.owned(name).items()
            ],
            opts=pulumi.ResourceOptions(
                parent=self,
                # Two networks can't have one subnet, so the old one has to go first.
                delete_before_replace=True,
                # None replaces a network for its labels, and each container that is on it.
                ignore_changes=["labels"],
            ),
        )
        self.name = network.name
        self.register_outputs({"name": self.name, "subnet": str(args.subnet)})

    def fixed_address(self, host: int) -> str:
        """The `host`-th address of the subnet, outside of what Docker hands out.

        Raises:
            ValueError: `host` is the network's own address, the gateway's, or in the upper half.
        """
        if not 2 <= host < self.args.subnet.num_addresses // 2:
            raise ValueError(f"no fixed address {host} in {self.args.subnet}")
        return str(self.args.subnet[host])


class Networks(pulumi.ComponentResource):
    """The networks of a stack.

    `edge`: nginx and what it passes requests to. `data`: the stores and what uses them, with no way
    out. `egress`: what has to call out. `debug` exists only where a debug port is published: Docker
    publishes no port of a container that is on internal networks alone.
    """

    edge: Network
    data: Network
    egress: Network
    debug: Network | None

    def __init__(
        self,
        name: str,
        naming: Naming,
        settings: NetworkSettings,
        *,
        debug: bool,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(f"{SYSTEM}:components:Networks", name, None, opts)

        def network(key: str, subnet: IPv4Network, *, internal: bool = False) -> Network:
            return Network(
                key,
                NetworkArgs(naming, subnet, internal),
                pulumi.ResourceOptions(parent=self),
            )

        self.edge = network("edge", settings.edge)
        self.data = network("data", settings.data, internal=True)
        self.egress = network("egress", settings.egress)
        self.debug = network("debug", settings.debug) if debug else None
        made = [self.edge, self.data, self.egress, *([self.debug] if self.debug else [])]
        self.names: dict[str, pulumi.Output[str]] = {each.key: each.name for each in made}
        self.register_outputs(self.names)
