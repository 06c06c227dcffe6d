"""What the policy pack costs a preview, measured with the pack on and off in turn."""

from __future__ import annotations

import shutil
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import grpc
from google.protobuf import struct_pb2
from pulumi.runtime.proto import analyzer_pb2

from policies.analyzer import Analyzer
from tests.e2e.support.stack import Stack
from tests.policies.compliant import container
from toolchain.pulumi_engine.engine import POLICY_OPTIONS

#: Resources of the stacks that show how the pack's time grows.
COUNTS = (10, 100, 1000)

#: Stack number: subnets and ports beside those of the other stacks; nothing of it is made.
NUMBER = 94

#: Pairs of previews with and without the pack, of a stack as people have it.
PAIRS = 5

#: Pairs for each of the growing stacks; one preview of the largest takes half a minute.
GROWTH_PAIRS = 1

Report = Callable[[str, str, Sequence[float]], None]
Seconds = Callable[[Callable[[], object]], float]


def preview_overhead(stack: Stack, report: Report, seconds: Seconds) -> None:
    """Prints what a preview with nothing to do takes with the pack and without it."""
    without, with_pack = _pairs(stack, seconds, PAIRS)
    report("preview with nothing to do, without the policy pack", "s", without)
    report("preview with nothing to do, with the policy pack", "s", with_pack)
    report("policy pack's share of a preview", "s", [statistics.median(with_pack) - statistics.median(without)])


def growth(folder: Path, name: str, report: Report, seconds: Seconds) -> None:
    """Prints the pack's time for one resource in stacks of more and more resources."""
    stack = Stack(folder, name, NUMBER)
    entry = folder / "__main__.py"
    entry.unlink()
    shutil.copy(Path(__file__).parent / "many_containers.py", entry)
    for count in COUNTS:
        stack.config_file.write_text(f"config:\n  tasktracker:count: {count}\n")
        without, with_pack = _pairs(stack, seconds, GROWTH_PAIRS)
        report(f"preview of {count} containers without the policy pack", "s", without)
        report(f"preview of {count} containers with the policy pack", "s", with_pack)
        analysis = [1000 * seconds(lambda: _analyze(count)) / count for _ in range(PAIRS)]  # noqa: B023
        report(f"policy pack's own time for one of {count} containers", "ms", analysis)


def _analyze(count: int) -> None:
    """What the engine asks of the pack for a stack of `count` containers, without the engine."""
    analyzer = Analyzer()
    context = Mock(spec=grpc.ServicerContext)
    analyzer.Configure(analyzer_pb2.ConfigureAnalyzerRequest(), context)
    resource = container()
    properties = struct_pb2.Struct()
    properties.update(resource.properties)
    fields: dict[str, Any] = {"type": resource.type, "name": resource.name, "properties": properties}
    urns = [f"{resource.urn}-{number}" for number in range(count)]
    for urn in urns:
        analyzer.Analyze(analyzer_pb2.AnalyzeRequest(urn=urn, **fields), context)
    resources = [analyzer_pb2.AnalyzerResource(urn=urn, **fields) for urn in urns]
    analyzer.AnalyzeStack(analyzer_pb2.AnalyzeStackRequest(resources=resources), context)


def _pairs(stack: Stack, seconds: Seconds, pairs: int) -> tuple[list[float], list[float]]:
    """Seconds of previews without and with the pack, in turn, so that a busy machine is busy for both."""
    without, with_pack = [], []
    for _ in range(pairs):
        without.append(seconds(lambda: stack.pulumi("preview")))
        with_pack.append(seconds(lambda: stack.pulumi("preview", *POLICY_OPTIONS)))
    return without, with_pack
