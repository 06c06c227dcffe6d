"""The types of Cloudflare's resources.

Properties are read as `pulumi_cloudflare` 6 names them, and as versions 4 and 5 did.
"""

from __future__ import annotations

from typing import Final

from policies.workloads.tunnels import TUNNELS

#: Tunnels, with those of the first versions of the provider.
ALL_TUNNELS: Final = (*TUNNELS, "cloudflare:index/argoTunnel:ArgoTunnel")
WARP_CONNECTOR: Final = "cloudflare:index/zeroTrustTunnelWarpConnector:ZeroTrustTunnelWarpConnector"
#: What leads people with a WARP client into a network behind a tunnel, past every ingress rule.
PRIVATE_ROUTES: Final = {
    "cloudflare:index/zeroTrustTunnelCloudflaredRoute:ZeroTrustTunnelCloudflaredRoute": "network",
    "cloudflare:index/zeroTrustTunnelRoute:ZeroTrustTunnelRoute": "network",
    "cloudflare:index/tunnelRoute:TunnelRoute": "network",
    "cloudflare:index/zeroTrustNetworkHostnameRoute:ZeroTrustNetworkHostnameRoute": "hostname",
    WARP_CONNECTOR: "name",
}
RECORDS: Final = ("cloudflare:index/dnsRecord:DnsRecord", "cloudflare:index/record:Record")
APPLICATIONS: Final = (
    "cloudflare:index/zeroTrustAccessApplication:ZeroTrustAccessApplication",
    "cloudflare:index/accessApplication:AccessApplication",
)
ACCESS_POLICIES: Final = (
    "cloudflare:index/zeroTrustAccessPolicy:ZeroTrustAccessPolicy",
    "cloudflare:index/accessPolicy:AccessPolicy",
)
GROUPS: Final = (
    "cloudflare:index/zeroTrustAccessGroup:ZeroTrustAccessGroup",
    "cloudflare:index/accessGroup:AccessGroup",
)

CONFIG_PROPERTY = ("config",)
