"""A switch that was cut off, or that was changed by hand, is found before an update declares anything."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import docker
import pytest

from components.preflight.switched import checked
from settings.releases import Canary, Records

BLUE = Records("blue")


def client(serving: str = "blue", code: int = 0, output: bytes | None = None) -> Any:
    shown = json.dumps({"release": {"serving": serving}}).encode() if output is None else output
    nginx = SimpleNamespace(exec_run=lambda command: (code, shown) if command == ["release", "show"] else (1, b""))
    return SimpleNamespace(containers=SimpleNamespace(get={"tasktracker-dev-nginx": nginx}.__getitem__))


def worker(slot: str, state: str) -> dict[str, Any]:
    return {"Names": [f"/tasktracker-dev-worker-{slot}"], "State": state}


@pytest.mark.parametrize(
    ("serving", "workers", "expected"),
    [
        ("blue", [worker("blue", "running"), worker("green", "exited")], None),
        ("blue", [worker("blue", "restarting"), worker("green", "created")], None),
        ("blue", [], None),
        ("blue", [{"Names": ["/tasktracker-dev-worker-green-files"], "State": "running"}], None),
        ("blue", [{"Names": ["/tasktracker-prod-worker-green"], "State": "running"}], None),
        ("green", [], "nginx sends requests to green, and the state has blue"),
        (
            "blue",
            [worker("blue", "exited")],
            "tasktracker-dev-worker-blue does not run, and blue gets requests",
        ),
        (
            "blue",
            [worker("blue", "running"), worker("green", "running")],
            "tasktracker-dev-worker-green runs, and green gets no requests",
        ),
    ],
)
def test_what_is_not_as_the_last_switch_left_it(
    serving: str, workers: list[dict[str, Any]], expected: str | None
) -> None:
    records, said = checked("dev", BLUE, workers, client(serving))
    assert said == expected
    assert records.generation == bool(expected)
    assert records.current == serving


def test_a_trial_is_as_the_state_has_it_or_the_switch_is_repeated() -> None:
    trial = Records("blue", canary=Canary("green", 10))
    both = [worker("blue", "running"), worker("green", "running")]
    document = {"serving": "blue", "canary": {"slot": "green", "percent": 10}}
    shown = json.dumps({"release": document}).encode()
    assert checked("dev", trial, both, client(output=shown)) == (trial, None)
    assert checked("dev", trial, both, client("blue"))[1] == (
        "nginx has no release on trial, and the state has green on trial with 10 %"
    )
    assert checked("dev", BLUE, both[:1], client(output=shown))[1] == (
        "nginx has green on trial with 10 %, and the state has no release on trial"
    )
    assert checked("dev", trial, [*both[:1], worker("green", "exited")], client(output=shown))[1] == (
        "tasktracker-dev-worker-green does not run, and green gets requests"
    )


def test_before_the_first_release_nothing_is_looked_at() -> None:
    assert checked("dev", Records(), [worker("blue", "exited")], client("green")) == (Records(), None)


@pytest.mark.parametrize(
    "nginx",
    [client("green", code=127), client(output=b"no JSON"), client(output=b"{}"), client(output=b"[]"), client("red")],
)
def test_an_nginx_that_does_not_say_is_passed_over(nginx: Any) -> None:
    assert checked("dev", BLUE, [worker("blue", "running")], nginx) == (BLUE, None)


def test_an_nginx_that_is_not_there_is_passed_over() -> None:
    def get(name: str) -> Any:
        raise docker.errors.NotFound(f"no such container: {name}")

    nowhere: Any = SimpleNamespace(containers=SimpleNamespace(get=get))
    assert checked("dev", BLUE, [], nowhere) == (BLUE, None)
