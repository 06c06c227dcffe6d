"""The front door: the only container that publishes a port, and with a tunnel not even that."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path

import pulumi

from components.app import api, dashboard
from components.app.slots import Slots
from components.core.context import Context
from components.core.naming import SYSTEM
from components.core.options import child_after
from components.core.part import Assembly, Part
from components.core.rendering import render
from components.core.runtime import Given
from components.runtime.volumes import RuntimeVolume
from components.secrets.certificates import KeyPair, configured_key_pair
from components.spec.container import EDGE, Attachment, HealthCheck, Limits, Mount, PublishedPort, ServiceSpec
from settings.blocks.nginx import NginxSettings
from settings.releases import SLOTS
from settings.services import SERVICES
from settings.values.image_ref import ImageRef

HTTP_PORT = 8080
HTTPS_PORT = 8443
HEALTH_PORT = 8081

#: The volume in which it keeps which release serves and whether the site is closed, and where.
VOLUME = "release"
VOLUME_PATH = "/var/lib/nginx"

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

#: Seconds: two years, what browsers' preload lists and Mozilla's guidelines ask for.
HSTS_MAX_AGE = 63_072_000

#: The addresses that Cloudflare's proxy sends requests from, with their source and date. They change every few years.
CLOUDFLARE_RANGES = Path(__file__).parent / "cloudflare_ranges.json"

#: Seconds that a connection from before a change of nginx's files may live on, such as a WebSocket, which comes back
#: by itself. Each change leaves two processes behind for as long.
OLD_CONNECTIONS_TIMEOUT = 600


@dataclass(frozen=True)
class NginxArgs:
    """`api` and `dashboard` are upstreams by slot, each `address:port`, and `hosts` what requests may be for, in lower
    case, beside `settings.any_host`. With `tunnel`, requests come through one.

    `key_pair` is what TLS is served with, where the settings ask for TLS: the certificate, followed by those between
    it and the root, and its key. `hsts` tells browsers to come with TLS only, for two years.
    """

    context: Context
    settings: NginxSettings
    image: ImageRef
    domain: str
    hosts: Sequence[str]
    api: Mapping[str, str]
    dashboard: Mapping[str, str]
    key_pair: pulumi.Output[KeyPair] | None = None
    hsts: bool = False
    tunnel: bool = False


class Nginx(pulumi.ComponentResource):
    """The reverse proxy in front of api and dashboard. It takes up changed files without dropping a request."""

    container_name: pulumi.Output[str]
    url: str
    origin: str
    """Its own URL, for what is on its network."""

    def __init__(self, name: str, args: NginxArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"{SYSTEM}:components:Nginx", name, None, opts)
        contents: dict[str, pulumi.Input[str]] = {
            "nginx.conf": server_config(
                args.settings,
                domain=args.domain,
                hosts=args.hosts,
                api=args.api,
                dashboard=args.dashboard,
                hsts=args.hsts,
                tunnel_network=args.context.networks.edge.args.subnet if args.tunnel else None,
            )
        }
        if args.key_pair is not None:
            contents["tls.crt"] = args.key_pair.apply(lambda pair: pair.certificate)
            contents["tls.key"] = args.key_pair.apply(lambda pair: pair.key)
        kept = RuntimeVolume(VOLUME, args.context.naming, name, pulumi.ResourceOptions(parent=self))
        workload = args.context.runtime.service(
            name,
            spec(args.settings, args.image, [*contents], tls=args.key_pair is not None, tunnel=args.tunnel),
            Given(files=contents, volumes={VOLUME: kept}),
            child_after(self, opts),
        )
        self.url = public_url(args.settings, args.domain, tunnel=args.tunnel)
        self.origin = f"https://{name}:{HTTPS_PORT}" if args.key_pair else f"http://{name}:{HTTP_PORT}"
        self.container_name = workload.container_name
        self.register_outputs({"container_name": self.container_name, "url": self.url})


def spec(
    settings: NginxSettings, image: ImageRef, files: Sequence[str], *, tls: bool = False, tunnel: bool = False
) -> ServiceSpec:
    """The server. With a tunnel it publishes nothing."""
    publish = settings.publish
    ports = [
        PublishedPort(HTTP_PORT, publish.port, str(publish.address)),
        *([PublishedPort(HTTPS_PORT, publish.tls_port, str(publish.address))] if tls else []),
    ]
    return ServiceSpec(
        service=SERVICES["nginx"].name,
        image=image,
        user=SERVICES["nginx"].user,
        limits=Limits.of(settings.resources),
        env={"HEALTH_PORT": str(HEALTH_PORT)},
        files=files,
        mounts=[Mount(VOLUME, VOLUME_PATH)],
        reload=True,
        networks=[Attachment(EDGE)],
        ports=[] if tunnel else ports,
        wait_timeout=settings.start_timeout,
        health=HealthCheck(["healthcheck"]),
        stop_timeout=STOP_TIMEOUT,
    )


def public_url(settings: NginxSettings, domain: str, *, tunnel: bool = False) -> str:
    """What a user types: scheme, host, and the port where it isn't the scheme's own."""
    if tunnel:
        return f"https://{domain}"
    scheme, port, default = (
        ("https", settings.publish.tls_port, 443) if settings.tls else ("http", settings.publish.port, 80)
    )
    return f"{scheme}://{domain}" + (f":{port}" if port != default else "")


def server_config(
    settings: NginxSettings,
    *,
    domain: str,
    hosts: Sequence[str],
    api: Mapping[str, str],
    dashboard: Mapping[str, str],
    hsts: bool = False,
    tunnel_network: IPv4Network | None = None,
) -> str:
    """nginx.conf. The files that it names lie beside it, wherever that is.

    `api` and `dashboard` are upstreams by the slot of their release. `tunnel_network` is where a tunnel's requests come
    from, if there is one.
    """
    through_tunnel = tunnel_network is not None
    return render(
        "nginx.conf",
        settings=settings,
        hosts=hosts,
        api=api,
        dashboard=dashboard,
        http_port=HTTP_PORT,
        https_port=HTTPS_PORT,
        health_port=HEALTH_PORT,
        public_url=public_url(settings, domain, tunnel=through_tunnel),
        through_tunnel=through_tunnel,
        trusted_proxies=_trusted_proxies(settings, tunnel_network),
        content_security_policy=CONTENT_SECURITY_POLICY,
        hsts_max_age=HSTS_MAX_AGE if hsts and (settings.tls or through_tunnel) else None,
        old_connections_timeout=OLD_CONNECTIONS_TIMEOUT,
    )


def _trusted_proxies(settings: NginxSettings, tunnel_network: IPv4Network | None) -> Sequence[str]:
    """The subnets from which CF-Connecting-IP is believed."""
    if tunnel_network is not None:
        return [str(tunnel_network)]
    return cloudflare_ranges() if settings.real_ip == "cloudflare" else []


def cloudflare_ranges() -> Sequence[str]:
    """The addresses of Cloudflare's proxy, as subnets."""
    ranges: list[str] = json.loads(CLOUDFLARE_RANGES.read_text())["ranges"]
    return ranges


def part(stack: Assembly) -> Part:
    """nginx, when what is behind it works."""
    settings, edge = stack.settings, stack.context.networks.edge
    args = NginxArgs(
        stack.context,
        settings.nginx,
        stack.image("nginx"),
        settings.domain,
        settings.served_hosts,
        {slot: f"{api.address(edge, slot)}:{api.PORT}" for slot in SLOTS},
        {slot: f"{dashboard.address(edge, slot)}:{dashboard.PORT}" for slot in SLOTS},
        key_pair=_key_pair(stack),
        hsts=settings.hsts,
        tunnel=settings.tunnel is not None,
    )
    nginx = stack.keep(Nginx("nginx", args, stack.options(*stack.get(Slots).made.values())))
    return Part(containers={"nginx": nginx.container_name}, outputs={"url": nginx.url})


def _key_pair(stack: Assembly) -> pulumi.Output[KeyPair] | None:
    """What nginx serves TLS with, if it does."""
    settings = stack.settings
    if not settings.nginx.tls:
        return None
    if settings.nginx.certificate == "secrets":
        return configured_key_pair()
    # Its package takes seconds to import, and most stacks have none.
    from components.edge.origin_certificate import OriginCertificate  # noqa: PLC0415

    return OriginCertificate("origin-certificate", settings.domain, stack.options()).key_pair
