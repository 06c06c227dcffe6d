"""The networks and ports that Docker says a container has."""

from __future__ import annotations

from typing import Any

import pytest

from policies.audit.inspection.container import container
from tests.policies.audit.inspection.samples import HOST, NETWORK_ID, inspected


def ports(asked: Any, bound: Any) -> list[Any]:
    changes = {"HostConfig.PortBindings": asked, "NetworkSettings.Ports": bound}
    found: list[Any] = container(inspected(changes), HOST).get("ports", [])
    return found


ANY = {"HostIp": "0.0.0.0", "HostPort": "32771"}
SIX = {"HostIp": "::", "HostPort": "32771"}


def port(external: Any = None, ip: str | None = None, internal: int = 80, protocol: str = "tcp") -> dict[str, Any]:
    given = {"internal": internal, "external": external, "ip": ip, "protocol": protocol}
    return {key: value for key, value in given.items() if value is not None}


@pytest.mark.parametrize(
    ("asked", "bound", "expected"),
    [
        (None, None, []),
        (None, {"80/tcp": None}, []),
        # Asked for any address and port: what it got.
        ({"80/tcp": [{"HostIp": "", "HostPort": ""}]}, {"80/tcp": [ANY, SIX]}, [(32771, "0.0.0.0"), (32771, "::")]),
        ({"80/tcp": [{"HostIp": "", "HostPort": "0"}]}, {"80/tcp": [ANY]}, [(32771, "0.0.0.0")]),
        ({"80/tcp": [{"HostIp": "", "HostPort": "32770-32780"}]}, {"80/tcp": [ANY]}, [(32771, "0.0.0.0")]),
        # Published by PublishAllPorts.
        (None, {"80/tcp": [ANY]}, [(32771, "0.0.0.0")]),
        # Several addresses, one of them not bound.
        (
            {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "80"}, {"HostIp": "10.0.0.1", "HostPort": "80"}]},
            {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "80"}]},
            [(80, "127.0.0.1"), (80, "10.0.0.1")],
        ),
        # Not running: what was asked for.
        ({"80/tcp": [{"HostIp": "", "HostPort": "80"}]}, {}, [(80, None)]),
        ({"80/tcp": [{"HostIp": "", "HostPort": ""}]}, {}, [(None, None)]),
        ({"80/tcp": [{"HostIp": "", "HostPort": "8000-8010"}]}, {}, [("8000-8010", None)]),
        ({"80/tcp": []}, {}, [(None, None)]),
        ({"80/tcp": None}, {"80/tcp": [ANY]}, [(32771, "0.0.0.0")]),
    ],
)
def test_ports(asked: Any, bound: Any, expected: list[tuple[Any, str | None]]) -> None:
    assert ports(asked, bound) == [port(external, ip) for external, ip in expected]


def test_a_port_keeps_its_protocol() -> None:
    assert ports({"53/udp": [{"HostIp": "127.0.0.1", "HostPort": "53"}], "80": None}, {}) == [
        port(53, "127.0.0.1", internal=53, protocol="udp"),
        port(),
    ]


def test_the_default_bridge_is_a_network_to_be_seen() -> None:
    changes = {"HostConfig.NetworkMode": "default", "NetworkSettings.Networks": {"bridge": {"NetworkID": 64 * "b"}}}
    seen = container(inspected(changes), HOST)
    assert seen["networkMode"] == "bridge"
    assert seen["networksAdvanced"] == [{"name": "bridge"}]


def test_a_network_in_the_hosts_list_has_its_name() -> None:
    changes = {"NetworkSettings.Networks": {NETWORK_ID: {"NetworkID": NETWORK_ID}}}
    assert container(inspected(changes), HOST)["networksAdvanced"] == [{"name": "tasktracker-prod-edge"}]
