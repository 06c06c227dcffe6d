"""The front door: the only container that publishes a port, and with a tunnel not even that."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network

import pulumi

from components.context import Context
from components.files import MOUNT_PATH
from components.naming import SYSTEM
from components.options import child_after
from components.rendering import render
from components.workload import (
    Attachment,
    HealthCheck,
    PublishedPort,
    Workload,
    WorkloadArgs,
)
from settings.models import NginxSettings

HTTP_PORT = 8080
HTTPS_PORT = 8443
HEALTH_PORT = 8081
USER = "10003:10003"

#: Seconds for requests in flight; WebSockets reconnect.
STOP_TIMEOUT = 30

#: The page's scripts, styles and connections come from its own origin, and nothing else is allowed.
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)

#: Seconds: two years, what browsers' preload lists ask for.
HSTS_MAX_AGE = 63_072_000


@dataclass(frozen=True)
class NginxArgs:
    """`api` and `dashboard` are upstreams, `address:port`. With `tunnel`, requests come through one.

    With TLS, certificate and key come from the config secrets tls_certificate and tls_key.
    """

    context: Context
    settings: NginxSettings
    image: str
    domain: str
    api: str
    dashboard: str
    tunnel: bool = False


class Nginx(pulumi.ComponentResource):
    """The reverse proxy in front of api and dashboard."""

    container_name: pulumi.Output[str]
    url: str
    origin: str
    """Its own URL, for what is on its network."""

    def __init__(self, name: str, args: NginxArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"{SYSTEM}:components:Nginx", name, None, opts)
        publish, tls = args.settings.publish, args.settings.tls
        contents: dict[str, pulumi.Input[str]] = {
            "nginx.conf": server_config(
                args.settings,
                domain=args.domain,
                api=args.api,
                dashboard=args.dashboard,
                tunnel_network=args.context.networks.edge.args.subnet if args.tunnel else None,
            )
        }
        ports = [PublishedPort(HTTP_PORT, publish.port, str(publish.address))]
        if tls:
            config = pulumi.Config()
            contents["tls.crt"] = config.require_secret("tls_certificate")
            contents["tls.key"] = config.require_secret("tls_key")
            ports.append(PublishedPort(HTTPS_PORT, publish.tls_port, str(publish.address)))
        workload = Workload(
            name,
            WorkloadArgs(
                context=args.context,
                service=name,
                image=args.image,
                user=USER,
                resources=args.settings.resources,
                files=contents,
                networks=[Attachment(args.context.networks.edge)],
                ports=[] if args.tunnel else ports,
                wait_timeout=args.settings.start_timeout,
                health=HealthCheck(["curl", "-fsS", f"http://127.0.0.1:{HEALTH_PORT}/healthz"]),
                stop_timeout=STOP_TIMEOUT,
            ),
            child_after(self, opts),
        )
        self.url = public_url(args.settings, args.domain, tunnel=args.tunnel)
        self.origin = f"https://{name}:{HTTPS_PORT}" if tls else f"http://{name}:{HTTP_PORT}"
        self.container_name = workload.container_name
        self.register_outputs({"container_name": self.container_name, "url": self.url})


def public_url(settings: NginxSettings, domain: str, *, tunnel: bool = False) -> str:
    """What a user types: scheme, host, and the port where it isn't the scheme's own."""
    if tunnel:
        return f"https://{domain}"
    scheme, port, default = (
        ("https", settings.publish.tls_port, 443) if settings.tls else ("http", settings.publish.port, 80)
    )
    return f"{scheme}://{domain}" + (f":{port}" if port != default else "")


def server_config(
    settings: NginxSettings, *, domain: str, api: str, dashboard: str, tunnel_network: IPv4Network | None = None
) -> str:
    """nginx.conf. `tunnel_network` is where a tunnel's requests come from, if there is one."""
    return render(
        "nginx.conf",
        settings=settings,
        api=api,
        dashboard=dashboard,
        files=MOUNT_PATH,
        http_port=HTTP_PORT,
        https_port=HTTPS_PORT,
        health_port=HEALTH_PORT,
        public_url=public_url(settings, domain, tunnel=tunnel_network is not None),
        tunnel_network=tunnel_network,
        content_security_policy=CONTENT_SECURITY_POLICY,
        hsts_max_age=HSTS_MAX_AGE,
    )
