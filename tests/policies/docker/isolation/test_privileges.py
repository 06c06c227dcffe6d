"""Privileged mode and capabilities."""

from __future__ import annotations

from collections.abc import Sequence

from policies.values import UNKNOWN
from tests.policies.cases import Case, Kind, of_each_rule, run_all
from tests.policies.compliant import UNSET, carrier, container, service
from tests.policies.docker.isolation.test_security_options import SPEC

PRIVILEGED = (
    Case("DKR-PRIV", "passing", "unset", (container(),)),
    Case("DKR-PRIV", "passing", "false", (container({"privileged": False}),)),
    Case("DKR-PRIV", "failing", "true", (container({"privileged": True}),), ("privileged",)),
    Case("DKR-PRIV", "bypass", "as text", (container({"privileged": "True"}),), ("privileged",)),
    Case("DKR-PRIV", "bypass", "as number", (container({"privileged": 1.0}),), ("privileged",)),
    Case("DKR-PRIV", "bypass", "carrier", (carrier({"privileged": True}),), ("privileged",)),
    Case("DKR-PRIV", "unknown", "unknown", (container({"privileged": UNKNOWN}),)),
)

DROPS, ADDS = "capabilities.drops", "capabilities.adds"


def _adds(kind: Kind, what: str, *adds: object, found: tuple[int, ...] = ()) -> tuple[Case, ...]:
    paths = tuple(f"[{index}]" for index in found)
    in_container, in_service = container({ADDS: list(adds)}), service({f"{SPEC}.capAdds": list(adds)})
    return (
        Case("DKR-CAPS", kind, f"{what} container", (in_container,), tuple(f"{ADDS}{path}" for path in paths)),
        Case("DKR-CAPS", kind, f"{what} service", (in_service,), tuple(f"{SPEC}.capAdds{path}" for path in paths)),
    )


CAPABILITIES = (
    Case("DKR-CAPS", "passing", "all dropped", (container(), carrier(), service())),
    Case("DKR-CAPS", "passing", "in lower case", (container({DROPS: ["all"]}),)),
    Case("DKR-CAPS", "passing", "among others", (container({DROPS: ["CAP_CHOWN", "ALL"]}),)),
    Case("DKR-CAPS", "passing", "a list of one block", (container({"capabilities": [{"drops": ["ALL"]}]}),)),
    *_adds("passing", "the allowed one", "NET_BIND_SERVICE"),
    *_adds("passing", "with prefix, in lower case", "cap_net_bind_service"),
    Case("DKR-CAPS", "failing", "no capabilities", (container({"capabilities": UNSET}),), (DROPS,)),
    Case("DKR-CAPS", "failing", "no drops", (container({"capabilities": {"adds": []}}),), (DROPS,)),
    Case("DKR-CAPS", "failing", "empty drops", (container({DROPS: []}),), (DROPS,)),
    Case("DKR-CAPS", "failing", "some dropped", (container({DROPS: ["NET_RAW", "SYS_ADMIN"]}),), (DROPS,)),
    Case("DKR-CAPS", "failing", "service", (service({f"{SPEC}.capDrops": UNSET}),), (f"{SPEC}.capDrops",)),
    *_adds("failing", "another one", "NET_BIND_SERVICE", "SYS_ADMIN", found=(1,)),
    Case("DKR-CAPS", "bypass", "prefixed all", (container({DROPS: ["CAP_ALL"]}),), (DROPS,)),
    Case("DKR-CAPS", "bypass", "all with space", (container({DROPS: ["ALL "]}),), (DROPS,)),
    Case("DKR-CAPS", "bypass", "two blocks", (container({"capabilities": [{"drops": ["ALL"]}, {}]}),), (DROPS,)),
    Case("DKR-CAPS", "bypass", "carrier", (carrier({DROPS: []}),), (DROPS,)),
    *_adds("bypass", "all", "ALL", found=(0,)),
    *_adds("bypass", "all in lower case", "all", found=(0,)),
    *_adds("bypass", "prefix and mixed case", "Cap_Sys_Admin", found=(0,)),
    *_adds("bypass", "two prefixes", "CAP_CAP_NET_BIND_SERVICE", found=(0,)),
    *_adds("bypass", "space", " NET_BIND_SERVICE", found=(0,)),
    *_adds("bypass", "several in one", "NET_BIND_SERVICE,SYS_ADMIN", found=(0,)),
    *_adds("bypass", "a number", 21.0, found=(0,)),
    Case("DKR-CAPS", "bypass", "adds are no list", (container({ADDS: "SYS_ADMIN"}),), (ADDS,)),
    Case("DKR-CAPS", "unknown", "all of it", (container({"capabilities": UNKNOWN}),)),
    Case("DKR-CAPS", "unknown", "one of the drops", (container({DROPS: [UNKNOWN]}),)),
    *_adds("unknown", "one of the adds", UNKNOWN, "SYS_PTRACE", found=(1,)),
)


CASES = (*PRIVILEGED, *CAPABILITIES)


@of_each_rule(CASES)
def test_cases(cases: Sequence[Case]) -> None:
    run_all(cases)
