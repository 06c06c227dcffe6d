"""Each damage of `damages.py`, done to a dev stack: what is seen of it, and that its commands heal it.

    WRITE_MEASURED=1 pytest -m nightly tests/damage && make docs

writes the seconds, and the table of docs/TROUBLESHOOTING.md, on a machine with nothing else to do. The two of Docker's
daemon are measured in the same way by `tests/e2e/environments/test_remote_host.py`.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import docker
import pytest

from tests.damage import acts
from tests.damage.damage import Damage
from tests.damage.damages import DAMAGES
from tests.damage.services import UP
from tests.damage.watch import Watch, answers, record, version
from tests.e2e.support.by_hand import make_up, run_audit
from tests.e2e.support.stack import Stack, add_task, eventually, is_done
from tests.leftovers import name_of_this_run, remove, remove_those_of_dead_runs
from toolchain.process.steps import ROOT

pytestmark = [pytest.mark.nightly, pytest.mark.engine, pytest.mark.docker]

#: Of no other test's stack.
NUMBER = 96

#: Seconds until the site is down, or all is well again.
SEEN_WITHIN, WELL_WITHIN = 20, 90

#: The volumes that have data.
DATA = ("uploads", "nats-data", "objects", "postgres-data")

HERE = [each for each in DAMAGES if each.do]


@dataclass(frozen=True)
class Before:
    """What a damage must not take: tasks, and data volumes by their inodes and the times of their birth."""

    tasks: frozenset[str]
    volumes: dict[str, str]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    client = docker.from_env()
    remove_those_of_dead_runs(client)
    made = Stack(tmp_path_factory.mktemp("damage") / "stack", name_of_this_run("e2e", NUMBER), NUMBER)
    try:
        made.up()
        yield made
    finally:
        remove(client, made.name)


@pytest.fixture
def well(stack: Stack) -> Iterator[Stack]:
    """The stack, healthy, and afterwards too: what one test leaves is not another's."""
    yield stack
    if status(stack):
        stack.tt("recover", "--yes")
        make_up(stack)
        eventually(lambda: not status(stack), WELL_WITHIN, "the stack is well for the next test")


def status(stack: Stack) -> str:
    """What `tt status` calls wrong; empty where all is well."""
    code, found = stack.tt("status")
    wrong = "\n".join(found["problems"]) if "problems" in found else str(found["error"])
    assert bool(code) == bool(wrong)
    return wrong


def audit(stack: Stack) -> str:
    """What `make audit` finds but for advice; empty where all is as it was made."""
    result = run_audit(stack)
    found = re.split(r"\n(?=\[|stack )", result.stdout)
    wrong = "\n".join(each for each in found if each.startswith("[") and not each.startswith("[advisory]"))
    assert result.returncode in (0, 1, 2), result.stderr
    assert bool(result.returncode) == bool(wrong)
    return wrong


def remembered(stack: Stack) -> Before:
    with stack.client() as client:
        # All pages: each of these tests adds one.
        tasks: list[dict[str, Any]] = []
        query: str | None = ""
        while query is not None:
            page = client.get(f"/api/tasks{query}").raise_for_status().json()
            tasks += page["items"]
            query = f"?before={page['next']}" if page["next"] else None
    # Docker's own time of a volume is the one at which its uppermost folder was changed.
    there = {str(each.name) for each in stack.docker.volumes.list(filters=stack.filters)}
    data = [name for name in DATA if f"tasktracker-{stack.name}-{name}" in there]
    born = acts.as_root(stack, "stat -c '%n %i %W' /v/*", volumes=data)
    return Before(frozenset(task["id"] for task in tasks), dict(line.split(" ", 1) for line in born.splitlines()))


def heal(stack: Stack, command: str) -> tuple[int, str]:
    """Runs a command of the page; its exit code and output."""
    text = acts.of(stack, command)
    variables, _, target = text.rpartition("make ")
    if target.startswith("up"):
        return make_up(stack, dict(each.split("=", 1) for each in variables.split()))
    if target.startswith("recover"):
        return 0, acts.shell(stack, f"{ROOT}/tt recover --yes --stack {stack.name}")
    if text == "make images":
        return 0, acts.shell(stack, f"cd {ROOT} && python3 -m toolchain images")
    return 0, acts.shell(stack, text.replace("./tt ", f"{ROOT}/tt "))


def expect(found: str, words: Sequence[str], stack: Stack, who: str) -> None:
    """Compares what a command found with the words that it must have; without words it must find nothing."""
    if not words:
        assert found == "", f"{who} finds: {found}"
    for each in words:
        assert acts.of(stack, each) in found, f"{who} lacks {acts.of(stack, each)!r}: {found}"


@pytest.mark.parametrize("damage", HERE, ids=[each.name.replace(" ", "-") for each in HERE])
def test_a_damage_is_seen_and_heals(well: Stack, damage: Damage) -> None:
    stack = well
    acts.begin(stack)
    before = remembered(stack)
    assert damage.do is not None
    with Watch(lambda: answers(stack.url)) as watch:
        damage.do(stack)
        done = time.monotonic()
        if damage.down:
            eventually(lambda: watch.is_down(done), SEEN_WITHIN, "the site is down")
        expect(status(stack), damage.status, stack, "tt status")
        expect(audit(stack), damage.audit, stack, "make audit")
        assert damage.down or not watch.was_down(done)
        if damage.refused:
            code, said = make_up(stack)
            assert code != 0
            expect(said, damage.up, stack, "make up")
        begun = time.monotonic()
        for command in damage.heal:
            code, said = heal(stack, command)
            assert code == 0, said
            if command == UP and damage.up and not damage.refused:
                expect(said, damage.up, stack, "make up")
        ended = time.monotonic()
        eventually(lambda: watch.is_up(ended), WELL_WITHIN, "the site answers")
    eventually(lambda: not status(stack), WELL_WITHIN, "tt status is green")
    expect(audit(stack), (), stack, "make audit")
    with stack.client() as client:
        task = add_task(client, damage.name)
        eventually(lambda: is_done(client, task), WELL_WITHIN, "a task is done")
    if damage.healed:
        damage.healed(stack)
    after = remembered(stack)
    if damage.keeps_data:
        assert after.tasks >= before.tasks
        assert after.volumes == before.volumes
    record(damage.name, watch.seconds_down(begun), version(stack.docker))
