"""`make bench`: prints the machine's facts, then one JSON line a figure.

Every figure has `figure`, `value` (the median where there were several runs), `unit` and, with
several runs, all of them in `runs`. The stacks are the benchmark's own and are removed at the end.
"""

from __future__ import annotations

import json
import math
import os
import platform
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast

import httpx

from bench import backups, policies
from images.catalog import IMAGES, local_reference
from tests.e2e.support.stack import Stack, add_task, eventually, is_done
from tests.services import SERVICES

#: Runs of what is quick; the median of five is steady enough to see a change of a tenth.
RUNS = 5

#: Stack number of the benchmark: subnets and ports beside those of the tests.
NUMBER = 90

#: Tasks that are added one after the other to measure how long one takes.
TASKS = 50


def report(figure: str, unit: str, values: Sequence[float]) -> None:
    """Prints one figure."""
    runs = [round(value, 3) for value in values]
    line: dict[str, object] = {"figure": figure, "value": round(statistics.median(runs), 3), "unit": unit}
    print(json.dumps(line | ({"runs": runs} if len(runs) > 1 else {})), flush=True)


def seconds(action: Callable[[], object]) -> float:
    """How long `action` takes."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def machine(stack: Stack) -> None:
    """Prints what the figures depend on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    version = subprocess.run(["pulumi", "version"], capture_output=True, text=True, check=True).stdout.strip()
    facts = {
        "cpus": os.cpu_count(),
        "memory_mb": memory,
        "system": platform.platform(),
        "python": platform.python_version(),
        "docker": stack.docker.version()["Version"],
        "pulumi": version,
    }
    print(json.dumps({"machine": facts}), flush=True)


def health(stack: Stack, since: float, until: float) -> dict[str, float]:
    """Seconds from start to healthy by service, from Docker's events of that time."""
    started: dict[str, int] = {}
    healthy: dict[str, int] = {}
    window = {"since": int(since), "until": math.ceil(until)}
    for event in stack.docker.events(**window, decode=True, filters={**stack.filters, "type": "container"}):
        service = event["Actor"]["Attributes"]["service"]
        if event["Action"] == "start":
            started[service] = event["timeNano"]
        elif event["Action"] == "health_status: healthy":
            healthy.setdefault(service, event["timeNano"])
    return {service: (healthy[service] - started[service]) / 1e9 for service in SERVICES}


def latency(stack: Stack) -> list[float]:
    """Seconds from a request to the task's end, one task after the other."""

    def one(client: httpx.Client, number: int) -> None:
        task = add_task(client, f"bench {number}")
        eventually(lambda: is_done(client, task), 10, "the task is done", interval=0.005)

    with stack.client() as client:
        return [seconds(partial(one, client, number)) for number in range(TASKS)]


def memory(stack: Stack) -> dict[str, float]:
    """MB in use by service, the file cache left out, as `docker stats` counts it."""
    used = {}
    for service in SERVICES:
        stats = cast(dict[str, Any], stack.container(service).stats(stream=False))["memory_stats"]
        cache = stats["stats"].get("total_inactive_file", stats["stats"].get("inactive_file", 0))
        used[service] = (stats["usage"] - cache) / 2**20
    return used


def measure(stack: Stack) -> None:
    """Takes all figures."""
    machine(stack)
    for image in IMAGES:
        report(f"image size {image}", "MB", [stack.docker.images.get(local_reference(image)).attrs["Size"] / 1e6])
    report("preview of everything", "s", [seconds(lambda: stack.pulumi("preview")) for _ in range(RUNS)])
    start = time.time()
    report("up from nothing, images there", "s", [seconds(stack.up)])
    for service, value in health(stack, start, time.time()).items():
        report(f"start to healthy {service}", "s", [value])
    report("up with nothing to do", "s", [seconds(stack.up) for _ in range(RUNS)])
    report("preview with nothing to do", "s", [seconds(lambda: stack.pulumi("preview")) for _ in range(RUNS)])
    policies.preview_overhead(stack, report, seconds)
    report("task from request to done", "s", latency(stack))
    used = memory(stack)
    for service, value in used.items():
        report(f"memory {service}", "MB", [value])
    report("memory of the stack", "MB", [sum(used.values())])
    report("destroy", "s", [seconds(stack.destroy_all)])


def main() -> None:
    """Makes stacks, measures them, removes them."""
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder) / "stack", f"bench{os.getpid()}", NUMBER)
        try:
            measure(stack)
            policies.growth(Path(folder) / "many", f"many{os.getpid()}", report, seconds)
        finally:
            stack.destroy_all()
        backups.measure(Path(folder), report)


if __name__ == "__main__":
    main()
