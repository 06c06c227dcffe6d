"""What others have on a Docker host is found in its lists, and nothing of theirs is taken."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from ipaddress import IPv4Address
from typing import Any

import docker
import pulumi
import pytest
import requests

from components import docker_host, engine_version
from components.neighbours import NOT_ASKED, neighbours, refusal, refuse_clashes
from settings import parse, values
from settings.limits import LIMITS
from settings.ownership import Memory
from tests.unit.components.conftest import API_TOKEN, DEBUG_PORTS, DEV, TUNNEL

Thing = dict[str, Any]

#: The memory of a stack that nothing was made of yet.
NEW: Future[Memory] = Future()
NEW.set_result(Memory())


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
    message = refusal("test", settings, neighbours("test", networks, containers, volumes))
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
        f"  tasktracker:nginx.publish.port = 8080: is published already, at {address}:8080 of the container web;"
        " 8082 is free",
        "      ./tt pulumi config set --path tasktracker:nginx.publish.port 8082 --stack test",
    ]


def test_a_port_on_all_addresses_is_in_everybody_s_way(monkeypatch: pytest.MonkeyPatch) -> None:
    everywhere = {**DEV, "nginx": json.dumps({"publish": {"address": "0.0.0.0"}})}
    # Where the policies' config allows it.
    monkeypatch.setattr(values, "LIMITS", replace(LIMITS, addresses=frozenset({IPv4Address("0.0.0.0")})))
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
    found = neighbours("test", (), (container("web", port(8443)),), ())
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
def test_a_name_of_the_stack_on_what_is_not_its_own(kind: str, things: dict[str, tuple[Thing, ...]]) -> None:
    line, command = told(**things)
    assert line.startswith(f"  the stack's name, test: the {kind} tasktracker-test-")
    assert "has a name that this stack may give, and is not its own. It may hold live data" in line
    assert command == "      ./tt stack new NAME --like test"


def test_a_stack_whose_name_begins_with_this_one_s_is_a_neighbour() -> None:
    assert told(containers=(container("tasktracker-test-eu-nginx", stack="test-eu"),)) == []
    assert told(containers=(container("tasktracker-test-nginx", stack="somebody"),)) != []


class Api:
    """The lists of a Docker host; `error` is what asking raises."""

    def __init__(self, error: Exception | None = None, *networks: Thing, **version: str) -> None:
        self.api, self._error, self._networks = self, error, networks
        self._version = {"Version": "28.5.2", "ApiVersion": "1.51", **version}

    def version(self) -> Thing:
        return dict(self._version)

    def networks(self) -> list[Thing]:
        if self._error:
            raise self._error
        return [*self._networks]

    def containers(self, *, all: bool) -> list[Thing]:
        assert all
        return []

    def volumes(self) -> Thing:
        return {"Volumes": None}


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    return lambda *given, **version: monkeypatch.setattr(docker_host, "client", lambda timeout: Api(*given, **version))


def test_a_clash_ends_the_program_with_one_message(host: Callable[..., None]) -> None:
    host(None, network("somebody", "172.20.0.0/24"))
    with pytest.raises(pulumi.RunError) as caught:
        refuse_clashes("test", parse("test", DEV), NEW)
    lines = str(caught.value).splitlines()
    assert lines[0] == (
        "Pulumi.test.yaml clashes with what is on the Docker host. Nothing was changed. Set other values:"
    )
    assert len(lines) == 3


@pytest.mark.parametrize(
    "error", [docker.errors.DockerException("no\nanswer"), requests.exceptions.ReadTimeout("no answer")]
)
def test_a_host_that_does_not_answer_is_one_warning_of_a_preview(
    host: Callable[..., None], monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    warnings: list[str] = []
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: True)
    monkeypatch.setattr(pulumi.log, "warn", warnings.append)
    host(error)
    refuse_clashes("test", parse("test", DEV), NEW)
    assert warnings == [f"{NOT_ASKED} (no answer)"]


def test_an_update_of_a_host_that_does_not_answer_changes_nothing(
    host: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: False)
    host(docker.errors.DockerException("no answer"))
    with pytest.raises(pulumi.RunError) as caught:
        refuse_clashes("test", parse("test", DEV), NEW)
    assert str(caught.value) == f"{NOT_ASKED} (no answer). Nothing was changed."


def test_an_engine_that_is_too_old_ends_the_program(host: Callable[..., None]) -> None:
    host(Version="19.03.15", ApiVersion="1.40")
    with pytest.raises(pulumi.RunError) as caught:
        refuse_clashes("test", parse("test", DEV), NEW)
    assert str(caught.value) == (
        "the Docker host has Docker 19.03.15 (API 1.40), and the oldest that the program supports is 20.10 (API 1.41):"
        " update Docker there. Nothing was changed."
    )


@pytest.mark.parametrize(
    ("version", "api"), [("20.10.24+dfsg1", "1.41"), ("26.1.5+dfsg1", "1.45"), ("28.5.2", "1.51"), ("4.9.3", "1.41")]
)
def test_an_engine_that_is_supported_is_not_mentioned(
    host: Callable[..., None], monkeypatch: pytest.MonkeyPatch, version: str, api: str
) -> None:
    monkeypatch.setattr(pulumi.log, "info", pytest.fail)
    host(Version=version, ApiVersion=api)
    refuse_clashes("test", parse("test", DEV), NEW)


def test_an_engine_that_is_newer_is_mentioned(host: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(pulumi.log, "info", said.append)
    host(Version="29.0.1", ApiVersion="1.52")
    refuse_clashes("test", parse("test", DEV), NEW)
    assert said == [
        "the Docker host has Docker 29.0.1, which is newer than those that this version of the program was tested with"
        " (20.10 to 28)"
    ]


@pytest.mark.parametrize("version", [{}, {"Version": "dev", "ApiVersion": "x"}, {"Version": "", "ApiVersion": ""}])
def test_a_version_that_says_nothing_is_passed_over(version: dict[str, str]) -> None:
    assert engine_version.refusal(version) is None
    assert engine_version.notice(version) is None
