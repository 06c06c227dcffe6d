"""Networks, the networks that a container is on, and its ports."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from policies.audit.inspection.host import Host
from policies.audit.inspection.values import given, labels, nonzero, objects, texts
from policies.values import entries, flag, lookup, number, text


def network(inspected: object) -> dict[str, Any]:
    """The inputs of a `docker.Network` that would make this one."""
    whole = entries(inspected)
    ipam = entries(whole.get("IPAM"))
    return given(
        {
            "name": text(whole.get("Name")),
            "driver": text(whole.get("Driver")),
            "internal": flag(whole.get("Internal")),
            "attachable": flag(whole.get("Attachable")),
            "ingress": flag(whole.get("Ingress")),
            "ipv6": flag(whole.get("EnableIPv6")),
            "options": entries(whole.get("Options")),
            "ipamDriver": text(ipam.get("Driver")),
            "ipamOptions": entries(ipam.get("Options")),
            "ipamConfigs": [
                given(
                    {
                        "subnet": text(each.get("Subnet")),
                        "gateway": text(each.get("Gateway")),
                        "ipRange": text(each.get("IPRange")),
                        "auxAddress": entries(each.get("AuxiliaryAddresses") or each.get("AuxAddress")),
                    }
                )
                for each in objects(ipam.get("Config"))
            ],
            "labels": labels(whole.get("Labels")),
        }
    )


def published_ports(asked: object, bound: object) -> Iterator[dict[str, Any]]:
    """The ports that are bound, and those that were asked for and are not, or not now."""
    now = entries(bound)
    for key, bindings in now.items():
        for each in objects(bindings):
            yield _port(key, each)
    for key, bindings in entries(asked).items():
        # An empty list asks for any port of the host.
        for each in objects(bindings) or ([] if objects(now.get(key)) else [{}]):
            if not any(_fulfils(actual, each) for actual in objects(now.get(key))):
                yield _port(key, each)


def _port(key: str, binding: Mapping[str, Any]) -> dict[str, Any]:
    internal, _, protocol = key.partition("/")
    external = text(binding.get("HostPort"))
    return given(
        {
            "internal": nonzero(internal),
            # A range, of which Docker takes one, stays a text.
            "external": (nonzero(external) if number(external) is not None else external),
            "ip": text(binding.get("HostIp")),
            "protocol": protocol or "tcp",
        }
    )


def _fulfils(actual: Mapping[str, Any], asked: Mapping[str, Any]) -> bool:
    """Whether a bound port is what was asked for: any address and any port, where none was named."""
    ip, port = text(asked.get("HostIp")), text(asked.get("HostPort"))
    if ip and ip != text(actual.get("HostIp")):
        return False
    bound = number(actual.get("HostPort"))
    if not port or port == "0" or bound is None:
        return True
    first, _, last = port.partition("-")
    low, high = number(first), number(last or first)
    return low is not None and high is not None and low <= bound <= high


def attached_networks(whole: Mapping[str, Any], host: Host) -> Iterator[dict[str, Any]]:
    """The networks that it is on. `host` and `none` are modes, not networks to be on."""
    short_id = (text(whole.get("Id")) or "")[:12]
    for key, value in entries(lookup(whole, "NetworkSettings.Networks")).items():
        if key in ("host", "none"):
            continue
        endpoint = entries(value)
        yield given(
            {
                "name": host.networks.get(text(endpoint.get("NetworkID")) or "", key),
                # Docker adds the container's own id.
                "aliases": [alias for alias in texts(endpoint.get("Aliases")) if alias != short_id],
                "ipv4Address": text(lookup(endpoint, "IPAMConfig.IPv4Address")),
                "ipv6Address": text(lookup(endpoint, "IPAMConfig.IPv6Address")),
                "linkLocalIps": texts(lookup(endpoint, "IPAMConfig.LinkLocalIPs")),
            }
        )
