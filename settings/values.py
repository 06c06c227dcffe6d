"""The kinds of values that a setting can have: how each is read, written and described.

Each is an `Annotated` type that carries one `Kind`, which error messages, the JSON Schema and docs/configuration.md
all draw on.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from ipaddress import AddressValueError, IPv4Address, IPv4Network
from math import isfinite
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from settings.limits import LIMITS, raising
from settings.units import MILLISECONDS, SECONDS, SIZE, Unit


@dataclass(frozen=True, eq=False)
class Kind:
    """A kind of value, as pydantic takes it in an `Annotated` type.

    `parse` turns what the file says into the value, or raises `ValueError` with a phrase that starts with "must be";
    `spell` is its inverse. `name` is what the reference calls the kind, `allowed` ends the sentence "must be ...", and
    `schema` is the JSON Schema of what the file says. `example` is a value of that kind as a command line has it; what
    is required somewhere has one. An amount has its `unit`, by which `allowed` is told with examples that a setting's
    own limits let through.
    """

    name: str
    parse: Callable[[object], Any]
    allowed: str
    schema: Mapping[str, Any]
    spell: Callable[[Any], Any] = str
    example: str | None = None
    unit: Unit | None = None

    def __get_pydantic_core_schema__(self, _source: object, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            self.parse,
            serialization=core_schema.plain_serializer_function_ser_schema(self.spell, when_used="json"),
        )

    def __get_pydantic_json_schema__(self, _schema: CoreSchema, _handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return dict(self.schema)


def _amount(name: str, unit: Unit) -> Kind:
    return Kind(name, unit.parse, unit.hint, {"type": "string", "pattern": unit.pattern}, unit.format, unit=unit)


def _text(name: str, pattern: str, allowed: str, *, example: str | None = None) -> Kind:
    """Text of one form; `pattern` has to mean the same in Python and in JSON Schema (ECMA 262)."""

    def parse(value: object) -> str:
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            raise ValueError(f"must be {allowed}")
        return value

    return Kind(name, parse, allowed, {"type": "string", "pattern": pattern}, example=example)


# Amounts

Megabytes = Annotated[int, _amount("size", SIZE)]
"""A whole number of MB (1024 * 1024 bytes)."""

Seconds = Annotated[int, _amount("duration", SECONDS)]
"""A whole number of seconds."""

Milliseconds = Annotated[int, _amount("fine duration", MILLISECONDS)]
"""A whole number of milliseconds."""

MAX_PORT: Final = 65_535

Port = Annotated[int, Field(ge=1, le=MAX_PORT)]
"""A TCP port of the host."""

_WEB_PORTS: Final = ", ".join(map(str, LIMITS.web_ports))
_PUBLISHED_PORT: Final = f"{_WEB_PORTS}, or a fixed port from {LIMITS.first_port} to 65535"


def _parse_published_port(value: object) -> int:
    """A port that the policy DKR-PORT lets nginx publish."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"must be {_PUBLISHED_PORT}")
    if value not in LIMITS.web_ports and not LIMITS.first_port <= value <= MAX_PORT:
        raise ValueError(f"must be {_PUBLISHED_PORT}")
    return value


PublishedPort = Annotated[
    int,
    Kind(
        "published port",
        _parse_published_port,
        _PUBLISHED_PORT,
        {
            "anyOf": [
                {"enum": list(LIMITS.web_ports)},
                {"type": "integer", "minimum": LIMITS.first_port, "maximum": MAX_PORT},
            ]
        },
        spell=int,
    ),
]
"""A TCP port of the host that requests come to."""

ServerPort = Annotated[int, Field(ge=1, le=MAX_PORT)]
"""A TCP port of a server elsewhere."""


# Names and addresses

_LABEL: Final = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_HOST_NAME: Final = _text(
    "host name",
    rf"^(?=.{{1,253}}$){_LABEL}(\.{_LABEL})*$",
    "a host name in lower case such as tasks.example.com, with no scheme, port or path",
)


def _parse_host_name(value: object) -> str:
    """A host name (RFC 1123) or an IPv4 address."""
    name: str = _HOST_NAME.parse(value)
    if name.rpartition(".")[2].isdigit():
        # A name that ends in a number is an address or nothing (RFC 3696, section 2).
        try:
            IPv4Address(name)
        except AddressValueError:
            raise ValueError(f"must be {_HOST_NAME.allowed}") from None
    return name


HostName = Annotated[
    str,
    Kind(_HOST_NAME.name, _parse_host_name, _HOST_NAME.allowed, _HOST_NAME.schema, example="tasks.example.com"),
]
"""A host name, or an IPv4 address in its place."""

_OCTETS: Final = r"[0-9]{1,3}(\.[0-9]{1,3}){3}"
_ADDRESS: Final = _text(
    "address", rf"^{_OCTETS}$", "one address of the host, not every interface: an IPv4 address such as 127.0.0.1"
)


def _parse_address(value: object) -> IPv4Address:
    try:
        address = IPv4Address(_ADDRESS.parse(value))
    except AddressValueError:
        raise ValueError(f"must be {_ADDRESS.allowed}") from None
    if address.is_unspecified and address not in LIMITS.addresses:
        raise ValueError(f"must be {_ADDRESS.allowed}; {raising('DKR-PORT', 'addresses', [str(address)])}")
    return address


_OCTET: Final = r"(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_REFUSED: Final = "" if IPv4Address(0) in LIMITS.addresses else rf"(?!{re.escape(str(IPv4Address(0)))}$)"
_ADDRESS_SCHEMA: Final = {"type": "string", "pattern": rf"^{_REFUSED}{_OCTET}(\.{_OCTET}){{3}}$"}

Address = Annotated[IPv4Address, Kind(_ADDRESS.name, _parse_address, _ADDRESS.allowed, _ADDRESS_SCHEMA)]
"""An address of the host to listen on."""

# RFC 1918. `is_private` would let link-local and documentation ranges through as well.
_PRIVATE: Final = tuple(map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))
_SUBNET: Final = _text(
    "subnet",
    rf"^{_OCTETS}/(1[6-9]|2[0-8])$",
    "a private IPv4 subnet from /16 to /28 such as 172.20.0.0/24",
)


def _parse_subnet(value: object) -> IPv4Network:
    text: str = _SUBNET.parse(value)
    try:
        subnet = IPv4Network(text, strict=False)
    except ValueError:
        raise ValueError(f"must be {_SUBNET.allowed}") from None
    if not any(subnet.subnet_of(block) for block in _PRIVATE):
        raise ValueError(f"must be {_SUBNET.allowed}")
    if str(subnet) != text:
        raise ValueError(f"must be {_SUBNET.allowed}; did you mean {subnet}?")
    return subnet


Subnet = Annotated[IPv4Network, Kind(_SUBNET.name, _parse_subnet, _SUBNET.allowed, _SUBNET.schema)]
"""A private subnet in CIDR form, with no host bits set."""

# The Docker host

_LOCAL_PATH: Final = r"/[A-Za-z0-9._@+/-]+"
_USER: Final = r"[a-z_][a-z0-9_.-]{0,31}"
_DOCKER_ADDRESS: Final = _text(
    "Docker host",
    rf"^(?=.{{1,400}}$)(ssh://{_USER}@{_LABEL}(\.{_LABEL})*(:[0-9]{{1,5}})?({_LOCAL_PATH})?"
    rf"|tcp://{_LABEL}(\.{_LABEL})*:[0-9]{{1,5}}|unix://{_LOCAL_PATH})$",
    "ssh://USER@HOST, with :PORT where it is not 22, or tcp://HOST:PORT for Docker with TLS, or unix:///PATH of a"
    " socket on this machine; the host's name in lower case",
)


def _parse_docker_address(value: object) -> str:
    text: str = _DOCKER_ADDRESS.parse(value)
    url = urlsplit(text)
    try:
        # A number above 65535 is none.
        port = url.port
        if url.hostname is not None:
            _parse_host_name(url.hostname)
    except ValueError:
        port = 0
    if port == 0:
        raise ValueError(f"must be {_DOCKER_ADDRESS.allowed}")
    return text


DockerAddress = Annotated[
    str,
    Kind(
        _DOCKER_ADDRESS.name,
        _parse_docker_address,
        _DOCKER_ADDRESS.allowed,
        _DOCKER_ADDRESS.schema,
        example="ssh://deploy@server.example.com",
    ),
]
"""Where a Docker engine answers."""

LocalPath = Annotated[
    str,
    _text(
        "local path",
        # ssh splits values at blanks and fills in what stands behind %.
        rf"^(?=.{{1,200}}$)(~)?{_LOCAL_PATH}$",
        "a path on the machine that runs pulumi, from / or ~/, of letters, digits and . _ @ + -",
        example="/etc/tasktracker/docker-certificates",
    ),
]
"""A file or a folder of the machine that runs Pulumi."""

# Cloudflare


def _cloudflare_id(of: str, example: str) -> Kind:
    return _text(
        "Cloudflare id",
        r"^[0-9a-f]{32}$",
        f"an id of 32 hexadecimal digits, as the page of the {of} shows it in Cloudflare's dashboard",
        example=example,
    )


AccountId = Annotated[str, _cloudflare_id("account", "0123456789abcdef0123456789abcdef")]
"""The id of an account of Cloudflare."""

ZoneId = Annotated[str, _cloudflare_id("zone", "fedcba9876543210fedcba9876543210")]
"""The id of a zone of Cloudflare."""

Zone = Annotated[
    str,
    Kind(
        "zone",
        _parse_host_name,
        "the name of a zone in lower case such as example.com",
        _HOST_NAME.schema,
        example="example.com",
    ),
]
"""The name of a zone of Cloudflare."""

Email = Annotated[
    str,
    _text(
        "e-mail address",
        # Access compares without regard to case; one spelling keeps an address from being listed twice.
        rf"^(?=.{{3,254}}$)[a-z0-9][a-z0-9._%+-]{{0,63}}@{_LABEL}(\.{_LABEL})+$",
        "an e-mail address in lower case such as jo@example.com",
        example="jo@example.com",
    ),
]
"""The address of one person."""

# The grammar of image references (github.com/distribution/reference): a first component with a dot or a port, or the
# name localhost, is a registry.
_REGISTRY_LABEL: Final = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_REGISTRY_ADDRESS: Final = (
    rf"({_REGISTRY_LABEL}(\.{_REGISTRY_LABEL})+(:[0-9]{{1,5}})?|{_REGISTRY_LABEL}:[0-9]{{1,5}}|localhost)"
)
_REGISTRY: Final = f"{_REGISTRY_ADDRESS}/"
_COMPONENT: Final = r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*"
_TAG: Final = r":(?!latest(@|$))[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
_DIGEST: Final = r"@sha256:[0-9a-f]{64}"

ImageReference = Annotated[
    str,
    _text(
        "image",
        # 255 characters of name, 128 of tag and 72 of digest is what registries take.
        rf"^(?=.{{1,460}}$)({_REGISTRY}|(?![^/]*\.[^/]*/)){_COMPONENT}(/{_COMPONENT})*"
        rf"({_TAG}({_DIGEST})?|{_DIGEST})$",
        "an image reference with a tag, a digest or both, in lower case and with no scheme, such as"
        " registry.example.com/tasktracker/app:1.2.0, before @sha256: and 64 hex digits; never the tag latest",
        example=f"registry.example.com/tasktracker/app:1.2.0@sha256:{64 * '0'}",
    ),
]
"""A reference to an image by tag or digest; `latest` names something else every day, and so does no tag at all."""

Registry = Annotated[
    str,
    _text(
        "registry",
        rf"^(?=.{{1,255}}$){_REGISTRY_ADDRESS}$",
        "a registry as image references begin with it, such as registry.example.com or registry.example.com:5000",
    ),
]
"""A registry of images."""

UserName = Annotated[
    str,
    _text(
        "user name",
        r"^[!-9;-~]{1,255}$",
        "a name of visible ASCII characters with no blanks and no colon",
        example="deploy",
    ),
]
"""A name to log in with."""


# PostgreSQL

Identifier = Annotated[
    str,
    _text(
        "identifier",
        # 63 bytes is NAMEDATALEN - 1; pg_ starts the names of PostgreSQL's own roles.
        r"^(?!pg_)(?!(postgres|template0|template1|public|none)$)[a-z_][a-z0-9_]{0,62}$",
        "a name of at most 63 lower-case letters, digits and underscores that PostgreSQL does not"
        " use itself (postgres, template0, template1, public, none, pg_...)",
    ),
]
"""A name of a role or a database that needs no quotes."""

ParameterName = Annotated[
    str,
    _text(
        "parameter name",
        r"^[a-z_][a-z0-9_]{0,62}(\.[a-z_][a-z0-9_]{0,62})?$",
        "a PostgreSQL parameter in lower case such as random_page_cost",
    ),
]
"""The name of a PostgreSQL parameter."""

_PARAMETER_TEXT: Final = _text(
    "parameter value",
    r"^[^'\"\\\x00-\x1f\x7f]{0,1000}$",
    "true, false, a number, or text with no quotes, backslashes or line breaks",
)


def _parse_parameter(value: object) -> str | int | float | bool:
    """A parameter's value; what could end its quoted text in postgresql.conf is refused."""
    match value:
        case bool():
            return value
        case int() if abs(value) < 2**63:  # more than any of PostgreSQL's integers
            return value
        case float() if isfinite(value):
            return value
    text: str = _PARAMETER_TEXT.parse(value)
    return text


ParameterValue = Annotated[
    str | int | float | bool,
    Kind(
        _PARAMETER_TEXT.name,
        _parse_parameter,
        _PARAMETER_TEXT.allowed,
        {"anyOf": [{"type": ["boolean", "number"]}, _PARAMETER_TEXT.schema]},
        spell=lambda value: value,
    ),
]
"""The value of a PostgreSQL parameter."""


VolumeNumber = Annotated[int, Field(ge=1, le=9999)]
"""The number of a data volume of PostgreSQL."""


# Backups

_SCHEDULE: Final = _text(
    "schedule",
    r"^[0-9*,/-]{1,100}( [0-9*,/-]{1,100}){4}$",
    "the five fields of a cron schedule (minute, hour, day of month, month, day of week with 0 for Sunday) such as"
    " 0 2 * * 1-6, with no names",
)
# Least and greatest value of each field.
_CRON_FIELDS: Final = {
    "minute": (0, 59),
    "hour": (0, 23),
    "day of month": (1, 31),
    "month": (1, 12),
    "day of week": (0, 6),
}
# Days of each month in its longest year.
_LONGEST_MONTHS: Final = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_CRON_ITEM: Final = re.compile(r"(\*|(?P<first>[0-9]{1,2})(-(?P<last>[0-9]{1,2}))?)(/(?P<step>[0-9]{1,2}))?")


def _parse_schedule(value: object) -> str:
    text: str = _SCHEDULE.parse(value)
    fields = dict(zip(_CRON_FIELDS, text.split(" "), strict=True))
    for name, field in fields.items():
        least, most = _CRON_FIELDS[name]
        for item in field.split(","):
            if not _is_cron_item(item, least, most):
                what = f"the {name}, {field}, has a part that is not *, a number or a range from {least} to {most}"
                raise ValueError(f"must be {_SCHEDULE.allowed}; {what}, with or without /STEP")
    if not _ever_runs(fields["day of month"], fields["month"], fields["day of week"]):
        raise ValueError(
            f"must be {_SCHEDULE.allowed}; no month of {fields['month']} has the day {fields['day of month']}, so that"
            " it never runs"
        )
    return text


def _is_cron_item(text: str, least: int, most: int) -> bool:
    """Whether `text` is `*`, `n` or `n-m`, with or without a step, inside the limits."""
    item = _CRON_ITEM.fullmatch(text)
    if item is None:
        return False
    first = int(item["first"] or least)
    last = int(item["last"] or item["first"] or most)
    return least <= first <= last <= most and 1 <= int(item["step"] or 1) <= most


def _ever_runs(days: str, months: str, weekdays: str) -> bool:
    """Whether any date matches. With a day of the week cron runs on either, and every month has each of those."""
    if "*" not in weekdays.split(","):
        return True
    first_days = _cron_numbers(days, *_CRON_FIELDS["day of month"])
    return min(first_days) <= max(_LONGEST_MONTHS[month - 1] for month in _cron_numbers(months, *_CRON_FIELDS["month"]))


def _cron_numbers(field: str, least: int, most: int) -> set[int]:
    """The numbers that a valid field stands for; one with a step and no end goes on to the greatest."""
    numbers: set[int] = set()
    for text in field.split(","):
        item = _CRON_ITEM.fullmatch(text)
        if item is None:
            continue
        first = int(item["first"] or least)
        last = int(item["last"] or (most if item["step"] else item["first"]) or most)
        numbers.update(range(first, last + 1, int(item["step"] or 1)))
    return numbers


Schedule = Annotated[str, Kind(_SCHEDULE.name, _parse_schedule, _SCHEDULE.allowed, _SCHEDULE.schema)]
"""Times in cron's syntax."""

TimeZone = Annotated[
    str,
    _text(
        "time zone",
        # The areas of the tz database that are no legacy: what every system has.
        r"^(UTC|(Africa|America|Antarctica|Arctic|Asia|Atlantic|Australia|Europe|Indian|Pacific)"
        r"(/[A-Z][A-Za-z]*([_-][A-Za-z]+)*){1,2})$",
        "UTC or a name of the tz database such as Europe/Berlin",
    ),
]
"""A time zone by area and city."""

Bucket = Annotated[
    str,
    _text(
        "bucket",
        # The rules of Amazon S3, without dots: TLS certificates of the style "host" don't cover those.
        r"^(?=.{3,63}$)[a-z0-9]+(-+[a-z0-9]+)*$",
        "a bucket's name of 3 to 63 lower-case letters, digits and hyphens, with no hyphen at either end",
        example="example-backups",
    ),
]
"""The name of an S3 bucket."""

Region = Annotated[
    str,
    _text("region", r"^[a-z0-9]+(-[a-z0-9]+){0,5}$", "a region such as eu-central-1", example="eu-central-1"),
]
"""A region of an S3 service."""

AwsRegion = Annotated[
    str,
    _text(
        "AWS region",
        # Only these have the names arn:aws: and amazonaws.com.
        r"^(?!cn-)[a-z]{2}-[a-z]+-[1-9]$",
        "a region of AWS such as eu-central-1, outside of China, GovCloud and sovereign clouds",
        example="eu-central-1",
    ),
]
"""A region of AWS, of those that are open to all."""

KmsKey = Annotated[
    str,
    _text(
        "KMS key",
        # An IAM policy that names an alias grants nothing.
        r"^arn:aws:kms:(?!cn-)[a-z]{2}-[a-z]+-[1-9]:[0-9]{12}:key/(mrk-[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$",
        "the ARN of a key, not of an alias, such as"
        " arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    ),
]
"""A key of AWS KMS, by its ARN."""
_MOMENT: Final = _text(
    "moment",
    r"^(latest|[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?"
    r"(Z|[+-][0-9]{2}(:?[0-9]{2})?))$",
    "latest, or a time with its offset from UTC such as 2026-11-20T14:05:00+01:00, in quotes",
)


def _parse_moment(value: object) -> str:
    text: str = _MOMENT.parse(value)
    if text != "latest":
        try:
            datetime.fromisoformat(text)
        except ValueError:
            raise ValueError(f"must be {_MOMENT.allowed}") from None
    return text


Moment = Annotated[str, Kind(_MOMENT.name, _parse_moment, _MOMENT.allowed, _MOMENT.schema)]
"""A time to go back to. Without an offset it would depend on who reads it."""

BackupLabel = Annotated[
    str,
    _text(
        "backup label",
        r"^[0-9]{8}-[0-9]{6}F(_[0-9]{8}-[0-9]{6}[DI])?$",
        "the label of a backup such as 20261120-020000F or 20261120-020000F_20261121-020000D",
    ),
]
"""The name that pgBackRest gives to a backup."""
FileSet = Annotated[
    str,
    _text("set of files", r"^(latest|[0-9a-f]{8})$", "latest, or the id of a set: 8 hex digits, in quotes"),
]
"""A set of backed up files."""

RepositoryPath = Annotated[
    str,
    _text(
        "repository path",
        r"^/$|^(?=.{1,200}$)(/(?!\.)[A-Za-z0-9._-]+)+$",
        "/ or a path such as /backups/tasktracker, of letters, digits, dots, hyphens and underscores",
    ),
]
"""A folder in a bucket."""

StateBackend = Annotated[
    str,
    _text(
        "state backend",
        # No character that a shell or YAML takes for more than itself.
        r"^((s3|gs|azblob)://[a-z0-9][A-Za-z0-9._/-]*(\?[A-Za-z0-9._=&%:/-]+)?|file://[A-Za-z0-9._/~-]+)$",
        "the URL of a state backend such as s3://bucket/folder?region=eu-central-1",
    ),
]
"""Where Pulumi keeps a state."""

# Secrets

SecretName = Annotated[
    str,
    _text("secret name", r"^(?=.{1,63}$)[a-z][a-z0-9]*(_[a-z0-9]+)*$", "a name in snake case such as slack_token"),
]
"""The name of a config secret."""

_EXPRESSION: Final = "a regular expression in Python's syntax"


def _parse_expression(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"must be {_EXPRESSION}")
    try:
        re.compile(value)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"must be {_EXPRESSION}; {error}") from None
    return value


Expression = Annotated[
    str, Kind("regular expression", _parse_expression, _EXPRESSION, {"type": "string", "format": "regex"})
]
"""A regular expression."""
