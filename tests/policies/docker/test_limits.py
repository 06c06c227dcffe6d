"""How much of the host a container may take."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import pydantic
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from policies.docker.limits import MIN_MEMORY, CpuOptions, MemoryOptions, UlimitOptions
from policies.values import MB, UNKNOWN
from tests.policies.cases import Case, Kind, of_each_rule, run, run_all
from tests.policies.compliant import UNSET, carrier, container, service

BYTES = "taskSpec.resources.limits.memoryBytes"
NANO_CPUS = "taskSpec.resources.limits.nanoCpus"


def _memory(kind: Kind, what: str, memory: object, swap: object, *found: str, **more: Any) -> Case:
    resource = container({"memory": memory, "memorySwap": swap})
    return Case("DKR-MEM", kind, what, (resource,), found, **more)


def _bytes(kind: Kind, what: str, value: object, **more: Any) -> Case:
    found = (BYTES,) if kind in ("failing", "bypass") else ()
    return Case("DKR-MEM", kind, f"service {what}", (service({BYTES: value}),), found, **more)


MEMORY = (
    Case("DKR-MEM", "passing", "compliant", (container(), carrier(), service())),
    _memory("passing", "floats", 512.0, 512.0),
    _memory("passing", "texts", "512", "512"),
    _memory("passing", "text and float", "512", 512.0),
    _memory("passing", "least", 6, 6),
    _memory("passing", "most", 65_536, 65_536),
    _memory("passing", "more by option", 131_072, 131_072, options={"maxMb": 131_072}),
    _bytes("passing", "least", 6 * MB),
    _bytes("passing", "most", float(65_536 * MB)),
    _memory("failing", "unset", UNSET, UNSET, "memory", "memorySwap"),
    _memory("failing", "no swap", 256, UNSET, "memorySwap"),
    _memory("failing", "more swap", 256, 512, "memorySwap"),
    _memory("failing", "unlimited swap", 256, -1, "memorySwap"),
    _memory("failing", "too much", 65_537, 65_537, "memory"),
    _memory("failing", "less by option", 256, 256, "memory", options={"maxMb": 128}),
    _bytes("failing", "unset", UNSET),
    _bytes("failing", "no resources", None),
    _bytes("failing", "too much", 65_536 * MB + 1),
    _memory("bypass", "zero", 0, 0, "memory", "memorySwap"),
    _memory("bypass", "zero as text", "0", 256, "memory", "memorySwap"),
    _memory("bypass", "negative", -1, -1, "memory", "memorySwap"),
    _memory("bypass", "null", None, 256, "memory"),
    _memory("bypass", "empty", "", 256, "memory"),
    _memory("bypass", "cut off to zero", 0.9, 256, "memory", "memorySwap"),
    _memory("bypass", "less than Docker takes", 5, 5, "memory"),
    _memory("bypass", "bytes for megabytes", 256 * MB, 256 * MB, "memory"),
    _memory("bypass", "wraps to zero", 2**44, 2**44, "memory"),
    _memory("bypass", "too large for 64 bits", 1e300, 1e300, "memory", "memorySwap"),
    _memory("bypass", "not a number", math.nan, math.nan, "memory", "memorySwap"),
    _memory("bypass", "infinity", math.inf, math.inf, "memory", "memorySwap"),
    _memory("bypass", "with unit", "512m", "512m", "memory", "memorySwap"),
    _memory("bypass", "hexadecimal", "0x100", "0x100", "memory", "memorySwap"),
    _memory("bypass", "exponent", "1e2", "1e2", "memory", "memorySwap"),
    _memory("bypass", "other digits", "\u0665\u0661\u0662", 512, "memory"),
    _memory("bypass", "boolean", True, True, "memory", "memorySwap"),
    _memory("bypass", "list", [256], [256], "memory", "memorySwap"),
    _memory("bypass", "swap unlimited as text", 256, "-1", "memorySwap"),
    _memory("bypass", "swap of zero is twice the memory", 256, 0, "memorySwap"),
    _memory("bypass", "swap cut off to zero", 256, 0.5, "memorySwap"),
    _memory("bypass", "swap just above", 256, 257, "memorySwap"),
    _memory("bypass", "no swap at all is refused", 256, 128, "memorySwap"),
    Case(
        "DKR-MEM",
        "bypass",
        "a reservation alone",
        (container({"memory": UNSET, "memoryReservation": 64}),),
        ("memory",),
    ),
    Case("DKR-MEM", "bypass", "carrier", (carrier({"memory": UNSET}),), ("memory",)),
    _bytes("bypass", "megabytes for bytes", 256),
    _bytes("bypass", "zero", 0),
    _bytes("bypass", "negative", -256 * MB),
    _bytes("bypass", "cut off", 0.5),
    _bytes("bypass", "with unit", "256m"),
    Case(
        "DKR-MEM",
        "bypass",
        "a reservation for a limit",
        (service({"taskSpec.resources": {"reservation": {"memoryBytes": 256 * MB}}}),),
        (BYTES,),
    ),
    _memory("unknown", "both", UNKNOWN, UNKNOWN),
    _memory("unknown", "memory", UNKNOWN, 256),
    _memory("unknown", "memory, with unlimited swap", UNKNOWN, -1, "memorySwap"),
    _memory("unknown", "swap", 256, UNKNOWN),
    _memory("unknown", "swap, with no memory", 0, UNKNOWN, "memory"),
    _bytes("unknown", "unknown", UNKNOWN),
    Case("DKR-MEM", "unknown", "limits", (service({"taskSpec.resources.limits": UNKNOWN}),)),
)


def _cpus(kind: Kind, what: str, cpus: object, **more: Any) -> Case:
    found = ("cpus",) if kind in ("failing", "bypass") else ()
    return Case("DKR-CPU", kind, what, (container({"cpus": cpus}),), found, **more)


def _quota(kind: Kind, what: str, quota: object, period: object, *found: str, cpus: object = UNSET) -> Case:
    changes = {"cpus": cpus, "cpuQuota": quota, "cpuPeriod": period}
    return Case("DKR-CPU", kind, f"quota {what}", (container(changes),), found)


def _nano(kind: Kind, what: str, value: object, **more: Any) -> Case:
    found = (NANO_CPUS,) if kind in ("failing", "bypass") else ()
    return Case("DKR-CPU", kind, f"service {what}", (service({NANO_CPUS: value}),), found, **more)


CPUS = (
    Case("DKR-CPU", "passing", "compliant", (container(), carrier(), service())),
    _cpus("passing", "as the provider reads it back", "2."),
    _cpus("passing", "number", 1.5),
    _cpus("passing", "least", "0.01"),
    _cpus("passing", "most", "32.0"),
    _cpus("passing", "more by option", "64", options={"maxCpus": 64}),
    _quota("passing", "alone", 50_000, None),
    _quota("passing", "with period", 100_000, 50_000),
    _quota("passing", "beside cpus", 0, 0, cpus="1"),
    _nano("passing", "least", 10_000_000),
    _nano("passing", "most", 32_000_000_000.0),
    _cpus("failing", "unset", UNSET),
    _cpus("failing", "too many", "32.1"),
    _cpus("failing", "less by option", "0.5", options={"maxCpus": 0.25}),
    _nano("failing", "unset", UNSET),
    _nano("failing", "too many", 32_000_000_001),
    _quota("failing", "too many", 3_300_000, 100_000, "cpuQuota"),
    _cpus("bypass", "null", None),
    _cpus("bypass", "empty", ""),
    _cpus("bypass", "zero", "0"),
    _cpus("bypass", "zero with point", "0.0"),
    _cpus("bypass", "zero as number", 0.0),
    _cpus("bypass", "rounds to no quota", "0.000001"),
    _cpus("bypass", "below the least", "0.009"),
    _cpus("bypass", "negative", "-1"),
    _cpus("bypass", "wraps to zero nano CPUs", "18446744073.709551616"),
    _cpus("bypass", "fraction", "1000/1"),
    _cpus("bypass", "exponent", "1e3"),
    _cpus("bypass", "hexadecimal", "0x10"),
    _cpus("bypass", "infinity", "Inf"),
    _cpus("bypass", "not a number", "NaN"),
    _cpus("bypass", "boolean", True),
    _cpus("bypass", "list", ["1"]),
    _quota("bypass", "passed over because of cpus", 50_000, 100_000, "cpus", cpus="0"),
    _quota("bypass", "none with period", None, 100_000, "cpus"),
    _quota("bypass", "of zero", 0, 100_000, "cpuQuota"),
    _quota("bypass", "without a limit", -1, 100_000, "cpuQuota"),
    _quota("bypass", "cut off to zero", 0.7, 100_000, "cpuQuota"),
    _quota("bypass", "short period", 100_000, 1000, "cpuQuota"),
    _quota("bypass", "period of zero is the default", 3_300_000, 0, "cpuQuota"),
    _quota("bypass", "with unit", "50ms", 100_000, "cpuQuota"),
    Case("DKR-CPU", "bypass", "shares alone", (container({"cpus": UNSET, "cpuShares": 512}),), ("cpus",)),
    Case("DKR-CPU", "bypass", "carrier", (carrier({"cpus": UNSET}),), ("cpus",)),
    _nano("bypass", "zero", 0),
    _nano("bypass", "CPUs for nano CPUs", 2),
    _nano("bypass", "text", "half"),
    _cpus("unknown", "unknown", UNKNOWN),
    _quota("unknown", "unknown", UNKNOWN, 100_000),
    _quota("unknown", "unknown period", 50_000, UNKNOWN),
    _quota("unknown", "of zero, unknown period", 0, UNKNOWN, "cpuQuota"),
    _nano("unknown", "unknown", UNKNOWN),
)


def _ulimits(kind: Kind, what: str, ulimits: object, *found: str, **more: Any) -> Case:
    return Case("DKR-ULIMIT", kind, what, (container({"ulimits": ulimits}),), found, **more)


def _files(soft: object, hard: object, name: object = "nofile") -> dict[str, object]:
    return {"name": name, "soft": soft, "hard": hard}


ULIMITS = (
    Case("DKR-ULIMIT", "passing", "compliant", (container(), carrier(), service())),
    _ulimits("passing", "texts", [_files("1024", "4096")]),
    _ulimits("passing", "most", [_files(65_536.0, 65_536.0)]),
    _ulimits("passing", "more by option", [_files(1024, 1_048_576)], options={"maxOpenFiles": 1_048_576}),
    _ulimits("passing", "among others", [_files(-1, -1, "memlock"), _files(1024, 1024)]),
    _ulimits("failing", "unset", UNSET, "ulimits"),
    _ulimits("failing", "empty", [], "ulimits"),
    _ulimits("failing", "another one", [_files(64, 64, "nproc")], "ulimits"),
    _ulimits("failing", "too many", [_files(1_048_576, 1_048_576)], "ulimits[0].soft", "ulimits[0].hard"),
    _ulimits("bypass", "no limit", [_files(-1, -1)], "ulimits[0].soft", "ulimits[0].hard"),
    _ulimits("bypass", "high hard limit", [_files(1024, 2**31)], "ulimits[0].hard"),
    _ulimits("bypass", "no limit as text", [_files(1024, "-1")], "ulimits[0].hard"),
    _ulimits("bypass", "no hard limit", [{"name": "nofile", "soft": 1024}], "ulimits[0].hard"),
    _ulimits("bypass", "zero", [_files(0, 0)], "ulimits[0].soft", "ulimits[0].hard"),
    _ulimits("bypass", "given twice", [_files(1024, 1024), _files(1024, -1)], "ulimits[1].hard"),
    _ulimits("bypass", "capital letters", [_files(1024, 1024, "NOFILE")], "ulimits"),
    _ulimits("bypass", "no list", _files(1024, 1024), "ulimits"),
    _ulimits("unknown", "all", UNKNOWN),
    _ulimits("unknown", "one of them", [UNKNOWN]),
    _ulimits("unknown", "name", [_files(-1, -1, UNKNOWN)]),
    _ulimits("unknown", "one limit", [_files(UNKNOWN, -1)], "ulimits[0].hard"),
)

CASES = (*MEMORY, *CPUS, *ULIMITS)


@of_each_rule(CASES)
def test_cases(cases: Sequence[Case]) -> None:
    run_all(cases)


#: A number as a program may give it.
FORMS = st.sampled_from((int, float, str, lambda value: f" {value} ", lambda value: f"{value}."))


@given(st.integers(MIN_MEMORY, 65_536), FORMS, FORMS)
def test_equal_memory_and_swap_within_the_cap_pass(memory: int, form: type, other: type) -> None:
    run(_memory("passing", "any", form(memory), other(memory)))
    run(_bytes("passing", "any", form(memory * MB)))


@given(st.one_of(st.integers(max_value=MIN_MEMORY - 1), st.integers(min_value=65_537)), FORMS)
@example(2**44, int)
@example(2**63, int)
def test_memory_outside_the_range_fails(memory: int, form: type) -> None:
    found = run(Case("DKR-MEM", "unknown", "any", (service({BYTES: _bytes_of(memory, form)}),), (BYTES,)))
    assert found[0].allowed == f"{6 * MB} to {65_536 * MB} bytes (6MB to 64GB)"
    both = container({"memory": _bytes_of(memory, form, unit=1), "memorySwap": UNKNOWN})
    run(Case("DKR-MEM", "unknown", "any", (both,), ("memory",)))


def _bytes_of(memory: int, form: type, unit: int = MB) -> object:
    return form(memory * unit) if abs(memory) < 2**900 else memory


@given(st.integers(MIN_MEMORY, 65_536), st.integers(-1, 10_000), FORMS)
def test_swap_passes_only_if_it_is_the_memory(memory: int, swap: int, form: type) -> None:
    found = () if swap == memory else ("memorySwap",)
    run(_memory("unknown", "any", memory, form(swap), *found))


@pytest.mark.parametrize(
    ("model", "options"),
    [
        (MemoryOptions, {"maxMb": 0}),
        (MemoryOptions, {"maxMb": "4096"}),
        (MemoryOptions, {"max": 1}),
        (CpuOptions, {"maxCpus": 0}),
        (CpuOptions, {"maxCpus": math.inf}),
        (UlimitOptions, {"maxOpenFiles": -1}),
    ],
)
def test_options_are_checked(model: type[pydantic.BaseModel], options: dict[str, object]) -> None:
    with pytest.raises(pydantic.ValidationError):
        model.model_validate_json(json.dumps(options))


def test_what_is_allowed_is_said() -> None:
    memory, swap = run(_memory("failing", "unset", UNSET, UNSET, "memory", "memorySwap"))
    assert (memory.allowed, swap.allowed) == ("6MB to 64GB", "the same as `memory`")
    (cpus,) = run(_cpus("failing", "too many", "32.1"))
    assert cpus.allowed == "0.01 to 32 CPUs"
    (nano,) = run(_nano("failing", "unset", UNSET))
    assert nano.allowed == "10000000 to 32000000000 nano CPUs (0.01 to 32 CPUs)"
