"""One test a rule: what it refuses, in which words, and what it lets through."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from settings.limits import LIMITS
from settings.rules import RULES, policies
from tests.certificates import chain, ec_key, key_pem
from tests.unit.settings.config import DIGEST, IMAGES, PROD, problem, problems, without

DATABASE_URL = "postgresql://tasks:secret@db.example.com:5432/tasks"


def test_subnets_are_apart() -> None:
    assert problem({"network": {"egress": "172.20.1.128/25"}}) == (
        'tasktracker:network.egress = "172.20.1.128/25": overlaps tasktracker:network.data (172.20.1.0/24);'
        " give each network a subnet of its own"
    )


def test_each_pair_of_overlapping_subnets_is_named_once() -> None:
    lines = problems({"network": {"edge": "10.0.0.0/16", "data": "10.0.1.0/24", "egress": "10.0.2.0/24"}})
    assert [line.partition(" ")[0] for line in lines] == ["tasktracker:network.data", "tasktracker:network.egress"]


def test_reservations_fit() -> None:
    assert problem({"api": {"resources": {"memory": "256MB", "memory_reservation": "512MB"}}}) == (
        'tasktracker:api.resources.memory_reservation = "512MB":'
        " must be at most tasktracker:api.resources.memory (256MB)"
    )


def test_a_default_that_no_longer_fits_is_named_as_one() -> None:
    assert 'memory_reservation = "256MB" (default)' in problem({"api": {"resources": {"memory": "128MB"}}})


def test_maintenance_fits_shared_memory() -> None:
    tuning = {"maintenance_work_mem": "512MB"}
    assert problem({"postgres": {"tuning": tuning}}) == (
        'tasktracker:postgres.tuning.maintenance_work_mem = "512MB": must be at most tasktracker:postgres.shm_size'
        " (256MB), where parallel index builds keep it"
    )
    assert not problems({"postgres": {"tuning": tuning, "shm_size": "512MB"}})


def test_shared_buffers_fit() -> None:
    assert problem({"postgres": {"tuning": {"shared_buffers": "1GB"}}}) == (
        'tasktracker:postgres.tuning.shared_buffers = "1GB": must be at most 819MB,'
        " 40% of tasktracker:postgres.resources.memory (2GB)"
    )
    assert not problems({"postgres": {"tuning": {"shared_buffers": "819MB"}}})


def test_connections_fit() -> None:
    assert problem({"postgres": {"tuning": {"max_connections": 961}}}) == (
        "tasktracker:postgres.tuning.max_connections = 961: must be at most 960,"
        " 64 less than tasktracker:postgres.resources.pids (1024)"
    )
    assert not problems({"postgres": {"tuning": {"max_connections": 960}}})
    assert not problems({"postgres": {"tuning": {"max_connections": 4096}, "resources": {"pids": 4160}}})


def test_memory_store_fits() -> None:
    assert problem({"nats": {"max_memory_store": "257MB"}}) == (
        'tasktracker:nats.max_memory_store = "257MB": must be at most 256MB,'
        " 50% of tasktracker:nats.resources.memory (512MB)"
    )
    assert not problems({"nats": {"max_memory_store": "256MB"}})


def test_cache_fits() -> None:
    assert problem({"redis": {"max_memory": "193MB"}}) == (
        'tasktracker:redis.max_memory = "193MB": must be at most 192MB,'
        " 75% of tasktracker:redis.resources.memory (256MB)"
    )
    assert not problems({"redis": {"max_memory": "192MB"}})


def test_services_have_images() -> None:
    assert problem({**PROD, "redis": {}}).startswith("tasktracker:images.redis: is required by tasktracker:redis; must")
    # Whatever else is wrong in the block.
    assert problems({**PROD, "redis": {"max_memory": "1kB"}})[0].startswith("tasktracker:images.redis: is required by")
    assert not problems({**PROD, "redis": {}, "images": {**IMAGES, "redis": f"redis:1{DIGEST}"}})


def test_ports_differ() -> None:
    assert problem({"postgres": {"debug_port": 8080}}) == (
        "tasktracker:postgres.debug_port = 8080: is the port of tasktracker:nginx.publish.port too"
    )
    assert problem({"nats": {"debug_port": 9000, "debug_monitor_port": 9000}}).startswith(
        "tasktracker:nats.debug_monitor_port"
    )


def test_the_port_for_tls_counts_with_tls_only() -> None:
    assert not problems({"postgres": {"debug_port": 8443}})
    lines = problems({"postgres": {"debug_port": 8443}, "nginx": {"tls": True}})
    assert "tasktracker:postgres.debug_port = 8443: is the port of tasktracker:nginx.publish.tls_port too" in lines


@pytest.mark.parametrize("environment", ["staging", "prod"])
@pytest.mark.parametrize(
    ("block", "key"), [("postgres", "debug_port"), ("nats", "debug_port"), ("nats", "debug_monitor_port")]
)
def test_debug_ports_are_for_dev(environment: str, block: str, key: str) -> None:
    assert problem({**PROD, "environment": environment, block: {key: 15432}}) == (
        f"tasktracker:{block}.{key} = 15432: is allowed in dev only, and this is {environment}; remove it"
    )
    assert not problems({block: {key: 15432}})


@pytest.mark.parametrize("environment", ["staging", "prod"])
def test_images_are_pinned(environment: str) -> None:
    assert problem({**PROD, "environment": environment, "images": {**IMAGES, "api": "example.com/app:1.2.0"}}) == (
        'tasktracker:images.api = "example.com/app:1.2.0":'
        f" must end in a digest (@sha256:<64 hex digits>) in {environment}"
    )
    assert not problems({**PROD, "environment": environment, "images": {**IMAGES, "api": f"app{DIGEST}"}})


@pytest.mark.parametrize("domain", ["localhost", "tasks.localhost", "tasks.local", "local", "10.0.0.1"])
def test_domain_is_public(domain: str) -> None:
    assert problem({**PROD, "domain": domain}) == (
        f'tasktracker:domain = "{domain}": must be a public host name in prod:'
        " not localhost, an address or a .local name"
    )
    assert not problems({**PROD, "environment": "staging", "domain": domain})


def test_the_default_domain_is_not_for_prod() -> None:
    assert problem(without(PROD, ["domain"])).startswith(
        "tasktracker:domain: is required in prod; must be a host name in lower case such as tasks.example.com,"
    )


@pytest.mark.parametrize(
    "name",
    [
        "listen_addresses",
        "port",
        "data_directory",
        "hba_file",
        "config_file",
        "ssl",
        "ssl_ca_file",
        "unix_socket_directories",
        "password_encryption",
        "shared_preload_libraries",
        "archive_command",
        "include_dir",
    ],
)
def test_parameters_are_free(name: str) -> None:
    assert problem({"postgres": {"tuning": {"parameters": {name: "x"}}}}) == (
        f'tasktracker:postgres.tuning.parameters.{name} = "x": is set by the program and can\'t be changed; remove it'
    )


def test_parameters_with_a_key_of_their_own_belong_there() -> None:
    assert problem({"postgres": {"tuning": {"parameters": {"work_mem": "8MB"}}}}) == (
        'tasktracker:postgres.tuning.parameters.work_mem = "8MB":'
        " has a key of its own: tasktracker:postgres.tuning.work_mem"
    )


@pytest.mark.parametrize("name", ["domain", "tunnel", "encryption_key", "nats_url", "postgres_password"])
def test_app_secrets_have_free_names(name: str) -> None:
    assert problem({"app_secrets": {name: {}}}) == (
        f"tasktracker:app_secrets.{name}: is a name that the program uses itself; choose another"
    )


@pytest.mark.parametrize(
    ("block", "keys", "names"),
    [
        ("redis", {"redis": {}}, ["redis_url"]),
        (
            "object_store.app_bucket",
            {"object_store": {"app_bucket": "app"}},
            ["object_store_access_key", "object_store_secret_key", "object_store_ca"],
        ),
    ],
)
def test_no_secret_of_the_app_is_replaced_by_one_that_the_program_makes(
    block: str, keys: dict[str, object], names: list[str]
) -> None:
    for name in names:
        assert problem({**keys, "app_secrets": {name: {}}}, {name: "redis://elsewhere:6379"}) == (
            f"tasktracker:app_secrets.{name}: is a secret that tasktracker:{block} makes, and would be replaced by it;"
            " remove one of the two, or choose another name"
        )
        # Where the program makes none, the app may have its own.
        assert not problems({"app_secrets": {name: {}}}, {name: "redis://elsewhere:6379"})


def test_app_secrets_are_given() -> None:
    assert problem({"app_secrets": {"slack_token": {}}}) == (
        "tasktracker:slack_token: is required by tasktracker:app_secrets.slack_token"
    )


def test_tls_secrets_are_given() -> None:
    assert problems({"nginx": {"tls": True}}) == [
        f"tasktracker:{name}: is required by tasktracker:nginx.tls" for name in ("tls_certificate", "tls_key")
    ]


def test_origin_certificate_is_complete() -> None:
    keys = {**PROD, "nginx": {"tls": True, "certificate": "cloudflare"}}
    assert problem(keys) == "tasktracker:cloudflare_api_token: is required by tasktracker:nginx.certificate"
    assert not problems(keys, TOKEN)
    assert problem({**keys, "nginx": {"certificate": "cloudflare"}}, TOKEN) == (
        'tasktracker:nginx.certificate = "cloudflare": is used with tasktracker:nginx.tls: true only; set that,'
        " or remove it"
    )
    assert problem({**keys, "environment": "staging", "domain": "tasks.local"}, TOKEN) == (
        'tasktracker:domain = "tasks.local": must be a public host name with tasktracker:nginx.certificate'
    )
    pair = {"tls_certificate": chain(), "tls_key": key_pem(ec_key("server"))}
    assert problems(keys, {**TOKEN, **pair}) == [
        f"tasktracker:{name}: is not used with tasktracker:nginx.certificate: cloudflare; set that to secrets, or run"
        f" ./tt pulumi config rm {name} --stack test"
        for name in pair
    ]
    assert problem({"nginx": {"tls": True, "certificate": "cloudflare"}}, TOKEN) == (
        'tasktracker:nginx.certificate = "cloudflare": is allowed in staging and prod only, and this is dev; remove it'
    )


def test_one_database() -> None:
    assert problem({"postgres": {"user": "tasks"}}, {"database_url": DATABASE_URL}) == (
        "tasktracker:postgres: is for the stack's own PostgreSQL, which tasktracker:database_url replaces;"
        " remove one of the two"
    )


def test_backups_are_of_own_database() -> None:
    assert problem({"backup": {"retention": {"days": 1}}}, {"database_url": DATABASE_URL}) == (
        "tasktracker:backup: is for the stack's own PostgreSQL, which tasktracker:database_url replaces;"
        " remove one of the two"
    )
    assert not problems({"backup": {"enabled": False}}, {"database_url": DATABASE_URL})


BUCKET = {"bucket": "backups", "endpoint": "s3.example.com", "region": "eu-1"}
KEYS = {"s3_access_key": "id", "s3_secret_key": "key"}


def test_repository_is_described() -> None:
    assert [line.partition("; ")[0] for line in problems({"backup": {"repository": "s3"}}, KEYS)] == [
        f"tasktracker:backup.s3.{key}: is required by tasktracker:backup.repository (s3)" for key in sorted(BUCKET)
    ]
    assert problem({"backup": {"s3": BUCKET}}) == (
        "tasktracker:backup.s3: is used with tasktracker:backup.repository: s3 only; set that, or remove it"
    )
    assert not problems({"backup": {"repository": "s3", "s3": BUCKET}}, KEYS)


def test_a_repository_with_an_error_is_described_all_the_same() -> None:
    assert problem({"backup": {"repository": "s3", "s3": {**BUCKET, "bucket": "B"}}}, KEYS).startswith(
        'tasktracker:backup.s3.bucket = "B": must be'
    )
    assert problem({"backup": {"repository": "s3", "s3": without(BUCKET, ["region"])}}, KEYS) == (
        "tasktracker:backup.s3.region: is required; must be a region such as eu-central-1"
    )


REGION = {"region": "eu-central-1"}
KMS_KEY = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"


def in_aws(retention: dict[str, int] | None = None, **aws: object) -> dict[str, object]:
    """prod with backups in AWS."""
    return {**PROD, "backup": {"repository": "aws", "aws": {**REGION, **aws}, "retention": retention or {}}}


def test_a_bucket_in_aws_is_described() -> None:
    assert problem({"backup": {"repository": "aws"}}) == (
        "tasktracker:backup.aws.region: is required by tasktracker:backup.repository (aws);"
        " must be a region of AWS such as eu-central-1, outside of China, GovCloud and sovereign clouds"
    )
    assert problem({"backup": {"aws": REGION}}) == (
        "tasktracker:backup.aws: is used with tasktracker:backup.repository: aws only; set that, or remove it"
    )
    assert not problems(in_aws())


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("bucket", "Backups", "must be a bucket's name"),
        ("kms_key", "alias/backups", "must be the ARN of a key, not of an alias"),
        ("kms_key", KMS_KEY.replace("key/", "alias/"), "must be the ARN of a key, not of an alias"),
        ("kms_key", KMS_KEY.partition("key/")[0] + "key/*", "must be the ARN of a key, not of an alias"),
        ("noncurrent_days", 6, "must be a whole number from 7 to 3650"),
        ("object_lock_days", 6, "must be a whole number from 7 to 3650"),
    ],
)
def test_a_bucket_in_aws_with_an_error_is_described_all_the_same(key: str, value: Any, words: str) -> None:
    line = problem(in_aws(**{key: value}))
    assert line.startswith(f"tasktracker:backup.aws.{key} = ")
    assert words in line


def test_object_lock_is_for_prod() -> None:
    config = in_aws(object_lock_days=14)
    assert not problems(config)
    assert problem({**config, "environment": "staging"}) == (
        "tasktracker:backup.aws.object_lock_days = 14: is for prod, whose bucket is the only one with a lock,"
        " and this is staging; remove it"
    )


def test_object_lock_ends_in_time() -> None:
    assert problem(in_aws(object_lock_days=45)) == (
        "tasktracker:backup.aws.object_lock_days = 45: must be at most 44: backups are needed for 14 days"
        " (tasktracker:backup.retention) and kept for 30 more (tasktracker:backup.aws.noncurrent_days);"
        " nothing could delete them then"
    )
    assert not problems(in_aws(object_lock_days=44))
    assert not problems(in_aws({"days": 30}, object_lock_days=45))


def test_kms_key_is_in_reach() -> None:
    assert problem(in_aws(kms_key=KMS_KEY)) == (
        f'tasktracker:backup.aws.kms_key = "{KMS_KEY}": must be a key in eu-central-1 (tasktracker:backup.aws.region)'
    )
    assert not problems(in_aws(kms_key=KMS_KEY, region="eu-west-1"))


def test_repository_keys_are_given() -> None:
    assert problems({"backup": {"repository": "s3", "s3": BUCKET}}) == [
        f"tasktracker:{name}: is required by tasktracker:backup.repository (s3)" for name in KEYS
    ]
    assert not problems({"backup": {"enabled": False, "repository": "s3", "s3": BUCKET}})


def test_the_apps_bucket_is_its_own() -> None:
    assert problems({"object_store": {"app_bucket": "backups"}}) == [
        'tasktracker:object_store.app_bucket = "backups": is the name of the bucket for backups; choose another'
    ]
    assert not problems({"object_store": {"app_bucket": "attachments"}})


def test_wal_has_time_to_arrive() -> None:
    assert problem({"backup": {"archive_timeout": "3m"}}) == (
        'tasktracker:backup.max_wal_age = "5m" (default): must be at least 6m,'
        " 2 times tasktracker:backup.archive_timeout (3m)"
    )
    assert not problems({"backup": {"archive_timeout": "3m", "max_wal_age": "6m"}})


READER = {"s3_reader_access_key": "id", "s3_reader_secret_key": "key"}


def test_reader_keys_are_given() -> None:
    outside = {"backup": {"repository": "s3", "s3": BUCKET}}
    for name, other in zip(READER, reversed(READER), strict=True):
        assert problem(outside, {**KEYS, other: "x"}) == (f"tasktracker:{name}: is required by tasktracker:{other}")
    assert not problems(outside, {**KEYS, **READER})
    assert problems({}, READER) == [
        f"tasktracker:{name}: is used with tasktracker:backup.repository: s3 only;"
        f" set that, or run ./tt pulumi config rm {name} --stack test"
        for name in READER
    ]


def test_drills_have_backups() -> None:
    drill = {"schedule": "0 5 * * 0"}
    assert problem({"backup": {"enabled": False, "drill": drill}}) == (
        "tasktracker:backup.drill: is for backups, which tasktracker:backup.enabled (false) switches off;"
        " set that to true, or remove the drill"
    )
    assert not problems({"backup": {"drill": drill}})
    assert not problems({"backup": {"enabled": False}})
    assert not problems({"backup": {"enabled": False, "drill": {"enabled": False}}})


def test_kept_volumes_are_others() -> None:
    assert problem({"postgres": {"volume": 2, "kept_volumes": [1, 2]}}) == (
        "tasktracker:postgres.kept_volumes = [1, 2]: must not name tasktracker:postgres.volume (2), which is in use"
    )
    assert problem({"postgres": {"volume": 3, "kept_volumes": [1, 2, 1]}}) == (
        "tasktracker:postgres.kept_volumes = [1, 2, 1]: must name each volume once"
    )
    assert not problems({"postgres": {"volume": 3, "kept_volumes": [2, 1]}})


def test_a_restore_leaves_kept_volumes() -> None:
    restore = {"volume": 1, "to": "latest"}
    assert problem({"postgres": {"volume": 3, "kept_volumes": [1, 2], "restore": restore}}) == (
        "tasktracker:postgres.restore.volume = 1: must be a number that tasktracker:postgres.kept_volumes"
        " does not name ([1, 2])"
    )
    for volume in (3, 4):
        assert not problems(
            {"postgres": {"volume": 3, "kept_volumes": [1, 2], "restore": {**restore, "volume": volume}}}
        )


def test_a_restore_has_one_target() -> None:
    message = (
        "tasktracker:postgres.restore: must have one of the keys to (a time, or latest) and set (the label of a backup)"
    )
    assert problem({"postgres": {"restore": {"volume": 2}}}) == message
    assert problem({"postgres": {"restore": {"volume": 2, "to": "latest", "set": "20261120-020000F"}}}) == message


def test_a_restore_with_an_error_in_its_target_has_one() -> None:
    assert problem({"postgres": {"restore": {"volume": 2, "to": "now"}}}).startswith(
        'tasktracker:postgres.restore.to = "now": must be'
    )


def test_a_restore_has_backups() -> None:
    restore = {"volume": 2, "to": "latest"}
    assert problem({"backup": {"enabled": False}, "postgres": {"restore": restore}}) == (
        "tasktracker:postgres.restore: is from backups, which tasktracker:backup.enabled (false) switches off;"
        " set that to true, or remove the restore"
    )
    assert not problems({"postgres": {"restore": restore}})


ACCOUNT, ZONE = 32 * "a", 32 * "b"
TUNNEL = {"account_id": ACCOUNT, "zone_id": ZONE, "zone": "example.com"}
CLOUDFLARED = {**IMAGES, "cloudflared": f"registry.example.com/tasktracker/cloudflared:1{DIGEST}"}
TOKEN = {"cloudflare_api_token": 40 * "t"}


def tunnel_problems(secrets: Mapping[str, str] = TOKEN, **keys: object) -> list[str]:
    """The problems of a prod stack with these keys of a tunnel."""
    return problems({**PROD, "images": CLOUDFLARED, "tunnel": {**TUNNEL, **keys}}, secrets)


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"hostnames": ["tasks.example.com", "example.com", "a.b.example.com"], "replicas": 1},
        {"administrators": {"hostnames": ["admin.example.com"], "emails": ["jo@example.org"]}},
    ],
)
def test_a_tunnel_passes(keys: dict[str, Any]) -> None:
    assert not tunnel_problems(**keys)


def test_tunnel_is_not_for_dev() -> None:
    keys = {"images": CLOUDFLARED, "domain": "tasks.example.com", "tunnel": TUNNEL}
    assert problem(keys, TOKEN) == (
        "tasktracker:tunnel: is allowed in staging and prod only, and this is dev; remove it"
    )
    # Nothing is asked for on top, such as an image that dev would build itself.
    assert len(problems({"tunnel": TUNNEL})) == 1
    assert not problems({**keys, "environment": "staging"}, TOKEN)


@pytest.mark.parametrize("publish", [{"address": "203.0.113.5"}, {"port": 80}])
def test_tunnel_is_the_only_way_in(publish: dict[str, object]) -> None:
    keys = {**PROD, "images": CLOUDFLARED, "tunnel": TUNNEL}
    assert problem({**keys, "nginx": {"publish": publish}}, TOKEN) == (
        "tasktracker:nginx.publish: is for a stack without tasktracker:tunnel, with which the host publishes nothing;"
        " remove one of the two"
    )
    assert not problems({**keys, "nginx": {"client_max_body_size": "20MB"}}, TOKEN)


def test_tunnel_says_who_asks() -> None:
    keys = {**PROD, "images": CLOUDFLARED, "tunnel": TUNNEL, "nginx": {"real_ip": "cloudflare"}}
    assert problem(keys, TOKEN) == (
        'tasktracker:nginx.real_ip = "cloudflare": is for a stack without tasktracker:tunnel, which tells the client\'s'
        " address itself; remove it"
    )


def test_tunnel_is_complete() -> None:
    assert [line.partition("; ")[0] for line in problems({**without(PROD, ["domain"]), "tunnel": TUNNEL})] == [
        "tasktracker:cloudflare_api_token: is required by tasktracker:tunnel",
        "tasktracker:domain: is required in prod",
        "tasktracker:images.cloudflared: is required by tasktracker:tunnel",
    ]
    unpinned = {**IMAGES, "cloudflared": "cloudflared:1"}
    assert "must end in a digest" in problem({**PROD, "images": unpinned, "tunnel": TUNNEL}, TOKEN)


def test_tunnel_ids_differ() -> None:
    assert tunnel_problems(zone_id=ACCOUNT) == [
        f'tasktracker:tunnel.zone_id = "{ACCOUNT}": is tasktracker:tunnel.account_id too; one of the two is wrong'
    ]


def test_hostnames_are_in_the_zone() -> None:
    (line,) = tunnel_problems(hostnames=["tasks.example.com", "tasks.example.org", "badexample.com"])
    assert line.endswith("must be in tasktracker:tunnel.zone (example.com), unlike tasks.example.org, badexample.com")
    (line,) = tunnel_problems(administrators={"hostnames": ["admin.other.com"], "emails": ["jo@example.com"]})
    assert line.startswith("tasktracker:tunnel.administrators.hostnames = ")
    assert problem({**PROD, "images": CLOUDFLARED, "domain": "tasks.example.org", "tunnel": TUNNEL}, TOKEN) == (
        'tasktracker:domain = "tasks.example.org": must be in tasktracker:tunnel.zone (example.com),'
        " unlike tasks.example.org"
    )


@pytest.mark.parametrize("zone", ["com", "localhost", "example.local", "10.0.0.1"])
def test_a_zone_has_a_public_name(zone: str) -> None:
    assert tunnel_problems(zone=zone) == [
        f'tasktracker:tunnel.zone = "{zone}": must be the public name of a zone such as example.com'
    ]


def test_hostnames_include_the_domain() -> None:
    (line,) = tunnel_problems(hostnames=["www.example.com"])
    assert line.endswith("must include tasktracker:domain (tasks.example.com), which users type")
    (line,) = tunnel_problems(administrators={"hostnames": ["tasks.example.com"], "emails": ["jo@example.com"]})
    assert line.endswith("must not include tasktracker:domain (tasks.example.com), which is for users")


def test_tunnel_lists_are_filled() -> None:
    (line,) = tunnel_problems(hostnames=["tasks.example.com", "tasks.example.com"])
    assert line.endswith("must have each item once, unlike tasks.example.com")
    assert [
        line.partition(": must ")[2] for line in tunnel_problems(administrators={"hostnames": [], "emails": []})
    ] == 2 * ["name at least one; or remove tasktracker:tunnel.administrators"]
    (line,) = tunnel_problems(
        hostnames=["tasks.example.com", "a.example.com"],
        administrators={"hostnames": ["a.example.com"], "emails": ["jo@example.com"]},
    )
    assert line.endswith("must have nothing of tasktracker:tunnel.hostnames, such as a.example.com")


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("account_id", ACCOUNT.upper(), "must be an id of 32 hexadecimal digits"),
        ("zone_id", "example.com", "must be an id of 32 hexadecimal digits"),
        ("hostnames", ["https://tasks.example.com"], 'item 1, "https://tasks.example.com", must be a host name'),
        ("hostnames", ["tasks.example.com", "*.example.com"], 'item 2, "*.example.com", must be a host name'),
        ("replicas", 0, "must be a whole number from 1 to 2"),
        ("replicas", 3, "must be a whole number from 1 to 2"),
        ("administrators", {"hostnames": ["a.example.com"]}, "emails: is required; must be a list, of which each item"),
    ],
)
def test_a_tunnels_values_have_their_form(key: str, value: Any, words: str) -> None:
    (line,) = tunnel_problems(**{key: value})
    assert words in line


@pytest.mark.parametrize("email", ["Jo@example.com", "jo", "jo@", "@example.com", "jo@localhost", "jo@a.com,x@b.com"])
def test_administrators_are_people(email: str) -> None:
    (line,) = tunnel_problems(administrators={"hostnames": ["a.example.com"], "emails": [email]})
    assert f'emails: item 1, "{email}", must be an e-mail address in lower case such as jo@example.com' in line


def test_with_a_tunnel_nginx_takes_no_port_of_the_host() -> None:
    # Debug ports are for dev, which has no tunnel: nothing else is told of ports there.
    keys = {**PROD, "environment": "dev", "images": CLOUDFLARED, "tunnel": TUNNEL, "postgres": {"debug_port": 8080}}
    assert [line.partition(" ")[0] for line in problems(keys, TOKEN)] == ["tasktracker:tunnel:"]


def test_resources_are_within_the_policies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policies, "LIMITS", replace(LIMITS, max_memory=1024, max_cpus=1.5))
    lines = problems({"api": {"resources": {"memory": "1GB"}}})
    assert [line for line in lines if "postgres" in line] == [
        'tasktracker:postgres.resources.cpus = 2.0 (default): must be at most 1.5; to raise the limit, write "DKR-CPU":'
        ' {"maxCpus": 2.0} into policies/config.json, which the policy reads too',
        'tasktracker:postgres.resources.memory = "2GB" (default): must be at most 1GB; to raise the limit, write'
        ' "DKR-MEM": {"maxMb": 2048} into policies/config.json, which the policy reads too',
    ]
    assert not [line for line in lines if "tasktracker:api" in line]


def test_published_ports_are_not_those_of_monitoring() -> None:
    publish = {"address": "203.0.113.5", "port": 9090}
    assert problem({"nginx": {"publish": publish}}) == (
        "tasktracker:nginx.publish.port = 9090: must be no monitoring port, as that of Prometheus is; choose another"
    )
    assert problem({**PROD, "nginx": {"publish": {"port": 3000}}}).endswith("as that of Grafana is; choose another")
    # On this host only, and without TLS the other port is not published.
    assert not problems({"nginx": {"publish": {"port": 9090}}})
    assert not problems({**PROD, "nginx": {"publish": {"tls_port": 9090}}})


def test_tags_stand_still() -> None:
    assert problem({**PROD, "images": {**IMAGES, "api": f"app:latest-1{DIGEST}"}}) == (
        f'tasktracker:images.api = "app:latest-1{DIGEST[:67]}...: must be an image whose tag stands still,'
        " where neither the tag nor a part of it is `latest`"
    )
    assert not problems({"images": {"api": "app:latest-1"}})


def test_names_for_administrators_are_guarded() -> None:
    keys = {**PROD, "images": CLOUDFLARED, "tunnel": TUNNEL}
    assert problem({**keys, "domain": "grafana.example.com"}, TOKEN) == (
        'tasktracker:domain = "grafana.example.com": must be a hostname with an Access application, whose policies let'
        " in known people only, as grafana.example.com is one for administrators by its name; choose another"
    )
    hostnames = ["tasks.example.com", "db1.example.com"]
    assert problem({**keys, "tunnel": {**TUNNEL, "hostnames": hostnames}}, TOKEN).endswith(
        "as db1.example.com is one for administrators by its name; list it under"
        " tasktracker:tunnel.administrators.hostnames, or choose another"
    )


def test_each_rule_has_a_test() -> None:
    assert {f"test_{rule.__name__}" for rule in RULES} <= globals().keys()


def test_file_backups_have_a_repository() -> None:
    assert problem({"backup": {"enabled": False, "files": {"schedule": "0 3 * * *"}}}) == (
        "tasktracker:backup.files: is for backups, which tasktracker:backup.enabled (false) switches off;"
        " set that to true, or remove the files"
    )
    assert not problems({"backup": {"enabled": False, "files": {"enabled": False}}})


def test_a_restore_of_files_has_a_set() -> None:
    assert problem({"backup": {"files": {"restore": {"timeout": "1h"}}}}) == (
        "tasktracker:backup.files.restore: must have one of the keys uploads and nats, or both:"
        " the id of a set, or latest"
    )
    assert not problems({"backup": {"files": {"restore": {"nats": "latest"}}}})


def test_a_restore_of_files_has_backups() -> None:
    assert problem({"backup": {"files": {"enabled": False, "restore": {"uploads": "0a1b2c3d"}}}}) == (
        "tasktracker:backup.files.restore: is from backups, which tasktracker:backup.files.enabled (false)"
        " switches off; set that to true, or remove the restore"
    )


REMOTE = {"address": "ssh://deploy@host.example.com"}
PASSWORD = {"registry_password": "a-password"}
LOGIN = {"registry.example.com": {"username": "deploy"}}


def test_host_is_not_for_dev() -> None:
    assert problem({"docker_host": REMOTE}).startswith(
        "tasktracker:docker_host: is allowed in staging and prod only: dev runs on the engine that its images"
    )
    assert not problems({**PROD, "docker_host": REMOTE})


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        (
            {"address": "tcp://host.example.com:2376", "certificates": "~/c", "key_file": "~/k"},
            'tasktracker:docker_host.key_file = "~/k": is for tasktracker:docker_host.address with ssh://; remove it',
        ),
        (
            {"address": "unix:///run/docker.sock", "known_hosts_file": "/k"},
            'tasktracker:docker_host.known_hosts_file = "/k": is for tasktracker:docker_host.address with ssh://;'
            " remove it",
        ),
        (
            {"address": "tcp://host.example.com:2376"},
            "tasktracker:docker_host.certificates: is required by tasktracker:docker_host.address with tcp://: the"
            " folder with ca.pem, cert.pem and key.pem. Without TLS Docker gives its host to everybody; must be a path"
            " on the machine that runs pulumi, from / or ~/, of letters, digits and . _ @ + -",
        ),
        (
            {**REMOTE, "certificates": "/c"},
            'tasktracker:docker_host.certificates = "/c": is for tasktracker:docker_host.address with tcp://;'
            " remove it",
        ),
    ],
)
def test_host_has_what_its_way_takes(keys: dict[str, str], line: str) -> None:
    assert problem({**PROD, "docker_host": keys}) == line
    whole = {"address": "tcp://host.example.com:2376", "certificates": "~/c"}
    assert not problems({**PROD, "docker_host": whole})


def test_registries_have_a_host() -> None:
    assert problem({**PROD, "registries": LOGIN}, PASSWORD) == (
        "tasktracker:registries: needs tasktracker:docker_host; for the Docker of this machine its address is"
        " unix:///var/run/docker.sock"
    )
    assert not problems({**PROD, "docker_host": REMOTE, "registries": LOGIN}, PASSWORD)


def test_registries_have_images() -> None:
    other = {**LOGIN, "registry.example.org": {"username": "deploy"}}
    assert problem({**PROD, "docker_host": REMOTE, "registries": other}, PASSWORD) == (
        'tasktracker:registries["registry.example.org"]: is the registry of no image in tasktracker:images; correct or'
        " remove it"
    )


def test_registry_passwords_are_given() -> None:
    keys = {**PROD, "docker_host": REMOTE}
    assert problem({**keys, "registries": LOGIN}) == (
        'tasktracker:registry_password: is required by tasktracker:registries["registry.example.com"]'
    )
    own = {"registry.example.com": {"username": "deploy", "password": "a_token"}}
    assert not problems({**keys, "registries": own}, {"a_token": "x"})
    # One that is misspelt is no secret of anybody.
    assert any("unknown secret" in line for line in problems({**keys, "registries": own}, {"a_tokn": "x"}))


@pytest.mark.parametrize("name", ["encryption_key", "images", "slack_token"])
def test_a_registry_s_password_has_a_name_of_its_own(name: str) -> None:
    registries = {"registry.example.com": {"username": "deploy", "password": name}}
    given = {"slack_token": "x"}
    lines = problems(
        {**PROD, "docker_host": REMOTE, "registries": registries, "app_secrets": {"slack_token": {}}}, given
    )
    assert [line for line in lines if "is a name that means something else; choose another" in line]


def test_a_registry_s_password_is_never_in_clear_nor_empty() -> None:
    keys = {**PROD, "docker_host": REMOTE, "registries": LOGIN}
    assert problem({**keys, "registry_password": "hunter2"}) == (
        "tasktracker:registry_password: must be encrypted; run ./tt pulumi config set --secret registry_password"
        " --stack test"
    )
    assert problem(keys, {"registry_password": " "}) == "tasktracker:registry_password: must not be empty"
