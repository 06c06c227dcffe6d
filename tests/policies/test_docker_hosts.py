"""What runs on a Docker host, or beside it, without being a container or a service."""

from __future__ import annotations

from typing import Any

import pytest

from policies.docker_hosts import WAYS
from policies.resource import Resource
from policies.values import UNKNOWN
from tests.policies.cases import Case, run
from tests.policies.compliant import container, make, network, service, volume

PLUGIN = "docker:index/plugin:Plugin"
LOCAL = "command:local:Command"


def of(type_: str, **properties: Any) -> tuple[Resource]:
    return (make(type_, properties),)


CASES = (
    Case("DKR-HOST", "passing", "what runs in the open", (container(), service(), volume(), network())),
    Case("DKR-HOST", "passing", "allowed by name", of(LOCAL, create="date"), options={"types": [LOCAL]}),
    *(Case("DKR-HOST", "failing", type_, of(type_), ("",)) for type_ in WAYS),
    Case("DKR-HOST", "bypass", "another type is allowed", of(PLUGIN), ("",), options={"types": [LOCAL]}),
    Case("DKR-HOST", "bypass", "a plugin with no privileges", of(PLUGIN, name="x:1", enabled=False), ("",)),
    Case("DKR-HOST", "bypass", "in development", of(LOCAL, create="docker run --privileged x"), ("",), {}, "dev"),
    Case("DKR-HOST", "unknown", "what it runs", of(LOCAL, create=UNKNOWN), ("",)),
)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_case(case: Case) -> None:
    run(case)
