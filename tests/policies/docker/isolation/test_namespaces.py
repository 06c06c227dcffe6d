"""Which namespaces a container shares."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from policies.resource import IMAGE, REGISTRY_IMAGE, REMOTE_IMAGE
from policies.values import UNKNOWN
from tests.policies.cases import Case, Kind, of_each_rule, run_all
from tests.policies.compliant import carrier, container, make, service


def _mode(kind: Kind, key: str, value: object, **more: Any) -> Case:
    found = (key,) if kind in ("failing", "bypass") else ()
    return Case("DKR-NS", kind, f"{key} {value!r}", (container({key: value}),), found, **more)


NETWORKS = "taskSpec.networksAdvanceds"

NAMESPACES = (
    Case("DKR-NS", "passing", "compliant", (container(), carrier(), service())),
    *(
        Case(
            "DKR-NS",
            "bypass",
            f"a build in {mode}",
            (
                make(REMOTE_IMAGE, {"name": "x:1", "build": {"context": ".", "networkMode": mode}}),
                make(REGISTRY_IMAGE, {"name": "x:1", "build": [{"context": ".", "networkMode": mode}]}),
                make(IMAGE, {"imageName": "x:1", "build": {"context": ".", "network": mode}}),
            ),
            ("build.networkMode", "build.networkMode", "build.network"),
        )
        for mode in ("host", " Host", "container:x")
    ),
    Case(
        "DKR-NS",
        "passing",
        "builds",
        tuple(
            make(REMOTE_IMAGE, {"name": "x:1", "build": build})
            for build in (None, {}, {"context": "."}, {"networkMode": "none"}, {"networkMode": "default"})
        ),
    ),
    Case("DKR-NS", "unknown", "a build's network", (make(REMOTE_IMAGE, {"build": {"networkMode": UNKNOWN}}),)),
    _mode("bypass", "utsMode", "host"),
    _mode("passing", "utsMode", ""),
    *(
        _mode("passing", "networkMode", mode)
        for mode in ("bridge", "none", "default", "tasktracker-prod-edge", "", None)
    ),
    *(_mode("passing", "ipcMode", mode) for mode in ("private", "none", "", None)),
    *(_mode("passing", key, "") for key in ("pidMode", "usernsMode", "cgroupnsMode", "cgroupParent")),
    _mode("passing", "cgroupnsMode", "private"),
    _mode("passing", "cgroupParent", "tasktracker.slice", options={"cgroupParents": ["tasktracker.slice"]}),
    *(_mode("failing", key, "host") for key in ("networkMode", "pidMode", "ipcMode", "usernsMode", "cgroupnsMode")),
    *(_mode("failing", key, "container:postgres") for key in ("networkMode", "pidMode", "ipcMode")),
    _mode("failing", "ipcMode", "shareable"),
    _mode("failing", "cgroupParent", "/"),
    *(_mode("bypass", key, "HOST") for key in ("networkMode", "pidMode", "ipcMode", "usernsMode", "cgroupnsMode")),
    *(_mode("bypass", key, " host ") for key in ("networkMode", "pidMode", "ipcMode", "usernsMode", "cgroupnsMode")),
    *(_mode("bypass", key, ["host"]) for key in ("networkMode", "pidMode", "ipcMode", "usernsMode", "cgroupnsMode")),
    *(
        _mode("bypass", "networkMode", mode)
        for mode in ("Container:x", "container:", "ns:/proc/1/ns/net", "/proc/1/ns/net")
    ),
    *(_mode("bypass", "networkMode", mode) for mode in ("host\n", "bridge host", True)),
    *(_mode("bypass", "ipcMode", mode) for mode in ("container:", "ns:/proc/1/ns/ipc", "Private")),
    *(_mode("bypass", "pidMode", mode) for mode in ("container:", "ns:/proc/1/ns/pid")),
    *(_mode("bypass", "usernsMode", mode) for mode in ("keep-id", "ns:/proc/1/ns/user")),
    *(_mode("bypass", "cgroupParent", mode) for mode in ("/docker/../", "system.slice")),
    Case("DKR-NS", "bypass", "carrier", (carrier({"pidMode": "host"}),), ("pidMode",)),
    Case(
        "DKR-NS",
        "bypass",
        "a network",
        (container({"networksAdvanced": [{"name": "Host"}]}),),
        ("networksAdvanced[0].name",),
    ),
    Case("DKR-NS", "failing", "service", (service({NETWORKS: [{"name": "host"}]}),), (f"{NETWORKS}[0].name",)),
    Case(
        "DKR-NS",
        "bypass",
        "service's second network",
        (service({NETWORKS: [{"name": "edge"}, {"id": "host"}]}),),
        (f"{NETWORKS}[1].id",),
    ),
    *(_mode("unknown", key, UNKNOWN) for key in ("networkMode", "pidMode", "ipcMode", "usernsMode", "cgroupnsMode")),
    Case(
        "DKR-NS",
        "unknown",
        "a network",
        (container({"networksAdvanced": [UNKNOWN, {"name": UNKNOWN}, {"name": "host"}]}),),
        ("networksAdvanced[2].name",),
    ),
)


CASES = NAMESPACES


@of_each_rule(CASES)
def test_cases(cases: Sequence[Case]) -> None:
    run_all(cases)
