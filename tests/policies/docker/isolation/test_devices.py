"""The devices of the host that a container can use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from policies.values import UNKNOWN
from tests.policies.cases import Case, Kind, of_each_rule, run_all
from tests.policies.compliant import carrier, container, service

RESERVATION = "taskSpec.resources.reservation"


def _device(kind: Kind, what: str, changes: dict[str, object], *found: str, **more: Any) -> Case:
    return Case("DKR-DEV", kind, what, (container(changes),), found, **more)


DEVICES = (
    Case("DKR-DEV", "passing", "none", (container(), carrier(), service())),
    _device("passing", "empty", {"devices": [], "deviceRequests": [], "deviceCgroupRules": [], "gpus": ""}),
    _device("passing", "runc", {"runtime": "runc"}),
    _device("passing", "runc's other name", {"runtime": "io.containerd.runc.v2"}),
    _device("passing", "a sandbox", {"runtime": "runsc"}, options={"runtimes": ["runc", "runsc"]}),
    Case("DKR-DEV", "passing", "a container task", (service({"taskSpec.runtime": "container"}),)),
    _device("failing", "a device", {"devices": [{"hostPath": "/dev/sda"}]}, "devices[0]"),
    _device("failing", "a request", {"deviceRequests": [{"driver": "nvidia", "count": -1.0}]}, "deviceRequests[0]"),
    _device("failing", "GPUs", {"gpus": "all"}, "gpus"),
    _device("failing", "a cgroup rule", {"deviceCgroupRules": ["a *:* rwm"]}, "deviceCgroupRules[0]"),
    _device("failing", "another runtime", {"runtime": "nvidia"}, "runtime"),
    Case(
        "DKR-DEV",
        "failing",
        "service's resources",
        (service({f"{RESERVATION}.genericResources": {"namedResourcesSpecs": ["GPU=UUID1"]}}),),
        (f"{RESERVATION}.genericResources",),
    ),
    _device("bypass", "a harmless device", {"devices": [{"hostPath": "/dev/null"}]}, "devices[0]"),
    _device("bypass", "the second one", {"devices": [{}, {"hostPath": "/dev//mem"}]}, "devices[1]"),
    _device("bypass", "no list", {"devices": {"hostPath": "/dev/kvm"}}, "devices"),
    _device(
        "bypass", "a request that counts none", {"deviceRequests": [{"deviceIds": ["x/y=all"]}]}, "deviceRequests[0]"
    ),
    _device("bypass", "GPUs in quotes", {"gpus": ' "all" '}, "gpus"),
    _device("bypass", "capital letters", {"runtime": "RunC"}, "runtime"),
    _device("bypass", "a runtime's path", {"runtime": "/usr/bin/runc"}, "runtime"),
    _device(
        "bypass",
        "a runtime that isn't allowed any more",
        {"runtime": "runc"},
        "runtime",
        options={"runtimes": ["runsc"]},
    ),
    Case("DKR-DEV", "bypass", "carrier", (carrier({"gpus": "device=0"}),), ("gpus",)),
    Case("DKR-DEV", "bypass", "a plugin task", (service({"taskSpec.runtime": "plugin"}),), ("taskSpec.runtime",)),
    Case(
        "DKR-DEV",
        "bypass",
        "resources as a list",
        (service({RESERVATION: [{"genericResources": [{"discreteResourcesSpecs": ["GPU=1"]}]}]}),),
        (f"{RESERVATION}.genericResources[0]",),
    ),
    _device("unknown", "all", {"devices": UNKNOWN, "gpus": UNKNOWN, "runtime": UNKNOWN, "deviceRequests": UNKNOWN}),
    _device("unknown", "one of them", {"devices": [UNKNOWN, {"hostPath": UNKNOWN}]}, "devices[1]"),
    Case(
        "DKR-DEV",
        "unknown",
        "service",
        (service({"taskSpec.resources.reservation": UNKNOWN, "taskSpec.runtime": UNKNOWN}),),
    ),
)


CASES = DEVICES


@of_each_rule(CASES)
def test_cases(cases: Sequence[Case]) -> None:
    run_all(cases)
