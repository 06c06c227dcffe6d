"""The kernel parameters that a container sets."""

from __future__ import annotations

from collections.abc import Sequence

from policies.values import UNKNOWN
from tests.policies.cases import Case, Kind, of_each_rule, run_all
from tests.policies.compliant import container, service
from tests.policies.docker.isolation.test_security_options import SPEC


def _sysctl(kind: Kind, what: str, sysctls: object, *names: str) -> tuple[Case, ...]:
    path = f"{SPEC}.sysctl"
    return (
        Case(
            "DKR-SYSCTL",
            kind,
            f"{what} container",
            (container({"sysctls": sysctls}),),
            tuple(f"sysctls{name}" for name in names),
        ),
        Case(
            "DKR-SYSCTL", kind, f"{what} service", (service({path: sysctls}),), tuple(f"{path}{name}" for name in names)
        ),
    )


FORWARDING = "com.docker.network.endpoint.sysctls=net.ipv4.conf.IFNAME.forwarding=1"

SYSCTLS = (
    *_sysctl("passing", "unset", None),
    *_sysctl("passing", "none", {}),
    *_sysctl("passing", "safe", {"net.ipv4.tcp_keepalive_time": "600", "net.ipv4.ip_local_port_range": "1024 65535"}),
    *_sysctl("passing", "with slashes", {"net/ipv4/tcp_syncookies": "1"}),
    *_sysctl("failing", "unsafe", {"net.core.somaxconn": "65535"}, ".net.core.somaxconn"),
    *_sysctl("failing", "of the host", {"kernel.core_pattern": "|/bin/sh"}, ".kernel.core_pattern"),
    *_sysctl("bypass", "one of two", {"net.ipv4.tcp_rmem": "1", "kernel.msgmax": "1"}, ".kernel.msgmax"),
    *_sysctl("bypass", "unsafe with slashes", {"kernel/msgmax": "1"}, ".kernel/msgmax"),
    *_sysctl("bypass", "mixed", {"net.ipv4/tcp_rmem": "1"}, ".net.ipv4/tcp_rmem"),
    *_sysctl(
        "bypass", "up and down", {"net.ipv4./../kernel.shm_rmid_forced": "1"}, ".net.ipv4./../kernel.shm_rmid_forced"
    ),
    *_sysctl("bypass", "capital letters", {"Net.ipv4.tcp_rmem": "1"}, ".Net.ipv4.tcp_rmem"),
    *_sysctl("bypass", "space", {"net.ipv4.tcp_rmem ": "1"}, ".net.ipv4.tcp_rmem "),
    *_sysctl("bypass", "a longer name", {"net.ipv4.tcp_rmem.x": "1"}, ".net.ipv4.tcp_rmem.x"),
    *_sysctl("bypass", "unset value", {"kernel.sem": None}, ".kernel.sem"),
    *_sysctl("bypass", "a list", [{"name": "kernel.sem"}], ""),
    Case(
        "DKR-SYSCTL",
        "bypass",
        "of an interface",
        (container({"networksAdvanced": [{"name": "x", "driverOpts": [FORWARDING]}]}),),
        ("networksAdvanced[0].driverOpts",),
    ),
    Case(
        "DKR-SYSCTL",
        "bypass",
        "of an interface service",
        (service({"taskSpec.networksAdvanceds": [{"name": "x"}, {"name": "y", "driverOpts": ["a=b", FORWARDING]}]}),),
        ("taskSpec.networksAdvanceds[1].driverOpts",),
    ),
    *_sysctl("unknown", "unknown", UNKNOWN),
    *_sysctl("unknown", "value", {"net.ipv4.tcp_rmem": UNKNOWN, "kernel.sem": UNKNOWN}, ".kernel.sem"),
)


CASES = SYSCTLS


@of_each_rule(CASES)
def test_cases(cases: Sequence[Case]) -> None:
    run_all(cases)
