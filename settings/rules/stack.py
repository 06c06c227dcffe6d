"""Networks, limits, ports, images, domain and secrets of a stack."""

from collections.abc import Iterator
from itertools import combinations
from typing import Final

from settings.app_files import ALWAYS, GENERATED_FILES, generated_secrets, secret_name
from settings.blocks.network import NetworkSettings
from settings.blocks.postgres import PostgresTuning
from settings.errors import PULUMI, THIS_STACK, Path, key_text
from settings.rules.conflict import ENVIRONMENT, Conflict, Rule, is_local
from settings.secrets import BUILT_IN
from settings.services import SERVICES, WITH_IMAGES
from settings.stack import Settings, StackConfig
from settings.units import SIZE

RESERVED_BLOCKS: Final = ("monitoring",)
"""Names of feature blocks that this version does not have yet."""

TAKEN_NAMES: Final = frozenset(
    {
        *StackConfig.model_fields,
        *RESERVED_BLOCKS,
        *BUILT_IN,
        *(name for service in SERVICES.values() for name in service.secrets),
        *map(secret_name, GENERATED_FILES[ALWAYS]),
    }
)
"""What no secret of the app can be called in any stack."""

# The usual advice for a dedicated server is 25 %, and no more than 40 %: the rest serves connections and the file cache
# (PostgreSQL manual, "Resource Consumption", shared_buffers).
OWN_PROCESSES: Final = 64
"""What PostgreSQL runs beside a process for each connection: at most 8 parallel workers, 8 of logical replication,
autovacuum's 3, some 10 of its own, and those of WAL archiving, health checks and `docker exec`."""

SHARED_BUFFERS_SHARE: Final = 0.40
# The other half is for connections, the file store's cache and the runtime.
MEMORY_STORE_SHARE: Final = 0.50
# Redis' own advice is to leave a quarter and more: fragmentation of 1.3 is common (redis.io, "Memory optimization").
CACHE_SHARE: Final = 0.75
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


_CERTIFICATE: Final[Path] = ("nginx", "certificate")


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
    for service, resources in settings.limits():
        limit = (*service.block, "resources", "memory")
        if resources.memory_reservation > resources.memory:
            yield Conflict(
                (*service.block, "resources", "memory_reservation"),
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


def connections_fit(settings: Settings) -> Iterator[Conflict]:
    """PostgreSQL runs a process for each connection, beside its own and those that archive."""
    connections, pids = settings.postgres.tuning.max_connections, settings.postgres.resources.pids
    most = pids - OWN_PROCESSES
    if connections > most:
        limit = ("postgres", "resources", "pids")
        yield Conflict(
            ("postgres", "tuning", "max_connections"),
            f"must be at most {most}, {OWN_PROCESSES} less than {key_text(limit)} ({pids})",
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


def cache_fits(settings: Settings) -> Iterator[Conflict]:
    """Redis' keys and values leave enough of the container's memory to its clients' buffers and to fragmentation."""
    if settings.redis is None:
        return
    memory = settings.redis.resources.memory
    most = int(memory * CACHE_SHARE)
    if settings.redis.max_memory > most:
        limit = ("redis", "resources", "memory")
        yield Conflict(
            ("redis", "max_memory"),
            f"must be at most {SIZE.format(most)}, {CACHE_SHARE:.0%} of {key_text(limit)} ({SIZE.format(memory)})",
            (limit,),
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
    """A secret of the app takes no name that means something else, nor that of a file that the program makes."""
    generated = dict(generated_secrets(settings))
    for name in settings.app_secrets:
        path: Path = ("app_secrets", name)
        if name in TAKEN_NAMES:
            yield Conflict(path, "is a name that the program uses itself; choose another")
        elif name in generated:
            block = key_text(generated[name])
            yield Conflict(
                path,
                f"is a secret that {block} makes, and would be replaced by it; remove one of the two, or choose another"
                " name",
                (generated[name],),
            )


def app_secrets_are_given(settings: Settings) -> Iterator[Conflict]:
    """Each secret that the app asks for is there."""
    generated = dict(generated_secrets(settings))
    for name in settings.app_secrets:
        if name not in settings.secrets and name not in TAKEN_NAMES and name not in generated:
            asked: Path = ("app_secrets", name)
            yield Conflict((name,), f"is required by {key_text(asked)}", missing=True)


def tls_secrets_are_given(settings: Settings) -> Iterator[Conflict]:
    """TLS comes with a certificate and its key."""
    tls: Path = ("nginx", "tls")
    for name in ("tls_certificate", "tls_key"):
        if settings.nginx.tls and settings.nginx.certificate == "secrets" and name not in settings.secrets:
            yield Conflict((name,), f"is required by {key_text(tls)}", (tls, _CERTIFICATE), missing=True)


def origin_certificate_is_complete(settings: Settings) -> Iterator[Conflict]:
    """A certificate of Cloudflare's is for TLS with a public name, comes with the API's token and with no other."""
    if settings.nginx.certificate != "cloudflare":
        return
    tls: Path = ("nginx", "tls")
    if settings.environment == "dev":
        yield Conflict(_CERTIFICATE, "is allowed in staging and prod only, and this is dev; remove it", (ENVIRONMENT,))
        return
    if not settings.nginx.tls:
        yield Conflict(_CERTIFICATE, f"is used with {key_text(tls)}: true only; set that, or remove it", (tls,))
    if is_local(settings.domain):
        yield Conflict(("domain",), f"must be a public host name with {key_text(_CERTIFICATE)}", (_CERTIFICATE,))
    if "cloudflare_api_token" not in settings.secrets:
        yield Conflict(
            ("cloudflare_api_token",), f"is required by {key_text(_CERTIFICATE)}", (_CERTIFICATE,), missing=True
        )
    for name in ("tls_certificate", "tls_key"):
        if name in settings.secrets:
            yield Conflict(
                (name,),
                f"is not used with {key_text(_CERTIFICATE)}: cloudflare; set that to secrets, or run"
                f" {PULUMI} config rm {name} {THIS_STACK}",
                (_CERTIFICATE,),
            )


def _debug_ports(settings: Settings) -> dict[Path, int | None]:
    return {
        ("postgres", "debug_port"): settings.postgres.debug_port,
        ("nats", "debug_port"): settings.nats.debug_port,
        ("nats", "debug_monitor_port"): settings.nats.debug_monitor_port,
    }


RULES: Final[tuple[Rule, ...]] = (
    subnets_are_apart,
    reservations_fit,
    shared_buffers_fit,
    connections_fit,
    maintenance_fits_shared_memory,
    memory_store_fits,
    cache_fits,
    services_have_images,
    ports_differ,
    debug_ports_are_for_dev,
    images_are_pinned,
    domain_is_public,
    parameters_are_free,
    app_secrets_have_free_names,
    app_secrets_are_given,
    tls_secrets_are_given,
    origin_certificate_is_complete,
)
