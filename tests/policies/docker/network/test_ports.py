"""What the host publishes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import strategies as st
from pydantic import ValidationError

from policies.docker.monitoring.findings import MonitoringOptions
from policies.docker.network.ports import PortOptions
from policies.evaluate import findings, message
from policies.rule import Scope
from policies.values import UNKNOWN
from policies.workloads.tunnels import TUNNELS
from tests.policies.cases import Case, of_each_rule, rule_of, run_all
from tests.policies.compliant import UNSET, carrier, container, service
from tests.policies.docker.network.publishing import (
    DEV_PORTS,
    EVERY_INTERFACE,
    PORTS,
    QUIET,
    in_swarm,
    labels,
    nginx,
    other,
    port,
    tunnel,
)

#: Ports that are random, reserved, several or none.
WRONG_PORTS: tuple[Any, ...] = (
    None, 0, "0", -1, 0.4, 65536, 1e300, "", "8000-8010", "http", [8080], {}, True, float("nan"), 22, 25, 1023,
    "443.9x",
)  # fmt: skip

PORT_CASES = (
    Case("DKR-PORT", "passing", "compliant", (container(), carrier(), service())),
    *(
        Case("DKR-PORT", "passing", f"address {address}", nginx(ip=address))
        for address in ("192.0.2.10", "::1", "2001:db8::1", "::ffff:192.0.2.10")
    ),
    Case("DKR-PORT", "passing", "web ports", (container({"ports": [port(external=80), port(external="443")]}),)),
    Case("DKR-PORT", "passing", "no ports", (container({"ports": UNSET}), container({"ports": None}))),
    Case("DKR-PORT", "passing", "another publisher", (other("proxy", port()),), options={"publishers": ["proxy"]}),
    Case("DKR-PORT", "passing", "every interface if allowed", nginx(ip="0.0.0.0"), options={"addresses": ["0.0.0.0"]}),
    Case("DKR-PORT", "passing", "unset if it is allowed", nginx(ip=None), options={"addresses": ["0.0.0.0"]}),
    Case("DKR-PORT", "passing", "every one of IPv6 if allowed", nginx(ip="::0"), options={"addresses": ["::"]}),
    Case(
        "DKR-PORT", "passing", "swarm if every interface is allowed",
        in_swarm({"targetPort": 8080.0, "publishedPort": 443.0}), options={"addresses": ["0.0.0.0"]},
    ),
    Case("DKR-PORT", "passing", "the dev stack", (container(), *DEV_PORTS), environment="dev"),
    Case("DKR-PORT", "passing", "debugging on IPv6", (other("nats", port(ip="::1")),), environment="dev"),
    Case("DKR-PORT", "failing", "another service", (other("postgres", port()),), ("ports[0]",)),
    Case("DKR-PORT", "failing", "another service in staging", (other("postgres", port()),), ("ports[0]",),
         environment="staging"),
    Case("DKR-PORT", "failing", "the dev stack in prod", DEV_PORTS, ("ports[0]", "ports[0]", "ports[1]")),
    Case("DKR-PORT", "failing", "every service in swarm", in_swarm({"targetPort": 8080, "publishedPort": 8080}),
         (f"{PORTS}[0]",)),
    *(
        Case("DKR-PORT", "bypass", f"address {address!r}", nginx(ip=address), ("ports[0].ip",))
        for address in EVERY_INTERFACE
    ),
    *(
        Case("DKR-PORT", "bypass", f"address {address!r} in dev", nginx(ip=address), ("ports[0].ip",),
             environment="dev")
        for address in EVERY_INTERFACE
    ),
    *(
        Case("DKR-PORT", "bypass", f"debugging at {address!r}", (other("nats", port(ip=address)),), ("ports[0]",),
             environment="dev")
        for address in (*EVERY_INTERFACE, "192.0.2.10")
    ),
    Case("DKR-PORT", "bypass", "IPv6 where IPv4 is allowed", nginx(ip="::"), ("ports[0].ip",),
         options={"addresses": ["0.0.0.0"]}),
    Case("DKR-PORT", "bypass", "unreadable where all are allowed", nginx(ip="0"), ("ports[0].ip",),
         options={"addresses": ["0.0.0.0", "::"]}),
    Case("DKR-PORT", "bypass", "no debugging", (other("nats", port()),), ("ports[0]",), environment="dev",
         options={"loopbackInDevelopment": False}),
    *(
        Case("DKR-PORT", "bypass", f"external {external!r}", nginx(external=external), ("ports[0].external",))
        for external in WRONG_PORTS
    ),
    Case("DKR-PORT", "bypass", "random port in dev", (other("nats", port(external=None)),), ("ports[0].external",),
         environment="dev"),
    Case("DKR-PORT", "bypass", "random port in swarm", in_swarm({"targetPort": 8080.0}),
         (f"{PORTS}[0].publishedPort",), options={"addresses": ["0.0.0.0"]}),
    Case("DKR-PORT", "bypass", "host mode in swarm",
         in_swarm({"targetPort": 8080.0, "publishedPort": 8080.0, "publishMode": "host"}), (f"{PORTS}[0]",)),
    Case("DKR-PORT", "bypass", "endpoint in a list of one", (service({"endpointSpec": [{"ports": [{}]}]}),),
         (f"{PORTS}[0]", f"{PORTS}[0].publishedPort")),
    *(
        Case("DKR-PORT", "bypass", f"all ports by {value!r}", (container({"publishAllPorts": value}),),
             ("publishAllPorts",))
        for value in (True, "true", "T", 1)
    ),
    Case("DKR-PORT", "bypass", "all ports in dev", (container({"publishAllPorts": True}),), ("publishAllPorts",),
         environment="dev"),
    Case("DKR-PORT", "bypass", "no label", (container({"labels": []}),), ("ports[0]",)),
    Case("DKR-PORT", "bypass", "two labels", (container({"labels": labels("postgres", "nginx")}),), ("ports[0]",)),
    Case("DKR-PORT", "bypass", "two labels the other way", (container({"labels": labels("nginx", "postgres")}),),
         ("ports[0]",)),
    Case("DKR-PORT", "bypass", "label in capitals", (container({"labels": labels("Nginx")}),), ("ports[0]",)),
    Case("DKR-PORT", "bypass", "label with white space", (container({"labels": labels("nginx ")}),), ("ports[0]",)),
    Case("DKR-PORT", "bypass", "labels of a service and of its containers differ",
         in_swarm({"targetPort": 8080.0, "publishedPort": 8080.0}, labels=labels("postgres")), (f"{PORTS}[0]",)),
    Case("DKR-PORT", "bypass", "one port of two", (container({"ports": [port(), port(ip="::")]}),), ("ports[1].ip",)),
    # With a tunnel.
    Case("DKR-PORT", "passing", "tunnel alone", (QUIET, tunnel())),
    Case("DKR-PORT", "passing", "tunnel and debugging", (QUIET, *DEV_PORTS, tunnel()), environment="dev"),
    Case("DKR-PORT", "failing", "tunnel and a port", (container(), tunnel()), ("ports[0]",)),
    Case("DKR-PORT", "bypass", "older tunnel", (tunnel(TUNNELS[1]), container()), ("ports[0]",)),
    Case("DKR-PORT", "bypass", "tunnel's container", (container(), other("cloudflared")), ("ports[0]",)),
    Case("DKR-PORT", "bypass", "tunnel's container by its image",
         (container(), other("sidecar", image="docker.io/cloudflare/cloudflared:2025.1.0")), ("ports[0]",)),
    Case("DKR-PORT", "bypass", "tunnel's container by an option", (container(), other("way-out")), ("ports[0]",),
         options={"tunnelServices": ["way-out"]}),
    Case("DKR-PORT", "bypass", "tunnel's service",
         (service({"labels": labels("cloudflared")}), container()), ("ports[0]",)),
    Case("DKR-PORT", "bypass", "tunnel and a swarm port",
         (tunnel(), *in_swarm({"targetPort": 8080.0, "publishedPort": 443.0})), (f"{PORTS}[0]",),
         options={"addresses": ["0.0.0.0"]}),
    Case("DKR-PORT", "bypass", "tunnel and a port on the LAN in dev", (*nginx(ip="192.0.2.10"), tunnel()),
         ("ports[0]",), environment="dev"),
    # Unknown.
    Case("DKR-PORT", "unknown", "ports", (container({"ports": UNKNOWN, "publishAllPorts": UNKNOWN}), tunnel())),
    Case("DKR-PORT", "unknown", "one port of two", (container({"ports": [UNKNOWN, port(ip="")]}),), ("ports[1].ip",)),
    Case("DKR-PORT", "unknown", "address", nginx(ip=UNKNOWN)),
    Case("DKR-PORT", "unknown", "address of a debug port", (other("nats", port(ip=UNKNOWN)),), environment="dev"),
    Case("DKR-PORT", "unknown", "address of another service's", (other("nats", port(ip=UNKNOWN)),), ("ports[0]",)),
    Case("DKR-PORT", "unknown", "external", nginx(external=UNKNOWN, ip="::"), ("ports[0].ip",)),
    Case("DKR-PORT", "unknown", "labels", (container({"labels": UNKNOWN}),)),
    Case("DKR-PORT", "unknown", "one label", (container({"labels": [UNKNOWN]}),)),
    Case("DKR-PORT", "unknown", "label's value", (container({"labels": labels(UNKNOWN)}),)),
    Case("DKR-PORT", "unknown", "label of another service", (container({"labels": [*labels("nats"), UNKNOWN]}),),
         ("ports[0]",)),
    Case("DKR-PORT", "unknown", "service", (service({"endpointSpec": UNKNOWN, "taskSpec": UNKNOWN}),)),
)  # fmt: skip


def test_a_stack_finding_names_its_resource() -> None:
    rule, publisher = rule_of("DKR-PORT"), container()
    (found,) = findings(rule, (publisher, tunnel()), Scope(rule.options()))
    assert found.urn == publisher.urn
    text = message(rule, found, publisher)
    assert text.startswith('ports[0] is "8080". Allowed: no published port in a stack with a tunnel.')


@pytest.mark.parametrize(
    ("options", "config"),
    [
        (PortOptions, {"addresses": ["everywhere"]}),
        (PortOptions, {"addresses": [" 0.0.0.0"]}),
        (PortOptions, {"publishers": "nginx"}),
        (MonitoringOptions, {"ports": [0]}),
        (MonitoringOptions, {"ports": [-8222]}),
        (MonitoringOptions, {"ports": ["9121"]}),
        (MonitoringOptions, {"allowedPorts": [8222]}),
    ],
)
def test_options_are_strict(options: type[PortOptions | MonitoringOptions], config: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        options.model_validate_json(json.dumps(config))


def forms(number: int) -> st.SearchStrategy[Any]:
    """The ways to write a number that the provider reads as that one."""
    return st.sampled_from(
        (number, float(number), number + 0.75, str(number), f" {number}", f"+{number}", f"000{number}", f"{number}.0")
    )


CASES = PORT_CASES


@of_each_rule(CASES)
def test_cases(cases: Sequence[Case]) -> None:
    run_all(cases)
