"""What others have on a Docker host is found in its lists, and nothing of theirs is taken."""

from __future__ import annotations

import json
from dataclasses import replace
from ipaddress import IPv4Address
from typing import Any

import pytest

from components.preflight.host_conflicts import find, refusal
from settings import parse
from settings.limits import LIMITS
from tests.unit.components.conftest import API_TOKEN, DEBUG_PORTS, DEV, TUNNEL

Thing = dict[str, Any]


def network(name: str, subnet: str | None, stack: str | None = None, scope: str = "local") -> Thing:
    config = None if subnet is None else [{"Subnet": subnet}]
    return {"Name": name, "Scope": scope, "IPAM": {"Config": config}, "Labels": {"stack": stack} if stack else {}}


def container(name: str, *ports: Thing, stack: str | None = None) -> Thing:
    return {"Names": [f"/{name}"], "Ports": [*ports], "Labels": {"stack": stack} if stack else None}


def port(number: int, address: str = "127.0.0.1", type_: str = "tcp") -> Thing:
    return {"IP": address, "PrivatePort": 80, "PublicPort": number, "Type": type_}


def told(
    config: dict[str, str] | None = None,
    networks: tuple[Thing, ...] = (),
    containers: tuple[Thing, ...] = (),
    volumes: tuple[Thing, ...] = (),
) -> list[str]:
    """The lines that the stack `test` is told, without the heading."""
    given = config or DEV
    settings = parse("test", given, [key for key in given if key in API_TOKEN])
    message = refusal("test", settings, find("test", networks, containers, volumes))
    return message.splitlines()[1:] if message else []


def test_a_host_with_others_that_keep_apart() -> None:
    assert told() == []
    bridge = network("bridge", "172.17.0.0/16")
    other = network("tasktracker-prod-edge", "172.22.0.0/24", "prod")
    nginx = container("tasktracker-prod-nginx", port(9090), {"PrivatePort": 80, "Type": "tcp"}, stack="prod")
    assert told(networks=(bridge, other, network("host", None)), containers=(nginx,)) == []


def test_its_own_things_are_no_neighbours() -> None:
    own = network("tasktracker-test-edge", "172.20.0.0/24", "test")
    moved = network("tasktracker-test-data", "172.20.0.0/16", "test")
    nginx = container("tasktracker-test-nginx", port(8080), stack="test")
    volume = {"Name": "tasktracker-test-uploads", "Labels": {"stack": "test"}}
    assert told(networks=(own, moved), containers=(nginx,), volumes=(volume,)) == []


def test_a_subnet_of_another_stack_is_named_with_one_that_is_free() -> None:
    taken = network("tasktracker-prod-edge", "172.20.0.0/16", "prod")
    lines = told(networks=(taken, network("somebody", "172.16.0.0/24")))
    assert lines == [
        "  tasktracker:network.edge = 172.20.0.0/24: overlaps 172.20.0.0/16 of the network tasktracker-prod-edge"
        " of the stack prod; 172.16.1.0/24 is free",
        "      ./tt pulumi config set --path tasktracker:network.edge 172.16.1.0/24 --stack test",
        "  tasktracker:network.data = 172.20.1.0/24: overlaps 172.20.0.0/16 of the network tasktracker-prod-edge"
        " of the stack prod; 172.16.2.0/24 is free",
        "      ./tt pulumi config set --path tasktracker:network.data 172.16.2.0/24 --stack test",
        "  tasktracker:network.egress = 172.20.2.0/24: overlaps 172.20.0.0/16 of the network tasktracker-prod-edge"
        " of the stack prod; 172.16.3.0/24 is free",
        "      ./tt pulumi config set --path tasktracker:network.egress 172.16.3.0/24 --stack test",
    ]


def test_a_suggested_subnet_is_none_that_the_stack_has() -> None:
    mine = json.dumps({"edge": "10.1.0.0/24", "data": "172.16.0.0/24"})
    lines = told({**DEV, "network": mine}, networks=(network("somebody", "10.1.0.0/16"),))
    assert lines[0].endswith("overlaps 10.1.0.0/16 of the network somebody; 172.16.1.0/24 is free")


def test_a_host_with_no_free_subnet_is_told_as_such() -> None:
    everything = (network("a", "172.16.0.0/12"), network("b", "10.0.0.0/8"))
    assert told(networks=everything)[0].endswith("of the network a")


@pytest.mark.parametrize(
    "other", [network("swarm", "172.20.0.0/16", scope="swarm"), network("six", "fd00::/64"), network("none", None)]
)
def test_a_network_with_addresses_of_its_own_is_in_nobody_s_way(other: Thing) -> None:
    assert told(networks=(other,)) == []


def test_the_network_for_debug_ports_counts_where_there_is_one() -> None:
    debug = network("somebody", "172.20.4.0/24")
    assert told(networks=(debug,)) == []
    assert "tasktracker:network.debug = " in told({**DEV, **DEBUG_PORTS}, networks=(debug,))[0]


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0"])
def test_a_published_port_is_named_with_one_that_is_free(address: str) -> None:
    web = container("web", port(8080, address), port(8081, "192.0.2.1"))
    assert told(containers=(web,)) == [
        f"  tasktracker:nginx.publish.port = 8080: is in use already, at {address}:8080 of the container web;"
        " 8082 is free",
        "      ./tt pulumi config set --path tasktracker:nginx.publish.port 8082 --stack test",
    ]


def test_a_port_on_all_addresses_is_in_everybody_s_way(monkeypatch: pytest.MonkeyPatch) -> None:
    everywhere = {**DEV, "nginx": json.dumps({"publish": {"address": "0.0.0.0"}})}
    # Where the policies' config allows it.
    monkeypatch.setattr(
        "settings.values.addresses.LIMITS", replace(LIMITS, addresses=frozenset({IPv4Address("0.0.0.0")}))
    )
    assert len(told(everywhere, containers=(container("web", port(8080, "192.0.2.1")),))) == 2


@pytest.mark.parametrize(("taken", "free"), [(80, 1024), (443, 1024), (2999, 3001), (9089, 9092), (8221, 8223)])
def test_a_port_that_is_proposed_is_one_that_settings_take(taken: int, free: int) -> None:
    stack = {**DEV, "nginx": json.dumps({"publish": {"port": taken, "address": "192.0.2.1"}})}
    line, command = told(stack, containers=(container("web", port(taken, "192.0.2.1")),))
    assert line.endswith(f"; {free} is free")
    assert f" {free} " in command
    parse("test", {**DEV, "nginx": json.dumps({"publish": {"port": free, "address": "192.0.2.1"}})})


@pytest.mark.parametrize("other", [port(8080, "192.0.2.1"), port(8080, type_="udp"), port(8080, "::"), port(8443)])
def test_a_port_elsewhere_is_in_nobody_s_way(other: Thing) -> None:
    assert told(containers=(container("web", other),)) == []


def test_each_port_that_a_stack_publishes_counts() -> None:
    taken = container("web", port(15432), port(14222), port(18222), port(8080))
    keys = [line.split()[0] for line in told({**DEV, **DEBUG_PORTS}, containers=(taken,))[::2]]
    assert keys == [
        *("tasktracker:postgres.debug_port", "tasktracker:nats.debug_port", "tasktracker:nats.debug_monitor_port"),
        "tasktracker:nginx.publish.port",
    ]


def test_the_port_for_https_counts_with_tls() -> None:
    settings = parse("test", DEV)
    secure = settings.model_copy(update={"nginx": settings.nginx.model_copy(update={"tls": True})})
    found = find("test", (), (container("web", port(8443)),), ())
    assert refusal("test", settings, found) is None
    assert "tasktracker:nginx.publish.tls_port = 8443: " in (refusal("test", secure, found) or "")


def test_with_a_tunnel_no_port_of_the_host_matters() -> None:
    assert told({**TUNNEL, **API_TOKEN}, containers=(container("web", port(8080), port(8443)),)) == []


@pytest.mark.parametrize(
    ("kind", "things"),
    [
        ("network", {"networks": (network("tasktracker-test-edge", "10.9.0.0/24"),)}),
        ("container", {"containers": (container("tasktracker-test-nginx"),)}),
        ("volume", {"volumes": ({"Name": "tasktracker-test-uploads", "Labels": None},)}),
    ],
)
def test_a_name_of_the_stack_on_what_is_not_its_own(kind: str, things: dict[str, Any]) -> None:
    line, command = told(**things)
    assert line.startswith(f"  the stack's name, test: the {kind} tasktracker-test-")
    assert "has a name that this stack may give, and is not its own. It may hold live data" in line
    assert command == "      ./tt stack new NAME --like test"


def test_a_stack_whose_name_begins_with_this_one_s_is_a_neighbour() -> None:
    assert told(containers=(container("tasktracker-test-eu-nginx", stack="test-eu"),)) == []
    assert told(containers=(container("tasktracker-test-nginx", stack="somebody"),)) != []
