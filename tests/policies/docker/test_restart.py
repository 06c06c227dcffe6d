"""Services restart."""

from __future__ import annotations

from collections.abc import Sequence

from policies.values import UNKNOWN
from tests.policies.cases import Case, Kind, of_each_rule, run_all
from tests.policies.compliant import UNSET, carrier, container, service
from tests.policies.docker.running import CONDITION, JOB


def restart_case(kind: Kind, value: object, **changes: object) -> Case:
    found = ("restart",) if kind in ("failing", "bypass") else ()
    return Case("DKR-RESTART", kind, f"{value!r}", (container({"restart": value, **changes}),), found)


RESTART = (
    Case("DKR-RESTART", "passing", "compliant", (container(), carrier(), service())),
    restart_case("passing", "always"),
    restart_case("passing", "on-failure"),
    restart_case("passing", "on-failure", maxRetryCount=5),
    Case("DKR-RESTART", "passing", "job", (container(JOB),)),
    Case("DKR-RESTART", "passing", "what swarm does by itself", (service({"taskSpec.restartPolicy": UNSET}),)),
    Case("DKR-RESTART", "passing", "on failure", (service({CONDITION: "on-failure"}),)),
    Case("DKR-RESTART", "passing", "job of a swarm", (service({CONDITION: "none"}),)),
    restart_case("failing", "no"),
    restart_case("failing", UNSET),
    restart_case("bypass", ""),
    restart_case("bypass", None),
    restart_case("bypass", "Always"),
    restart_case("bypass", "always "),
    restart_case("bypass", "on-failure:5"),
    restart_case("bypass", ["always"]),
    Case(
        "DKR-RESTART",
        "bypass",
        "a job that listens",
        (container({"restart": "no", "mustRun": False}),),
        ("restart",),
    ),
    restart_case("failing", "unless-stopped"),
    Case("DKR-RESTART", "bypass", "of a container, in a swarm", (service({CONDITION: "always"}),), (CONDITION,)),
    restart_case("unknown", UNKNOWN),
    Case("DKR-RESTART", "unknown", "service", (service({CONDITION: UNKNOWN}),)),
    Case("DKR-RESTART", "unknown", "perhaps a job", (container({**JOB, "mustRun": UNKNOWN}),)),
)


CASES = RESTART


@of_each_rule(CASES)
def test_cases(cases: Sequence[Case]) -> None:
    run_all(cases)
