"""The way in through Cloudflare: a tunnel, its host names, and who may use those of administrators.

Only a stack with a tunnel imports this module: its provider's package takes seconds.
"""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_cloudflare as cloudflare

from components.core.context import Context
from components.core.naming import SYSTEM
from components.core.options import child_after
from components.edge.cloudflare_errors import advising
from components.edge.cloudflared import Cloudflared, CloudflaredArgs
from components.spec.container import MOUNT_PATH
from settings.blocks.tunnel import TunnelSettings
from settings.values.image_ref import ImageRef

#: The file with the authority of nginx's certificate.
CA_FILE = "ca.crt"

NOT_FOUND = "http_status:404"

#: Seconds, as Cloudflare has it: "automatic", and the only one for a name that it proxies.
AUTOMATIC_TTL = 1

#: How long somebody stays logged in on a host name for administrators.
SESSION_DURATION = "12h"


@dataclass(frozen=True)
class TunnelArgs:
    """`origin` is nginx's URL on the network `edge`, and `domain` the name in its certificate where that has TLS.

    `secrets` are the names of the config secrets that are set.
    """

    context: Context
    settings: TunnelSettings
    image: ImageRef
    domain: str
    origin: str
    secrets: frozenset[str]


class Tunnel(pulumi.ComponentResource):
    """A Cloudflare Tunnel that leads to nginx and nowhere else, and the containers that hold it open."""

    containers: dict[str, pulumi.Output[str]]
    """Container name by service."""

    def __init__(self, name: str, args: TunnelArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"{SYSTEM}:components:Tunnel", name, None, opts)
        settings, config = args.settings, pulumi.Config()
        provider = cloudflare.Provider(
            "cloudflare",
            api_token=config.require_secret("cloudflare_api_token"),
            opts=pulumi.ResourceOptions(parent=self),
        )
        hooks = advising(name)

        def options(*first: pulumi.Resource, protect: bool = False) -> pulumi.ResourceOptions:
            return pulumi.ResourceOptions(
                parent=self, provider=provider, depends_on=list(first), protect=protect, hooks=hooks
            )

        # Cloudflare keeps a tunnel that was deleted while in use, and its name (pulumi-cloudflare #1440). So nothing
        # replaces or deletes this one by accident, and should it have to be replaced after all, the new one is tried
        # first and the old one goes on.
        tunnel = cloudflare.ZeroTrustTunnelCloudflared(
            name,
            account_id=settings.account_id,
            name=args.context.naming.tunnel(),
            config_src="cloudflare",
            opts=pulumi.ResourceOptions.merge(
                options(protect=True),
                # What a refresh reads back of it was not always what is so (terraform-provider-cloudflare #5363).
                pulumi.ResourceOptions(ignore_changes=["configSrc", "tunnelSecret"]),
            ),
        )
        ca = "tls_ca_certificate" in args.secrets and args.origin.startswith("https:")
        origin = origin_request(args.origin, args.domain, ca_pool=f"{MOUNT_PATH}/{CA_FILE}" if ca else None)
        users = settings.hostnames or [args.domain]
        administrators = settings.administrators.hostnames if settings.administrators else []
        # Before there is a way to what they guard.
        guards = _guards(args, options())
        rules = cloudflare.ZeroTrustTunnelCloudflaredConfig(
            name,
            account_id=settings.account_id,
            tunnel_id=tunnel.id,
            source="cloudflare",
            config=cloudflare.ZeroTrustTunnelCloudflaredConfigConfigArgs(
                ingresses=[
                    *(
                        cloudflare.ZeroTrustTunnelCloudflaredConfigConfigIngressArgs(
                            hostname=hostname, service=args.origin, origin_request=origin
                        )
                        for hostname in (*users, *administrators)
                    ),
                    cloudflare.ZeroTrustTunnelCloudflaredConfigConfigIngressArgs(service=NOT_FOUND),
                ]
            ),
            opts=options(*guards),
        )
        token = cloudflare.get_zero_trust_tunnel_cloudflared_token_output(
            account_id=settings.account_id, tunnel_id=tunnel.id, opts=pulumi.InvokeOutputOptions(provider=provider)
        )
        cloudflared = Cloudflared(
            "cloudflared",
            CloudflaredArgs(
                args.context,
                settings,
                args.image,
                pulumi.Output.secret(token.token),
                {CA_FILE: config.require_secret("tls_ca_certificate")} if ca else {},
            ),
            child_after(self, opts, rules),
        )
        for hostname in (*users, *administrators):
            cloudflare.DnsRecord(
                hostname,
                zone_id=settings.zone_id,
                name=hostname,
                type="CNAME",
                content=pulumi.Output.concat(tunnel.id, ".cfargotunnel.com"),
                proxied=True,
                ttl=AUTOMATIC_TTL,
                # A name leads here when somebody answers.
                opts=options(*guards, *cloudflared.replicas),
            )
        self.containers = cloudflared.containers
        self.register_outputs({"tunnel_id": tunnel.id})


def origin_request(
    origin: str, name: str, *, ca_pool: str | None
) -> cloudflare.ZeroTrustTunnelCloudflaredConfigConfigIngressOriginRequestArgs | None:
    """How nginx is asked: with TLS its certificate is verified, by the name that users type."""
    if not origin.startswith("https:"):
        return None
    return cloudflare.ZeroTrustTunnelCloudflaredConfigConfigIngressOriginRequestArgs(
        origin_server_name=name, ca_pool=ca_pool
    )


def _guards(args: TunnelArgs, opts: pulumi.ResourceOptions) -> list[pulumi.Resource]:
    """What lets none but the administrators to their host names."""
    settings = args.settings
    if settings.administrators is None:
        return []
    policy = cloudflare.ZeroTrustAccessPolicy(
        "administrators",
        account_id=settings.account_id,
        name=f"{args.context.naming.tunnel()} administrators",
        decision="allow",
        includes=[
            cloudflare.ZeroTrustAccessPolicyIncludeArgs(
                email=cloudflare.ZeroTrustAccessPolicyIncludeEmailArgs(email=email)
            )
            for email in sorted(settings.administrators.emails)
        ],
        session_duration=SESSION_DURATION,
        opts=opts,
    )
    applications = [
        cloudflare.ZeroTrustAccessApplication(
            hostname,
            account_id=settings.account_id,
            name=hostname,
            type="self_hosted",
            domain=hostname,
            session_duration=SESSION_DURATION,
            policies=[cloudflare.ZeroTrustAccessApplicationPolicyArgs(id=policy.id, precedence=1)],
            opts=opts,
        )
        for hostname in settings.administrators.hostnames
    ]
    return [policy, *applications]
