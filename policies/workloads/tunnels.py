"""The types of Cloudflare's tunnels and of their configs, by version of the provider."""

from __future__ import annotations

from typing import Final

TUNNELS: Final = (
    "cloudflare:index/zeroTrustTunnelCloudflared:ZeroTrustTunnelCloudflared",
    "cloudflare:index/tunnel:Tunnel",
)
TUNNEL_CONFIGS: Final = (
    "cloudflare:index/zeroTrustTunnelCloudflaredConfig:ZeroTrustTunnelCloudflaredConfig",
    "cloudflare:index/tunnelConfig:TunnelConfig",
)
