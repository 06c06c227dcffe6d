"""The networks that containers are on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from policies.resource import Resource
from policies.values import UNKNOWN
from tests.policies.cases import Case, of_each_rule, run_all
from tests.policies.compliant import UNSET, carrier, container, network, service
from tests.policies.docker.network.publishing import NETWORKS, labels


def attached(*names: Any, mode: Any = "bridge") -> tuple[Resource]:
    return (container({"networkMode": mode, "networksAdvanced": [{"name": name} for name in names]}),)


PREDEFINED = ("bridge", "default", "host", "none", "ingress", "docker_gwbridge", "nat")

#: Not what Docker takes for a network's name, or only by another spelling.
ODD_MODES: tuple[Any, ...] = ("Bridge", "DEFAULT", " bridge ", " ", True, [], ["x"], {})
ODD_NAMES: tuple[Any, ...] = ("Bridge", "bridge ", "HOST", "", None, [], True)

NETWORK_CASES = (
    Case("DKR-NET", "passing", "compliant", (container(), carrier(), service())),
    Case("DKR-NET", "passing", "unset mode", (container({"networkMode": UNSET}),)),
    Case("DKR-NET", "passing", "default mode", (container({"networkMode": "default"}),)),
    Case("DKR-NET", "passing", "none", attached(mode="none")),
    Case("DKR-NET", "passing", "mode names a network", attached(mode="tasktracker-prod-edge")),
    Case("DKR-NET", "passing", "mode names one of two", attached("x-data", mode="x-edge")),
    *(
        Case("DKR-NET", "bypass", f"the default network by its id, {name[:12]}",
             (container({"networksAdvanced": [{"name": name}]}), container({"networkMode": name}),
              service({NETWORKS: [{"id": name}]}), service({NETWORKS: [{"name": name}]})),
             ("networksAdvanced[0].name", "networkMode", f"{NETWORKS}[0].id", f"{NETWORKS}[0].name"))
        for name in ("a1affc82205e129b67a0e0d70388740ebb0335afd269b922638e584772837d03", "a1affc82205e", "a1a", "e")
    ),
    Case("DKR-NET", "passing", "names that can't be ids",
         tuple(container({"networksAdvanced": [{"name": name}]}) for name in ("edge", "backend", "db-1", "app_db"))),
    Case("DKR-NET", "unknown", "an id",
         (container({"networkMode": UNKNOWN, "networksAdvanced": [{"name": UNKNOWN}]}),)),
    Case("DKR-NET", "passing", "service by id", (service({NETWORKS: [{"id": "4cjzyl2jb5nm"}]}),)),
    *(
        Case("DKR-NET", "failing", f"mode {mode!r} alone", attached(mode=mode), ("networksAdvanced",))
        for mode in (None, "", "bridge", "default")
    ),
    Case("DKR-NET", "failing", "service without networks", (service({NETWORKS: UNSET}),), (NETWORKS,)),
    *(
        Case("DKR-NET", "failing", f"network {name}", attached(name), ("networksAdvanced[0].name",))
        for name in PREDEFINED
    ),
    *(
        Case("DKR-NET", "failing", f"service on {name}", (service({NETWORKS: [{"name": name}]}),),
             (f"{NETWORKS}[0].name",))
        for name in PREDEFINED
    ),
    *(
        Case("DKR-NET", "bypass", f"mode {mode!r}", attached("tasktracker-prod-edge", mode=mode), ("networkMode",))
        for mode in ("host", "Host", " host", "container:nats", "Container:nats", "ingress", "docker_gwbridge", "nat")
    ),
    *(
        Case("DKR-NET", "bypass", f"mode {mode!r} alone", attached(mode=mode), ("networksAdvanced",))
        for mode in ODD_MODES
    ),
    *(
        Case("DKR-NET", "bypass", f"network {name!r}", attached("tasktracker-prod-edge", name),
             ("networksAdvanced[1].name",))
        for name in ODD_NAMES
    ),
    Case("DKR-NET", "bypass", "predefined in default mode", attached("bridge", mode=None),
         ("networksAdvanced[0].name",)),
    Case("DKR-NET", "bypass", "predefined beside a named mode", attached("bridge", mode="tasktracker-prod-edge"),
         ("networksAdvanced[0].name",)),
    Case("DKR-NET", "bypass", "no list", (container({"networksAdvanced": {"name": "x"}}),), ("networksAdvanced",)),
    Case("DKR-NET", "bypass", "entry that is no object", (container({"networksAdvanced": ["x"]}),),
         ("networksAdvanced[0].name",)),
    Case("DKR-NET", "bypass", "id wins in a service",
         (service({NETWORKS: [{"name": "tasktracker-prod-edge", "id": "bridge"}]}),), (f"{NETWORKS}[0].id",)),
    Case("DKR-NET", "unknown", "mode", attached(mode=UNKNOWN)),
    Case("DKR-NET", "unknown", "mode with a predefined network", attached("host", mode=UNKNOWN),
         ("networksAdvanced[0].name",)),
    Case("DKR-NET", "unknown", "networks", (container({"networksAdvanced": UNKNOWN}),)),
    Case("DKR-NET", "unknown", "networks in host mode",
         (container({"networksAdvanced": UNKNOWN, "networkMode": "host"}),), ("networkMode",)),
    Case("DKR-NET", "unknown", "a network's name", attached(UNKNOWN)),
    Case("DKR-NET", "unknown", "one of two", (container({"networksAdvanced": [UNKNOWN, {"name": "bridge"}]}),),
         ("networksAdvanced[1].name",)),
    Case("DKR-NET", "unknown", "service", (service({NETWORKS: UNKNOWN}), service({"taskSpec": UNKNOWN}))),
)  # fmt: skip

BRIDGE = "com.docker.network.bridge"


def edge(changes: dict[str, Any] | None = None) -> tuple[Resource]:
    """A network that may have a way out."""
    named = {"name": "tasktracker-prod-edge", "internal": False, "labels": labels("edge"), **(changes or {})}
    return (network(named, name="edge"),)


INTERNAL_CASES = (
    Case("NET-INT", "passing", "compliant", (network(),)),
    Case("NET-INT", "passing", "edge", edge()),
    Case("NET-INT", "passing", "internal as text", (network({"internal": "true"}),)),
    Case("NET-INT", "passing", "default driver", edge({"driver": None})),
    Case("NET-INT", "passing", "overlay", edge({"driver": "overlay", "options": {"encrypted": ""}})),
    Case("NET-INT", "passing", "name that only ends alike", edge({"name": "tasktracker-prod-metadata"})),
    Case("NET-INT", "passing", "other patterns", (network({"internal": False}),), options={"networks": ["*-store"]}),
    Case("NET-INT", "passing", "ingress and addresses as they are by default",
         edge({"ingress": False, "ipamDriver": "default"})),
    Case("NET-INT", "passing", "options that open nothing", edge({"options": {
        f"{BRIDGE}.name": "br-edge", f"{BRIDGE}.enable_icc": "false", f"{BRIDGE}.gateway_mode_ipv4": "nat",
        f"{BRIDGE}.host_binding_ipv4": "127.0.0.1", "com.docker.network.driver.mtu": "1450",
        "com.docker.network.enable_ipv4": "true", f"{BRIDGE}.default_bridge": "false"}})),
    *(
        Case("NET-INT", "failing", f"internal {value!r}", (network({"internal": value}),), ("internal",))
        for value in (False, None, "false", 0, "", "yes", [True])
    ),
    Case("NET-INT", "failing", "monitoring",
         (network({"name": "tasktracker-prod-monitoring", "internal": False}, name="x"),), ("internal",)),
    *(
        Case("NET-INT", "failing", f"driver {driver!r}", edge({"driver": driver}), ("driver",))
        for driver in ("macvlan", "ipvlan", "host", "null", "weave", "transparent", "l2bridge", 1, ["bridge"])
    ),
    *(
        Case("NET-INT", "bypass", f"driver {driver!r}", edge({"driver": driver}), ("driver",))
        for driver in ("Bridge", "bridge ", " macvlan", "MACVLAN", "weaveworks/net-plugin:latest")
    ),
    Case("NET-INT", "bypass", "name in capitals", edge({"name": "TaskTracker-Prod-DATA"}), ("internal",)),
    Case("NET-INT", "bypass", "name with white space", edge({"name": "tasktracker-prod-data "}), ("internal",)),
    Case("NET-INT", "bypass", "the label says it", edge({"labels": labels("data")}), ("internal",)),
    Case("NET-INT", "bypass", "one of two labels says it", edge({"labels": labels("data", "edge")}), ("internal",)),
    Case("NET-INT", "bypass", "the resource's name says it",
         (network({"name": "x1", "internal": False, "labels": []}, name="data"),), ("internal",)),
    *(
        Case("NET-INT", "bypass", f"option {name} {value!r}", edge({"options": {f"{BRIDGE}.{name}": value}}),
             (f"options.{BRIDGE}.{name}",))
        for name, value in (
            ("gateway_mode_ipv4", "routed"), ("gateway_mode_ipv4", "nat-unprotected"), ("gateway_mode_ipv6", "routed"),
            ("gateway_mode_ipv4", "Nat"), ("host_binding_ipv4", "0.0.0.0"), ("host_binding_ipv4", "::"),
            ("host_binding_ipv4", "0"), ("trusted_host_interfaces", "eth0"), ("default_bridge", "true"),
            ("name", "docker0"), ("name", "br0"), ("name", "vmbr1"), ("name", " BR0"), ("name", 1),
            ("of_tomorrow", "x"),
        )
    ),
    Case("NET-INT", "bypass", "parent", edge({"driver": "bridge", "options": {"parent": "eth0"}}), ("options",)),
    Case("NET-INT", "bypass", "options of an internal network",
         (network({"options": {f"{BRIDGE}.gateway_mode_ipv6": "routed"}}),),
         (f"options.{BRIDGE}.gateway_mode_ipv6",)),
    Case("NET-INT", "bypass", "ingress", edge({"driver": "overlay", "ingress": "true"}), ("ingress",)),
    Case("NET-INT", "bypass", "addresses from the LAN", edge({"ipamDriver": "dhcp"}), ("ipamDriver",)),
    Case("NET-INT", "unknown", "internal", (network({"internal": UNKNOWN}),)),
    Case("NET-INT", "unknown", "everything",
         edge({"name": UNKNOWN, "driver": UNKNOWN, "options": UNKNOWN, "ingress": UNKNOWN, "ipamDriver": UNKNOWN,
               "labels": UNKNOWN})),
    Case("NET-INT", "unknown", "name of a data network", (network({"name": UNKNOWN, "internal": False}),),
         ("internal",)),
    Case("NET-INT", "unknown", "one option of two",
         edge({"options": {f"{BRIDGE}.gateway_mode_ipv4": UNKNOWN, f"{BRIDGE}.gateway_mode_ipv6": "routed"}}),
         (f"options.{BRIDGE}.gateway_mode_ipv6",)),
)  # fmt: skip


CASES = (*NETWORK_CASES, *INTERNAL_CASES)


@of_each_rule(CASES)
def test_cases(cases: Sequence[Case]) -> None:
    run_all(cases)
