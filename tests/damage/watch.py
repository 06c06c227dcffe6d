"""Whether the site answers, asked all the time; and the seconds for which it did not, kept for the page."""

from __future__ import annotations

import itertools
import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import docker
import httpx

#: Seconds between two questions, and for an answer; what takes longer is none for a user.
INTERVAL, PATIENCE = 0.25, 5

#: What a user needs first: a page, and the api with what that needs.
PATHS = ("/", "/api/health")

#: The seconds as they were measured last. `WRITE_MEASURED=1` records them.
MEASURED = Path(__file__).with_name("measured.json")
WRITE = "WRITE_MEASURED"

#: An answer with such a status says that something behind it is down.
FIRST_OF_ERRORS = 500


def answers(url: str) -> bool:
    """Whether the site does what a user needs first."""
    try:
        return all(
            httpx.get(f"{url}{path}", timeout=PATIENCE, trust_env=False).status_code < FIRST_OF_ERRORS for path in PATHS
        )
    except httpx.HTTPError:
        return False


class Watch:
    """Asks the site from its making to its end.

    >>> ups = iter([True, False, True, True])
    >>> watch = Watch(lambda: next(ups, True))
    >>> with watch:
    ...     time.sleep(4 * INTERVAL)
    >>> 0 < watch.seconds_down(watch.start) < 3 * INTERVAL
    True
    """

    def __init__(self, ask: Callable[[], bool]) -> None:
        self.start = time.monotonic()
        self._ask = ask
        self._asked: list[tuple[float, bool]] = []
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._end.is_set():
            begun = time.monotonic()
            self._asked.append((begun, self._ask()))
            self._end.wait(max(0.0, begun + INTERVAL - time.monotonic()))

    def is_down(self, since: float) -> bool:
        """Whether the last question that was asked after `since` had no good answer."""
        asked = [good for begun, good in list(self._asked) if begun >= since]
        return bool(asked) and not asked[-1]

    def is_up(self, since: float) -> bool:
        """Whether the last two questions that were asked after `since` had good answers."""
        asked = [good for begun, good in list(self._asked) if begun >= since]
        return len(asked) > 1 and asked[-1] and asked[-2]

    def was_down(self, since: float) -> bool:
        """Whether a question that was asked after `since` had no good answer."""
        return any(not good for begun, good in list(self._asked) if begun >= since)

    def seconds_down(self, since: float) -> float:
        """The seconds after `since` in which it did not answer, from one question to the next."""
        asked = [each for each in list(self._asked) if each[0] >= since]
        pairs = itertools.pairwise(asked)
        down = sum(later - begun for (begun, good), (later, _) in pairs if not good)
        return down + (asked[0][0] - since if asked and not asked[0][1] else 0)


def record(name: str, seconds: float, engine: str) -> None:
    """Keeps the seconds of a damage, where that is asked for, with what the machine is."""
    if not os.environ.get(WRITE):
        return
    memory = int(Path("/proc/meminfo").read_text().split()[1]) >> 20
    machine = f"{os.cpu_count()} CPUs, {memory} GB of memory and Docker {engine}, at a load of {os.getloadavg()[0]:.0f}"
    kept = measured()
    kept["machine"] = machine
    kept["seconds"] = dict(sorted({**kept["seconds"], name: round(seconds)}.items()))
    MEASURED.write_text(json.dumps(kept, indent=2) + "\n")


def measured() -> dict[str, Any]:
    """What was measured last: `machine` in words, and `seconds` by the name of a damage."""
    found: dict[str, Any] = json.loads(MEASURED.read_text())
    return found


def version(client: docker.DockerClient) -> str:
    """The version of an engine, without what a distribution adds.

    >>> from types import SimpleNamespace
    >>> version(SimpleNamespace(version=lambda: {"Version": "20.10.24+dfsg1"}))
    '20.10.24'
    """
    return str(client.version()["Version"]).partition("+")[0]
