"""Which single values are taken and refused, and in which words."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from settings.values.docker_host import DockerAddress, LocalPath
from tests.unit.settings.config import DIGEST, nested, problem, read

GOOD = [
    ("domain", "tasks.example.com"),
    ("domain", "xn--mnchen-3ya.example"),
    ("domain", "192.168.1.10"),
    ("domain", "a" * 63),
    ("images.api", "app:1"),
    ("images.api", "localhost:5000/a/b_c/d--e:1.0"),
    ("images.api", "registry.example.com:5000/Tag/app:1".lower()),
    ("images.api", "app:LATEST"),
    ("images.api", "app:latest-1"),
    ("images.api", f"app{DIGEST}"),
    ("images.api", f"app:1{DIGEST}"),
    ("network.edge", "10.1.0.0/16"),
    ("network.edge", "192.168.7.16/28"),
    ("postgres.user", "_a1"),
    ("postgres.debug_port", 65_535),
    ("postgres.debug_port", None),
    ("postgres.resources.cpus", 1),
    ("postgres.resources.cpus", 0.25),
    ("postgres.tuning.log_connections", False),
    ("postgres.tuning.log_min_duration_statement", "0ms"),
    ("postgres.tuning.parameters", {"random_page_cost": 1.1, "jit": False, "timezone": "UTC", "a.b_c": 5, "x": ""}),
    ("nginx.publish.address", "203.0.113.5"),
    ("nginx.publish.port", 80),
    ("nginx.publish.port", 1024),
    ("nginx.publish.tls_port", 443),
    ("nginx.publish.port", 3000),
    ("postgres.resources.memory", "64GB"),
    ("postgres.resources.cpus", 32),
    ("backup.schedule.full", "0 2 29 2 *"),
    ("backup.schedule.full", "0 2 31 2 1"),
    ("backup.schedule.full", "0 2 30/5 2,4 *"),
    ("backup.schedule.full", "0 2 */31 2 *"),
    ("backup.schedule.full", "*/5 1-3,7 1 1-12/2 0-6"),
    ("backup.schedule.full", "59 23 31 12 6"),
    ("backup.schedule.time_zone", "Europe/Berlin"),
    ("backup.schedule.time_zone", "America/Argentina/Buenos_Aires"),
    ("backup.s3", None),
    ("postgres.kept_volumes", []),
    ("postgres.kept_volumes", [2, 9999]),
    ("postgres.restore", None),
    ("postgres.restore", {"volume": 2, "to": "latest"}),
    ("postgres.restore", {"volume": 2, "to": "2026-11-20T14:05:00+01:00"}),
    ("postgres.restore", {"volume": 2, "to": "2026-11-20T13:05:00.123456Z"}),
    ("postgres.restore", {"volume": 2, "to": "2026-11-20 14:05:00+01"}),
    ("postgres.restore", {"volume": 2, "set": "20261120-020000F"}),
    ("postgres.restore", {"volume": 2, "set": "20261120-020000F_20261121-020000D", "timeout": "72h"}),
    ("backup.files.restore.uploads", "latest"),
    ("backup.files.restore.nats", "01234567"),
    ("app_secrets", {"token": {"min_bytes": 1, "pattern": None}}),
]

HOST = "must be a host name in lower case such as tasks.example.com, with no scheme, port or path"
IMAGE = "must be an image reference with a tag, a digest or both"
SUBNET = "must be a private IPv4 subnet from /16 to /28 such as 172.20.0.0/24"
IDENTIFIER = "must be a name of at most 63 lower-case letters"
FILE_SET = "must be latest, or the id of a set: 8 hex digits, in quotes"
PORT = "must be a whole number from 1 to 65535"
PARAMETER = "must be true, false, a number, or text with no quotes, backslashes or line breaks"

VOLUME = "must be a whole number from 1 to 9999"
MOMENT = "must be latest, or a time with its offset from UTC such as 2026-11-20T14:05:00+01:00, in quotes"
LABEL = "must be the label of a backup such as 20261120-020000F"
PUBLISH = "must be one address of the host, not every interface: an IPv4 address such as 127.0.0.1"
WEB_PORT = "must be 80, 443, or a fixed port from 1024 to 65535"
SCHEDULE = "must be the five fields of a cron schedule"
ZONE = "must be UTC or a name of the tz database"

AWS_REGION = "must be a region of AWS such as eu-central-1"

BAD = [
    ("backup.schedule.full", "0 2 * *", SCHEDULE),
    ("backup.schedule.full", "0 2 * * 0 root", SCHEDULE),
    ("backup.schedule.full", "@daily", SCHEDULE),
    ("backup.schedule.full", "0 2 * * SUN", SCHEDULE),
    ("backup.schedule.full", "60 2 * * 0", SCHEDULE),
    ("backup.schedule.full", "0 24 * * 0", SCHEDULE),
    ("backup.schedule.full", "0 2 0 * 0", SCHEDULE),
    ("backup.schedule.full", "0 2 * 13 0", SCHEDULE),
    ("backup.schedule.full", "0 2 * * 7", SCHEDULE),
    ("backup.schedule.full", "0 5-2 * * 0", SCHEDULE),
    ("backup.schedule.full", "*/0 2 * * 0", SCHEDULE),
    ("backup.schedule.full", "*/60 2 * * 0", SCHEDULE),
    ("backup.schedule.full", "0,,1 2 * * 0", SCHEDULE),
    ("backup.schedule.full", "0 2 * * 0\n* * * * * id", SCHEDULE),
    ("backup.schedule.full", "0 24 * * 0", "the hour, 24, has a part that is not *, a number or a range from 0 to 23"),
    ("backup.schedule.full", "0 2 * 13 0", "the month, 13, has a part that is not *, a number or a range from 1 to 12"),
    ("backup.schedule.full", "0 2 31 2 *", "no month of 2 has the day 31, so that it never runs"),
    ("backup.schedule.full", "0 2 30-31 2 *", "no month of 2 has the day 30-31, so that it never runs"),
    ("backup.schedule.full", "0 2 31 2,4,6,9,11 *", "no month of 2,4,6,9,11 has the day 31, so that it never runs"),
    ("backup.schedule.full", "0 2 31/2 4-4 *", "no month of 4-4 has the day 31/2, so that it never runs"),
    ("backup.schedule.time_zone", "Berlin", ZONE),
    ("backup.schedule.time_zone", "US/Eastern", ZONE),
    ("backup.schedule.time_zone", "Europe/../passwd", ZONE),
    ("backup.repository", "disk", "must be object_store, s3 or aws"),
    ("backup.aws.region", "eu-central", AWS_REGION),
    ("backup.aws.region", "cn-north-1", AWS_REGION),
    ("backup.aws.region", "us-gov-west-1", AWS_REGION),
    ("backup.aws.region", "eusc-de-east-1", AWS_REGION),
    ("backup.drill.schedule", "weekly", SCHEDULE),
    ("postgres.volume", 0, VOLUME),
    ("postgres.kept_volumes", 2, "must be a list, of which each item is a whole number from 1 to 9999"),
    ("postgres.kept_volumes", [2, 0], "item 2, 0, must be a whole number from 1 to 9999"),
    ("postgres.kept_volumes", ["2"], 'item 1, "2", must be a whole number from 1 to 9999; this is text'),
    ("postgres.restore", {"volume": 2, "to": "yesterday"}, MOMENT),
    ("postgres.restore", {"volume": 2, "to": "2026-11-20T14:05:00"}, MOMENT),
    ("postgres.restore", {"volume": 2, "to": "2026-11-20 14:05"}, MOMENT),
    ("postgres.restore", {"volume": 2, "to": "2026-13-20T14:05:00Z"}, MOMENT),
    ("postgres.restore", {"volume": 2, "to": "2026-11-20T14:05:00+01:00 id"}, MOMENT),
    ("postgres.restore", {"volume": 2, "set": "latest"}, LABEL),
    ("postgres.restore", {"volume": 2, "set": "20261120-020000F_20261121-020000F"}, LABEL),
    ("backup.files.restore.uploads", "newest", FILE_SET),
    ("backup.files.restore.nats", "0A1B2C3D", FILE_SET),
    ("backup.files.restore.nats", 12345678, FILE_SET),
    ("backup.files.schedule", "hourly", SCHEDULE),
    ("environment", "production", "must be dev, staging or prod"),
    ("domain", "", HOST),
    ("domain", "https://example.com", HOST),
    ("domain", "example.com:8080", HOST),
    ("domain", "Example.com", HOST),
    ("domain", "-a.example.com", HOST),
    ("domain", "a..b", HOST),
    ("domain", "a" * 64, HOST),
    ("domain", ".".join(["a" * 63] * 4), HOST),
    ("domain", "1.2.3", HOST),
    ("domain", "1.2.3.400", HOST),
    (
        "images.api",
        "App:1",
        "must be an image reference with a tag, a digest or both, in lower case and with no scheme",
    ),
    ("images.api", "-a.example.com/app:1", IMAGE),
    ("images.api", "app", IMAGE),
    ("images.api", "app:latest", IMAGE),
    ("images.api", f"app:latest{DIGEST}", IMAGE),
    ("images.api", "example.com/App:1", IMAGE),
    ("images.api", "app@sha256:abc", IMAGE),
    ("images.api", "https://example.com/app:1", IMAGE),
    ("images.api", "a" * 500 + ":1", IMAGE),
    ("images.api", 5, IMAGE),
    ("network.edge", "172.20.0.0", SUBNET),
    ("network.edge", "10.0.0.0/8", SUBNET),
    ("network.edge", "10.0.0.0/29", SUBNET),
    ("network.edge", "8.8.8.0/24", SUBNET),
    ("network.edge", "169.254.0.0/24", SUBNET),
    ("network.edge", "10.0.0.300/24", SUBNET),
    ("network.edge", "fd00::/64", SUBNET),
    ("network.edge", "172.20.0.1/24", "did you mean 172.20.0.0/24?"),
    ("postgres.user", "postgres", IDENTIFIER),
    ("postgres.user", "pg_reader", IDENTIFIER),
    ("postgres.user", 'a"b', IDENTIFIER),
    ("postgres.database", "Tasks", IDENTIFIER),
    ("postgres.database", "a" * 64, IDENTIFIER),
    ("postgres.debug_port", 0, PORT),
    ("postgres.debug_port", 65_536, PORT),
    ("postgres.debug_port", True, PORT),
    ("postgres.debug_port", 1.5, PORT),
    (
        "postgres.debug_port",
        "15432",
        "this is text: remove the quotes, or add --type int to ./tt pulumi config set",
    ),
    ("postgres.resources.cpus", 0, "must be a number from 0.1 to 32"),
    (
        "postgres.resources.cpus",
        "1.5",
        "this is text: remove the quotes, or add --type float to ./tt pulumi config set",
    ),
    ("postgres.resources.cpus", "two", "must be a number from 0.1 to 32"),
    ("postgres.resources.memory", "1MB", "must be a size such as 512MB, 2GB or 1.5GB from 96MB to 64GB"),
    ("postgres.resources.memory", "much", "must be a size such as 512MB, 2GB or 1.5GB from 96MB to 64GB"),
    (
        "postgres.resources.memory",
        "3.9GB",
        "must be a size such as 512MB, 2GB or 1.5GB from 96MB to 64GB; 3.9GB is 3993.6MB, and not a whole number of MB",
    ),
    (
        "postgres.resources.memory",
        "96GB",
        'to raise the limit, write "DKR-MEM": {"maxMb": 98304} into policies/config.json, which the policy reads too',
    ),
    (
        "worker.resources.cpus",
        33,
        'to raise the limit, write "DKR-CPU": {"maxCpus": 33} into policies/config.json, which the policy reads too',
    ),
    ("nats.max_payload", "512MB", "must be a size such as 64MB, 8MB or 1MB from 1MB to 64MB"),
    ("postgres.resources.memory", 2048, "the unit is missing"),
    ("postgres.tuning.log_connections", "true", "add --type bool"),
    ("postgres.tuning.log_connections", 1, "must be true or false"),
    ("postgres.tuning.log_connections", "yes", "must be true or false"),
    ("postgres.tuning.max_connections", 9, "must be a whole number from 10 to 10000"),
    ("postgres.tuning.parameters", {"jit": "it's"}, PARAMETER),
    ("postgres.tuning.parameters", {"jit": "a\nport = 1"}, PARAMETER),
    ("postgres.tuning.parameters", {"jit": "a\\"}, PARAMETER),
    ("postgres.tuning.parameters", {"jit": None}, PARAMETER),
    ("postgres.tuning.parameters", {"jit": [1]}, PARAMETER),
    ("postgres.tuning.parameters", {"jit": float("nan")}, PARAMETER),
    ("postgres.tuning.parameters", {"jit": 2**63}, PARAMETER),
    ("postgres.tuning.parameters", {"Jit": 1}, "the name must be a PostgreSQL parameter in lower case"),
    ("postgres.tuning.parameters", {"a = 1\nport": 1}, "the name must be a PostgreSQL parameter in lower case"),
    ("worker.log_level", "trace", "must be debug, info, warning or error"),
    ("worker.stop_timeout", "500ms", "must be a duration in whole seconds such as 30s or 5m from 1s to 1h"),
    ("worker.stop_timeout", "2h", "from 1s to 1h"),
    ("nginx.publish.address", "localhost", PUBLISH),
    ("nginx.publish.address", "127.0.0.256", PUBLISH),
    ("nginx.publish.address", "0.0.0.0", PUBLISH),
    (
        "nginx.publish.address",
        "0.0.0.0",
        'to raise the limit, write "DKR-PORT": {"addresses": ["0.0.0.0"]} into policies/config.json',
    ),
    ("nginx.publish.port", 22, WEB_PORT),
    ("nginx.publish.port", 81, WEB_PORT),
    ("nginx.publish.tls_port", 1023, WEB_PORT),
    ("nginx.publish.port", 65_536, WEB_PORT),
    ("nginx.publish.port", True, WEB_PORT),
    ("nginx.publish.port", "8080", f"{WEB_PORT}; this is text: remove the quotes, or add --type int"),
    ("app_secrets", {"Token": {}}, "the name must be a name in snake case such as slack_token"),
    ("app_secrets", {"token": {"pattern": "("}}, "must be a regular expression in Python's syntax; missing )"),
    ("app_secrets", {"token": {"pattern": 5}}, "must be a regular expression in Python's syntax"),
    ("app_secrets", {"token": {"min_bytes": 0}}, "must be a whole number from 1 to 65536"),
]


@pytest.mark.parametrize(("path", "value"), GOOD)
def test_takes(path: str, value: object) -> None:
    read(nested(path, value), {"token": "x"} if path == "app_secrets" else None)


@pytest.mark.parametrize(("path", "value", "words"), BAD)
def test_refuses(path: str, value: Any, words: str) -> None:
    line = problem(nested(path, value), dict.fromkeys(value, "x") if path == "app_secrets" else None)
    assert line.startswith(f"tasktracker:{path}")
    assert words in line


def test_sizes_are_megabytes_and_durations_seconds_or_milliseconds() -> None:
    settings = read(
        {
            "postgres": {"resources": {"memory": "4GB"}, "tuning": {"log_min_duration_statement": "2s"}},
            "worker": {"stop_timeout": "1m"},
        }
    )
    assert settings.postgres.resources.memory == 4096
    assert settings.postgres.tuning.log_min_duration_statement == 2000
    assert settings.worker.stop_timeout == 60


@pytest.mark.parametrize(
    "address",
    [
        "ssh://deploy@host.example.com",
        "ssh://deploy@10.0.0.1:2222",
        "ssh://deploy@host/run/user/1000/docker.sock",
        "tcp://host.example.com:2376",
        "unix:///var/run/docker.sock",
    ],
)
def test_addresses_of_docker_hosts(address: str) -> None:
    assert TypeAdapter(DockerAddress).validate_python(address) == address


@pytest.mark.parametrize(
    "address",
    [
        *("host.example.com", "ssh://host.example.com", "ssh://deploy:secret@host.example.com", "ssh://deploy@"),
        *("ssh://deploy@host:0", "ssh://deploy@host:65536", "ssh://deploy@999.0.0.1", "ssh://-oProxyCommand=x@host"),
        *("ssh://deploy@-oProxyCommand=x", "ssh://deploy@Host.example.com", "ssh://deploy@host/a b", "SSH://d@host"),
        *(
            "tcp://host.example.com",
            "tcp://host:2376/x",
            "http://host:2375",
            "unix://docker.sock",
            "npipe:////./pipe/x",
        ),
        *("ssh://deploy@host\n", "", 1, None),
    ],
)
def test_what_is_no_address_of_a_docker_host(address: object) -> None:
    with pytest.raises(ValidationError, match="ssh://USER@HOST"):
        TypeAdapter(DockerAddress).validate_python(address)


@pytest.mark.parametrize("path", ["~/.ssh/id_ed25519", "/etc/keys/deploy+1@host", "~/a-b_c.d"])
def test_local_paths(path: str) -> None:
    assert TypeAdapter(LocalPath).validate_python(path) == path


@pytest.mark.parametrize("path", ["id_ed25519", "~", "~other/key", "/with blank", "~/%h", '/"', "/a\n", "/", "", None])
def test_what_is_no_local_path(path: object) -> None:
    with pytest.raises(ValidationError, match="must be a path on the machine that runs pulumi"):
        TypeAdapter(LocalPath).validate_python(path)
