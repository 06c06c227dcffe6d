"""What ties several settings together: one function a rule.

Each takes settings whose single values are all valid and yields a `Conflict` for each thing that does not fit.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address
from itertools import combinations
from typing import Final

from settings.errors import Path, key_text
from settings.models import NetworkSettings, PostgresTuning, Settings, StackConfig
from settings.secrets import BUILT_IN, GENERATED
from settings.units import SECONDS, SIZE

RESERVED_BLOCKS: Final = ("monitoring",)
"""Names of feature blocks that this version does not have yet."""

TAKEN_NAMES: Final = frozenset({*StackConfig.model_fields, *RESERVED_BLOCKS, *BUILT_IN, *GENERATED})
"""What no secret of the app can be called."""

SET_SECRET: Final = "run pulumi config set --secret"  # noqa: S105 - a command, no secret

SERVICES: Final = ("postgres", "nats", "api", "worker", "dashboard", "nginx", "backup", "object_store", "tunnel")

# The usual advice for a dedicated server is 25 %, and no more than 40 %: the rest serves connections and the file cache
# (PostgreSQL manual, "Resource Consumption", shared_buffers).
SHARED_BUFFERS_SHARE: Final = 0.40
# The other half is for connections, the file store's cache and the runtime.
MEMORY_STORE_SHARE: Final = 0.50
# WAL waits for archive_timeout before it is even due.
WAL_AGE_TIMEOUTS: Final = 2

# Parameters that the components set for the stack to work and to be safe, by name and by first letters.
OWN_PARAMETERS: Final = frozenset(
    {
        "config_file",
        "data_directory",
        "dynamic_library_path",
        "external_pid_file",
        "hba_file",
        "ident_file",
        "listen_addresses",
        "local_preload_libraries",
        "log_destination",
        "logging_collector",
        "password_encryption",
        "port",
        "session_preload_libraries",
        "shared_preload_libraries",
        "wal_level",
    }
)
OWN_PARAMETER_FAMILIES: Final = (
    "archive_",
    "include",
    "krb_",
    "log_file",
    "recovery_",
    "restore_",
    "ssl",
    "unix_socket_",
)


@dataclass(frozen=True)
class Conflict:
    """A setting that does not fit others.

    `also` names the others that the finding rests on: where one of them was refused, so that its default stands in,
    the finding means nothing and is dropped.
    """

    path: Path
    message: str
    also: tuple[Path, ...] = ()


Rule = Callable[[Settings], Iterator[Conflict]]

_ENVIRONMENT: Final[Path] = ("environment",)
_TUNNEL: Final[Path] = ("tunnel",)


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


def reservations_fit(settings: Settings) -> Iterator[Conflict]:
    """No service reserves more memory than it may use."""
    for service in SERVICES:
        block = getattr(settings, service)
        # The one block of them that a stack may not have.
        if block is None:
            continue
        resources = block.resources
        limit = (service, "resources", "memory")
        if resources.memory_reservation > resources.memory:
            yield Conflict(
                (service, "resources", "memory_reservation"),
                f"must be at most {key_text(limit)} ({SIZE.format(resources.memory)})",
                (limit,),
            )


def shared_buffers_fit(settings: Settings) -> Iterator[Conflict]:
    """PostgreSQL's cache leaves most of the container's memory to all else."""
    memory = settings.postgres.resources.memory
    most = int(memory * SHARED_BUFFERS_SHARE)
    if settings.postgres.tuning.shared_buffers > most:
        limit = ("postgres", "resources", "memory")
        yield Conflict(
            ("postgres", "tuning", "shared_buffers"),
            f"must be at most {SIZE.format(most)}, {SHARED_BUFFERS_SHARE:.0%} of {key_text(limit)}"
            f" ({SIZE.format(memory)})",
            (limit,),
        )


def maintenance_fits_shared_memory(settings: Settings) -> Iterator[Conflict]:
    """A parallel index build keeps maintenance_work_mem in /dev/shm (pgvector's HNSW does)."""
    memory, shared = settings.postgres.tuning.maintenance_work_mem, settings.postgres.shm_size
    if memory > shared:
        limit = ("postgres", "shm_size")
        yield Conflict(
            ("postgres", "tuning", "maintenance_work_mem"),
            f"must be at most {key_text(limit)} ({SIZE.format(shared)}), where parallel index builds keep it",
            (limit,),
        )


def memory_store_fits(settings: Settings) -> Iterator[Conflict]:
    """JetStream's memory streams leave half of the container's memory to all else."""
    memory = settings.nats.resources.memory
    most = int(memory * MEMORY_STORE_SHARE)
    if settings.nats.max_memory_store > most:
        limit = ("nats", "resources", "memory")
        yield Conflict(
            ("nats", "max_memory_store"),
            f"must be at most {SIZE.format(most)}, {MEMORY_STORE_SHARE:.0%} of {key_text(limit)}"
            f" ({SIZE.format(memory)})",
            (limit,),
        )


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
                (_ENVIRONMENT,),
            )


def images_are_pinned(settings: Settings) -> Iterator[Conflict]:
    """Outside dev an image is named by its digest, so that what was tested is what runs."""
    for service, reference in settings.images:
        if settings.environment != "dev" and reference is not None and "@sha256:" not in reference:
            yield Conflict(
                ("images", service),
                f"must end in a digest (@sha256:<64 hex digits>) in {settings.environment}",
                (_ENVIRONMENT,),
            )


def domain_is_public(settings: Settings) -> Iterator[Conflict]:
    """prod has a name that its users can reach and that a certificate can be had for."""
    if settings.environment == "prod" and _is_local(settings.domain):
        yield Conflict(
            ("domain",),
            "must be a public host name in prod: not localhost, an address or a .local name",
            (_ENVIRONMENT,),
        )


def parameters_are_free(settings: Settings) -> Iterator[Conflict]:
    """`parameters` sets nothing that has a key of its own or that the program needs to set."""
    tuning: Path = ("postgres", "tuning")
    for name in settings.postgres.tuning.parameters:
        path = (*tuning, "parameters", name)
        if name in PostgresTuning.model_fields:
            yield Conflict(path, f"has a key of its own: {key_text((*tuning, name))}")
        elif name in OWN_PARAMETERS or name.startswith(OWN_PARAMETER_FAMILIES):
            yield Conflict(path, "is set by the program and can't be changed; remove it")


def app_secrets_have_free_names(settings: Settings) -> Iterator[Conflict]:
    """A secret of the app takes no name that means something else."""
    for name in settings.app_secrets:
        if name in TAKEN_NAMES:
            yield Conflict(("app_secrets", name), "is a name that the program uses itself; choose another")


def app_secrets_are_given(settings: Settings) -> Iterator[Conflict]:
    """Each secret that the app asks for is there."""
    for name in settings.app_secrets:
        if name not in settings.secrets and name not in TAKEN_NAMES:
            asked: Path = ("app_secrets", name)
            yield Conflict((name,), f"is required by {key_text(asked)}; {SET_SECRET} {name}", (asked,))


def tls_secrets_are_given(settings: Settings) -> Iterator[Conflict]:
    """TLS comes with a certificate and its key."""
    tls: Path = ("nginx", "tls")
    for name in ("tls_certificate", "tls_key"):
        if settings.nginx.tls and name not in settings.secrets:
            yield Conflict((name,), f"is required by {key_text(tls)}; {SET_SECRET} {name}", (tls,))


def one_database(settings: Settings) -> Iterator[Conflict]:
    """With a database outside, the stack's own PostgreSQL does not exist and can't be set."""
    if settings.external_database and "postgres" in settings.model_fields_set:
        yield Conflict(
            ("postgres",),
            f"is for the stack's own PostgreSQL, which {key_text(('database_url',))} replaces; remove one of the two",
        )


def backups_are_of_own_database(settings: Settings) -> Iterator[Conflict]:
    """Only the stack's own PostgreSQL is backed up."""
    if settings.external_database and "backup" in settings.model_fields_set and settings.backup.enabled:
        yield Conflict(
            ("backup",),
            f"is for the stack's own PostgreSQL, which {key_text(('database_url',))} replaces; remove one of the two",
        )


def repository_is_described(settings: Settings) -> Iterator[Conflict]:
    """A bucket outside the stack is described where it is used, and nowhere else."""
    used, given = settings.backup.repository == "s3", settings.backup.s3 is not None
    path: Path = ("backup", "s3")
    repository: Path = ("backup", "repository")
    if used and not given:
        yield Conflict(path, f"is required by {key_text(repository)} (s3)", (repository,))
    elif given and not used:
        yield Conflict(path, f"is used with {key_text(repository)}: s3 only; set that, or remove it", (repository,))


def repository_keys_are_given(settings: Settings) -> Iterator[Conflict]:
    """A bucket outside the stack comes with its keys."""
    repository: Path = ("backup", "repository")
    for name in ("s3_access_key", "s3_secret_key"):
        if settings.has_backups and settings.backup.repository == "s3" and name not in settings.secrets:
            yield Conflict(
                (name,),
                f"is required by {key_text(repository)} (s3); {SET_SECRET} {name}",
                (repository, ("backup", "enabled")),
            )


def wal_has_time_to_arrive(settings: Settings) -> Iterator[Conflict]:
    """WAL that arrives when it should is no reason to be unhealthy."""
    least = WAL_AGE_TIMEOUTS * settings.backup.archive_timeout
    timeout: Path = ("backup", "archive_timeout")
    if settings.backup.max_wal_age < least:
        yield Conflict(
            ("backup", "max_wal_age"),
            f"must be at least {SECONDS.format(least)}, {WAL_AGE_TIMEOUTS} times {key_text(timeout)}"
            f" ({SECONDS.format(settings.backup.archive_timeout)})",
            (timeout,),
        )


def tunnel_is_not_for_dev(settings: Settings) -> Iterator[Conflict]:
    """A tunnel is for staging and prod: the passphrase that encrypts dev's secrets is known to everybody."""
    if settings.tunnel is not None and settings.environment == "dev":
        yield Conflict(_TUNNEL, "is allowed in staging and prod only, and this is dev; remove it", (_ENVIRONMENT,))


def tunnel_is_the_only_way_in(settings: Settings) -> Iterator[Conflict]:
    """With a tunnel nothing is published on the host."""
    if settings.tunnel is not None and "publish" in settings.nginx.model_fields_set:
        yield Conflict(
            ("nginx", "publish"),
            f"is for a stack without {key_text(_TUNNEL)}, with which the host publishes nothing; remove one of the two",
            (_TUNNEL,),
        )


def tunnel_is_complete(settings: Settings) -> Iterator[Conflict]:
    """A tunnel comes with an image and with the token of Cloudflare's API."""
    if settings.tunnel is None:
        return
    if settings.images.cloudflared is None:
        image: Path = ("images", "cloudflared")
        yield Conflict(image, f"is required by {key_text(_TUNNEL)}", (_TUNNEL,))
    if "cloudflare_api_token" not in settings.secrets:
        name = "cloudflare_api_token"
        yield Conflict((name,), f"is required by {key_text(_TUNNEL)}; {SET_SECRET} {name}", (_TUNNEL,))


def tunnel_ids_differ(settings: Settings) -> Iterator[Conflict]:
    """An account and a zone have different ids."""
    tunnel = settings.tunnel
    if tunnel is not None and tunnel.account_id == tunnel.zone_id:
        account: Path = (*_TUNNEL, "account_id")
        yield Conflict((*_TUNNEL, "zone_id"), f"is {key_text(account)} too; one of the two is wrong", (account,))


def hostnames_are_in_the_zone(settings: Settings) -> Iterator[Conflict]:
    """The host names of a tunnel, and the domain, are the zone's name or names below it."""
    if settings.tunnel is None:
        return
    zone: Path = (*_TUNNEL, "zone")
    name = settings.tunnel.zone
    if "." not in name or _is_local(name):
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


RULES: Final[tuple[Rule, ...]] = (
    subnets_are_apart,
    reservations_fit,
    shared_buffers_fit,
    maintenance_fits_shared_memory,
    memory_store_fits,
    ports_differ,
    debug_ports_are_for_dev,
    images_are_pinned,
    domain_is_public,
    parameters_are_free,
    app_secrets_have_free_names,
    app_secrets_are_given,
    tls_secrets_are_given,
    one_database,
    backups_are_of_own_database,
    repository_is_described,
    repository_keys_are_given,
    wal_has_time_to_arrive,
    tunnel_is_not_for_dev,
    tunnel_is_the_only_way_in,
    tunnel_is_complete,
    tunnel_ids_differ,
    hostnames_are_in_the_zone,
    hostnames_include_the_domain,
    tunnel_lists_are_filled,
)


def conflicts(settings: Settings) -> Iterator[Conflict]:
    """What any rule finds."""
    for rule in RULES:
        yield from rule(settings)


def _debug_ports(settings: Settings) -> dict[Path, int | None]:
    return {
        ("postgres", "debug_port"): settings.postgres.debug_port,
        ("nats", "debug_port"): settings.nats.debug_port,
        ("nats", "debug_monitor_port"): settings.nats.debug_monitor_port,
    }


def _hostnames(settings: Settings) -> dict[Path, list[str]]:
    """The names that a tunnel leads here, by the setting that gives them."""
    names: dict[Path, list[str]] = {("domain",): [settings.domain]}
    if settings.tunnel is not None:
        names[*_TUNNEL, "hostnames"] = settings.tunnel.hostnames
        if settings.tunnel.administrators is not None:
            names[*_TUNNEL, "administrators", "hostnames"] = settings.tunnel.administrators.hostnames
    return names


def _is_local(domain: str) -> bool:
    if domain.rpartition(".")[2] in ("localhost", "local"):
        return True
    try:
        IPv4Address(domain)
    except AddressValueError:
        return False
    return True
