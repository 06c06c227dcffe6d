"""Containers and services that publish ports, and tunnels, for the tests of the rules."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from policies.resource import Resource
from policies.values import UNKNOWN
from policies.workloads.tunnels import TUNNEL_CONFIGS, TUNNELS
from tests.policies.compliant import container, make, service

SPEC = "taskSpec.containerSpec"
PORTS = "endpointSpec.ports"
NETWORKS = "taskSpec.networksAdvanceds"


def port(**changes: Any) -> dict[str, Any]:
    return {"internal": 8080.0, "external": 8080.0, "ip": "127.0.0.1", "protocol": "tcp", **changes}


def labels(*services: Any) -> list[dict[str, Any]]:
    return [{"label": "stack", "value": "prod"}, *({"label": "service", "value": each} for each in services)]


def nginx(**changes: Any) -> tuple[Resource]:
    """The publisher, with a change to its port."""
    return (container({"ports": [port(**changes)]}),)


def other(service_name: str, *ports: Any, **changes: Any) -> Resource:
    """Another service that publishes."""
    return container({"ports": list(ports), "labels": labels(service_name), **changes}, name=service_name)


def in_swarm(*ports: Any, **changes: Any) -> tuple[Resource]:
    return (service({PORTS: list(ports), **changes}),)


def tunnel(type_: str = TUNNELS[0]) -> Resource:
    return make(type_, {"name": "tasktracker"}, name="tunnel")


def tunnel_config(service_url: Any, type_: str = TUNNEL_CONFIGS[0], key: str = "ingresses") -> tuple[Resource]:
    rules = [{"hostname": "x.example.com", "service": service_url}, {"service": "http_status:404"}]
    return (make(type_, {"config": {key: rules}}, name="tunnel-config"),)


QUIET = container({"ports": []})

#: What the committed dev stack publishes beside nginx.
DEV_PORTS = (
    other("postgres", port(internal=5432.0, external=15432.0)),
    other("nats", port(internal=4222.0, external=14222.0), port(internal=8222.0, external=18222.0)),
)

#: Addresses that are every interface's, or that Docker can't read and takes for that.
EVERY_INTERFACE: tuple[Any, ...] = (
    None, "", "0.0.0.0", "::", "[::]", "0", "0x0", "0:0:0:0:0:0:0:0", "::0", "::ffff:0.0.0.0", "::ffff:0:0", " ", "*",
    " 127.0.0.1", "127.0.0.1 ", "127.0.0.1\n", "127.1", "0127.0.0.1", "2130706433", "localhost", "[::1]", "::1%lo",
    "${IP}", "127.0.0.1/8", "\u0661\u0662\u0667.0.0.1", 0, 127, True, [], ["127.0.0.1"], {},
)  # fmt: skip

ADDRESSES = st.one_of(
    st.sampled_from(EVERY_INTERFACE), st.ip_addresses().map(str), st.text(max_size=20), st.just(UNKNOWN)
)
