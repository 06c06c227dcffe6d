"""The tunnel: what it needs, and the names that lead to it."""

from collections.abc import Iterator
from typing import Final

from settings.errors import Path, key_text
from settings.rules.conflict import ENVIRONMENT, Conflict, Rule, is_local
from settings.stack import Settings

_TUNNEL: Final[Path] = ("tunnel",)


def tunnel_is_not_for_dev(settings: Settings) -> Iterator[Conflict]:
    """A tunnel is for staging and prod: the passphrase that encrypts dev's secrets is known to everybody."""
    if settings.tunnel is not None and settings.environment == "dev":
        yield Conflict(_TUNNEL, "is allowed in staging and prod only, and this is dev; remove it", (ENVIRONMENT,))


def tunnel_is_the_only_way_in(settings: Settings) -> Iterator[Conflict]:
    """With a tunnel nothing is published on the host."""
    if settings.tunnel is not None and "publish" in settings.nginx.model_fields_set:
        yield Conflict(
            ("nginx", "publish"),
            f"is for a stack without {key_text(_TUNNEL)}, with which the host publishes nothing; remove one of the two",
        )


def tunnel_says_who_asks(settings: Settings) -> Iterator[Conflict]:
    """With a tunnel the client's address comes through it, and from nowhere else."""
    path: Path = ("nginx", "real_ip")
    if settings.tunnel is not None and "real_ip" in settings.nginx.model_fields_set:
        yield Conflict(
            path,
            f"is for a stack without {key_text(_TUNNEL)}, which tells the client's address itself; remove it",
        )


def tunnel_is_complete(settings: Settings) -> Iterator[Conflict]:
    """A tunnel comes with the name that users type and the token of Cloudflare's API."""
    # In dev a tunnel is refused: what it would need is no help.
    if settings.tunnel is None or settings.environment == "dev":
        return
    needed: dict[Path, bool] = {
        ("domain",): "domain" in settings.model_fields_set,
        ("cloudflare_api_token",): "cloudflare_api_token" in settings.secrets,
    }
    for path, given in needed.items():
        if not given:
            yield Conflict(path, f"is required by {key_text(_TUNNEL)}", missing=True)


def tunnel_ids_differ(settings: Settings) -> Iterator[Conflict]:
    """An account and a zone have different ids."""
    tunnel = settings.tunnel
    if tunnel is not None and tunnel.account_id == tunnel.zone_id:
        account: Path = (*_TUNNEL, "account_id")
        yield Conflict((*_TUNNEL, "zone_id"), f"is {key_text(account)} too; one of the two is wrong", (account,))


def hostnames_are_in_the_zone(settings: Settings) -> Iterator[Conflict]:
    """The host names of a tunnel, and the domain, are the zone's name or names below it."""
    if settings.tunnel is None or settings.environment == "dev":
        return
    zone: Path = (*_TUNNEL, "zone")
    name = settings.tunnel.zone
    if "." not in name or is_local(name):
        yield Conflict(zone, "must be the public name of a zone such as example.com")
        return
    for path, hostnames in _hostnames(settings).items():
        outside = [each for each in hostnames if each != name and not each.endswith(f".{name}")]
        if outside:
            yield Conflict(path, f"must be in {key_text(zone)} ({name}), unlike {', '.join(outside)}", (zone,))


def hostnames_include_the_domain(settings: Settings) -> Iterator[Conflict]:
    """Where a tunnel's host names are listed, the domain is one of them, and it is not for administrators only."""
    if settings.tunnel is None:
        return
    domain: Path = ("domain",)
    hostnames, administrators = settings.tunnel.hostnames, settings.tunnel.administrators
    if hostnames and settings.domain not in hostnames:
        path: Path = (*_TUNNEL, "hostnames")
        yield Conflict(path, f"must include {key_text(domain)} ({settings.domain}), which users type", (domain,))
    if administrators is not None and settings.domain in administrators.hostnames:
        path = (*_TUNNEL, "administrators", "hostnames")
        yield Conflict(path, f"must not include {key_text(domain)} ({settings.domain}), which is for users", (domain,))


def tunnel_lists_are_filled(settings: Settings) -> Iterator[Conflict]:
    """Host names for administrators and the people who may use them are given together, and nothing twice."""
    if settings.tunnel is None:
        return
    administrators = settings.tunnel.administrators
    users: Path = (*_TUNNEL, "hostnames")
    lists: dict[Path, list[str]] = {users: settings.tunnel.hostnames}
    if administrators is not None:
        for key, values in administrators:
            path = (*_TUNNEL, "administrators", key)
            lists[path] = values
            if not values:
                yield Conflict(path, f"must name at least one; or remove {key_text((*_TUNNEL, 'administrators'))}")
        both = [each for each in administrators.hostnames if each in settings.tunnel.hostnames]
        if both:
            yield Conflict(
                (*_TUNNEL, "administrators", "hostnames"),
                f"must have nothing of {key_text(users)}, such as {', '.join(both)}",
                (users,),
            )
    for path, values in lists.items():
        twice = sorted({each for each in values if values.count(each) > 1})
        if twice:
            yield Conflict(path, f"must have each item once, unlike {', '.join(twice)}")


def _hostnames(settings: Settings) -> dict[Path, list[str]]:
    """The names that a tunnel leads here, by the setting that gives them."""
    names: dict[Path, list[str]] = {("domain",): [settings.domain]}
    if settings.tunnel is not None:
        names[*_TUNNEL, "hostnames"] = settings.tunnel.hostnames
        if settings.tunnel.administrators is not None:
            names[*_TUNNEL, "administrators", "hostnames"] = settings.tunnel.administrators.hostnames
    return names


RULES: Final[tuple[Rule, ...]] = (
    tunnel_is_not_for_dev,
    tunnel_is_the_only_way_in,
    tunnel_says_who_asks,
    tunnel_is_complete,
    tunnel_ids_differ,
    hostnames_are_in_the_zone,
    hostnames_include_the_domain,
    tunnel_lists_are_filled,
)
