"""IP addresses as Docker reads them."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address


def parsed(value: object) -> IPv4Address | IPv6Address | None:
    """The address as Go's `net.ParseIP` reads it; None where it reads none.

    A zone, brackets or white space make Docker bind every interface, as it does for no address.
    """
    if not isinstance(value, str) or "%" in value:
        return None
    try:
        address = ip_address(value)
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def is_loopback(value: object) -> bool:
    """Whether `value` is an address that only this host reaches."""
    address = parsed(value)
    return address is not None and address.is_loopback
