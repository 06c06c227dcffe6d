"""How much a container logs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pydantic
import pytest

from policies.docker.health import HealthOptions
from policies.docker.logs import LogOptions
from policies.docker.read_only import ReadOnlyOptions
from policies.values import UNKNOWN
from tests.policies.cases import Case, Kind, of_each_rule, run_all
from tests.policies.compliant import UNSET, carrier, container, service


def logs_case(kind: Kind, what: str, driver: object, opts: object, *keys: str, **more: Any) -> tuple[Case, ...]:
    inside = container({"logDriver": driver, "logOpts": opts})
    of_service = service({"taskSpec.logDriver": {"name": driver, "options": opts}})
    paths = {"": "taskSpec.logDriver.name", "=": "taskSpec.logDriver.options"}
    in_container = {"": "logDriver", "=": "logOpts"}
    return (
        Case("DKR-LOG", kind, f"{what} container", (inside,),
             tuple(in_container.get(key, f"logOpts{key}") for key in keys), **more),
        Case("DKR-LOG", kind, f"{what} service", (of_service,),
             tuple(paths.get(key, f"taskSpec.logDriver.options{key}") for key in keys), **more),
    )  # fmt: skip


def rotation_case(size: object, files: object) -> dict[str, object]:
    return {"max-size": size, "max-file": files}


LOGS = (
    Case("DKR-LOG", "passing", "compliant", (container(), carrier(), service())),
    *logs_case("passing", "local", "local", None),
    *logs_case("passing", "local with options", "local", {"max-size": "10m", "max-file": "5", "compress": "true"}),
    *logs_case("passing", "one file", "json-file", {"max-size": "100m"}),
    *logs_case("passing", "numbers", "json-file", rotation_case(10_000_000.0, 3.0)),
    *logs_case("passing", "every way of a unit", "json-file", rotation_case("10 MiB", "3")),
    *logs_case("passing", "part of a unit", "json-file", rotation_case(".05g", "2")),
    *logs_case("passing", "more by option", "json-file", rotation_case("1g", "3"), options={"maxTotalMb": 4096}),
    *logs_case("passing", "another driver by option", "journald", None, options={"otherDrivers": ["journald"]}),
    *logs_case("failing", "unbounded", "json-file", None, ".max-size"),
    *logs_case("failing", "none", "none", None, ""),
    *logs_case("failing", "another driver", "syslog", {"syslog-address": "udp://192.0.2.1:514"}, ""),
    *logs_case("failing", "the daemon's default", None, rotation_case("10m", "3"), ""),
    *logs_case("failing", "too much", "json-file", rotation_case("50m", "3"), "="),
    *logs_case("bypass", "empty driver", "", rotation_case("10m", "3"), ""),
    *logs_case("bypass", "capital letters", "JSON-FILE", rotation_case("10m", "3"), ""),
    *logs_case("bypass", "driver with space", "json-file ", rotation_case("10m", "3"), ""),
    *logs_case("bypass", "a plugin", "local/evil:latest", None, ""),
    *logs_case("bypass", "no driver's name", ["json-file"], None, ""),
    *logs_case("bypass", "files without a size", "json-file", {"max-file": "3"}, ".max-size"),
    *logs_case("bypass", "no limit", "json-file", rotation_case("-1", "3"), ".max-size"),
    *logs_case("bypass", "zero", "json-file", rotation_case("0", "3"), ".max-size"),
    *logs_case("bypass", "zero with unit", "json-file", rotation_case("0.0m", "3"), ".max-size"),
    *logs_case("bypass", "cut off to zero", "json-file", rotation_case("0.9", "3"), ".max-size"),
    *logs_case("bypass", "empty", "json-file", rotation_case("", "3"), ".max-size"),
    *logs_case("bypass", "infinity", "json-file", rotation_case("inf", "3"), ".max-size"),
    *logs_case("bypass", "exponent", "json-file", rotation_case("1e30m", "3"), ".max-size"),
    *logs_case("bypass", "no number", "json-file", rotation_case("m", "3"), ".max-size"),
    *logs_case("bypass", "huge unit", "json-file", rotation_case("1p", "1"), "="),
    *logs_case("bypass", "many files", "json-file", rotation_case("10m", "1000000"), "="),
    *logs_case("bypass", "no files", "json-file", rotation_case("10m", "0"), ".max-file"),
    *logs_case("bypass", "negative files", "json-file", rotation_case("10m", "-1"), ".max-file"),
    *logs_case("bypass", "files are no number", "json-file", rotation_case("10m", "many"), ".max-file"),
    *logs_case("bypass", "capital keys", "json-file", {"Max-Size": "10m", "Max-File": "3"}, ".max-size"),
    *logs_case("bypass", "underscores", "json-file", {"max_size": "10m", "max_file": "3"}, ".max-size"),
    *logs_case("bypass", "many files of local's size", "local", {"max-file": "100"}, "="),
    *logs_case("bypass", "local without a limit", "local", {"max-size": "-1"}, ".max-size"),
    *logs_case("bypass", "local with zero", "local", {"max-size": "0"}, ".max-size"),
    *logs_case("bypass", "options are no object", "json-file", ["max-size=10m"], ".max-size"),
    *logs_case("bypass", "another driver than allowed", "gelf", None, "", options={"otherDrivers": ["journald"]}),
    Case("DKR-LOG", "bypass", "carrier", (carrier({"logDriver": UNSET}),), ("logDriver",)),
    Case(
        "DKR-LOG", "failing", "service without", (service({"taskSpec.logDriver": UNSET}),), ("taskSpec.logDriver.name",)
    ),
    *logs_case("unknown", "driver", UNKNOWN, None),
    *logs_case("unknown", "options", "json-file", UNKNOWN),
    *logs_case("unknown", "size", "json-file", rotation_case(UNKNOWN, "3")),
    *logs_case("unknown", "size, with bad files", "json-file", rotation_case(UNKNOWN, "0"), ".max-file"),
    *logs_case("unknown", "files", "json-file", rotation_case("10m", UNKNOWN)),
    *logs_case("unknown", "files, with a large size", "json-file", rotation_case("200m", UNKNOWN), "="),
)


@pytest.mark.parametrize("model", [ReadOnlyOptions, HealthOptions, LogOptions])
@pytest.mark.parametrize("options", [{"unheardOf": 1}, {"maxTmpfsMb": 0, "maxDetectionSeconds": 0, "maxTotalMb": 0}])
def test_options_are_checked(model: type[pydantic.BaseModel], options: dict[str, object]) -> None:
    with pytest.raises(pydantic.ValidationError):
        model.model_validate_json(json.dumps(options))


CASES = LOGS


@of_each_rule(CASES)
def test_cases(cases: Sequence[Case]) -> None:
    run_all(cases)
