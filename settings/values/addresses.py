"""Ports, host names, addresses and subnets."""

import re
from ipaddress import AddressValueError, IPv4Address, IPv4Network
from typing import Annotated, Final

from pydantic import Field

from settings.limits import LIMITS, raising
from settings.values.kind import Kind, text_kind

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


_LABEL: Final = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_HOST_NAME: Final = text_kind(
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
_ADDRESS: Final = text_kind(
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
_SUBNET: Final = text_kind(
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
    text_kind(
        "e-mail address",
        # Access compares without regard to case; one spelling keeps an address from being listed twice.
        rf"^(?=.{{3,254}}$)[a-z0-9][a-z0-9._%+-]{{0,63}}@{_LABEL}(\.{_LABEL})+$",
        "an e-mail address in lower case such as jo@example.com",
        example="jo@example.com",
    ),
]
"""The address of one person."""
