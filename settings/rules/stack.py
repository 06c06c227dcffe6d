"""Networks, ports, images and domain of a stack."""

from collections.abc import Iterator
from itertools import combinations
from typing import Final

from settings.blocks.network import NetworkSettings
from settings.errors import Path, key_text
from settings.rules.conflict import ENVIRONMENT, Conflict, Rule, is_local
from settings.services import WITH_IMAGES
from settings.stack import Settings


def subnets_are_apart(settings: Settings) -> Iterator[Conflict]:
    """No two networks of the stack share an address."""
    for first, second in combinations(NetworkSettings.model_fields, 2):
        a, b = getattr(settings.network, first), getattr(settings.network, second)
        if a.overlaps(b):
            other = ("network", first)
            yield Conflict(
                ("network", second),
                f"overlaps {key_text(other)} ({a}); give each network a subnet of its own",
                (other,),
            )


def services_have_images(settings: Settings) -> Iterator[Conflict]:
    """A service that a stack may do without comes with an image."""
    given = {service.name for service, _ in settings.images.given()}
    for service in WITH_IMAGES.values():
        # In dev a tunnel is refused: what it would need is no help.
        wanted = settings.has(service) and (service.local or settings.environment != "dev")
        if wanted and service.name not in given:
            yield Conflict(("images", service.key), f"is required by {key_text(service.block)}", missing=True)


def ports_differ(settings: Settings) -> Iterator[Conflict]:
    """No two services publish the same port, on whatever address."""
    publish = settings.nginx.publish
    tls: Path = ("nginx", "tls")
    ports: dict[Path, int | None] = {
        ("nginx", "publish", "port"): publish.port if settings.tunnel is None else None,
        ("nginx", "publish", "tls_port"): publish.tls_port if settings.nginx.tls and settings.tunnel is None else None,
        **_debug_ports(settings),
    }
    for (first, a), (second, b) in combinations(ports.items(), 2):
        if a is not None and a == b:
            yield Conflict(second, f"is the port of {key_text(first)} too", (first, tls))


def debug_ports_are_for_dev(settings: Settings) -> Iterator[Conflict]:
    """PostgreSQL and NATS are never published outside dev."""
    for path, port in _debug_ports(settings).items():
        if port is not None and settings.environment != "dev":
            yield Conflict(
                path,
                f"is allowed in dev only, and this is {settings.environment}; remove it",
                (ENVIRONMENT,),
            )


def images_are_pinned(settings: Settings) -> Iterator[Conflict]:
    """Outside dev an image is named by its digest, so that what was tested is what runs."""
    for service, image in settings.images.given():
        if settings.environment != "dev" and image.digest is None:
            yield Conflict(
                ("images", service.key),
                f"must end in a digest (@sha256:<64 hex digits>) in {settings.environment}",
                (ENVIRONMENT,),
            )


def domain_is_public(settings: Settings) -> Iterator[Conflict]:
    """prod has a name that its users can reach and that a certificate can be had for."""
    if settings.environment != "prod":
        return
    if "domain" not in settings.model_fields_set:
        yield Conflict(("domain",), "is required in prod", (ENVIRONMENT,), missing=True)
    elif is_local(settings.domain):
        yield Conflict(
            ("domain",),
            "must be a public host name in prod: not localhost, an address or a .local name",
            (ENVIRONMENT,),
        )


def _debug_ports(settings: Settings) -> dict[Path, int | None]:
    return {
        ("postgres", "debug_port"): settings.postgres.debug_port,
        ("nats", "debug_port"): settings.nats.debug_port,
        ("nats", "debug_monitor_port"): settings.nats.debug_monitor_port,
    }


RULES: Final[tuple[Rule, ...]] = (
    subnets_are_apart,
    services_have_images,
    ports_differ,
    debug_ports_are_for_dev,
    images_are_pinned,
    domain_is_public,
)
