"""A stack of the latest release, updated to today's program on a real Docker: its data and its secrets stay."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.support.stack import Stack, add_task, eventually, is_done
from tests.leftovers import name_of_this_run, remove
from tests.upgrade.record import build_images
from tests.upgrade.releases import checkout, releases
from tests.upgrade.shapes import dev_config
from toolchain.process.steps import ROOT
from toolchain.pulumi_engine.engine import POLICY_OPTIONS

pytestmark = [pytest.mark.engine, pytest.mark.docker, pytest.mark.nightly]

#: Beside the numbers of the other stacks.
NUMBER = 89

LATEST = releases()[-1]

NOTES = "Call +49 30 1234567, and ask for Jo."


def resources(stack: Stack) -> list[dict[str, Any]]:
    """The resources of the state, with secrets in plain text."""
    exported = json.loads(stack.pulumi("stack", "export", "--show-secrets").stdout)
    found: list[dict[str, Any]] = exported["deployment"]["resources"]
    return found


def generated(stack: Stack) -> dict[str, Any]:
    """What the stack generated, by URN."""
    return {each["urn"]: each["outputs"]["output"] for each in resources(stack) if each["type"] == "pulumi:index:Stash"}


def data_volumes(stack: Stack) -> dict[str, str]:
    """The folder of each volume of data, by name: its inode and when it was made.

    Docker's own `CreatedAt` is when a container last set the owner or the mode of that folder.
    """
    names = [
        each["outputs"]["name"]
        for each in resources(stack)
        if each["type"] == "docker:index/volume:Volume" and "components:DataVolume$" in each["urn"]
    ]
    folders = {name: stack.docker.volumes.get(name).attrs["Mountpoint"] for name in names}
    return {
        name: subprocess.run(["stat", "-c", "%i %W", folder], capture_output=True, text=True, check=True).stdout
        for name, folder in folders.items()
    }


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack that the latest release brought up."""
    folder = tmp_path_factory.mktemp("upgrade")
    program = checkout(LATEST, folder / "program")
    build_images(program)
    stack = Stack(
        folder / "stack", name_of_this_run("e2e", NUMBER), NUMBER, dev_config(program, NUMBER), program=program
    )
    try:
        stack.up()
        yield stack
    finally:
        remove(stack.docker, stack.name)


def test_tasks_secrets_and_volumes_stay(old: Stack) -> None:
    stack = old
    with stack.client() as client:
        tasks = [add_task(client, title, notes=NOTES) for title in ("Call Jo", "Water the plants", "Pay the rent")]
        eventually(lambda: all(is_done(client, task) for task in tasks), 30, "the tasks are done")
        before = {task: client.get(f"/api/tasks/{task}").raise_for_status().json() for task in tasks}
    assert {each["notes"] for each in before.values()} == {NOTES}
    secrets, volumes = generated(stack), data_volumes(stack)
    assert len(secrets) >= 5
    assert len(volumes) >= 3

    stack.run_program(ROOT)
    stack.pulumi("up", "--yes", "--skip-preview", *POLICY_OPTIONS)

    with stack.client() as client:
        assert {task: client.get(f"/api/tasks/{task}").raise_for_status().json() for task in tasks} == before
        new = add_task(client, "Write to Jo", notes=NOTES)
        eventually(lambda: is_done(client, new), 30, "a new task is done")
    assert {urn: value for urn, value in generated(stack).items() if urn in secrets} == secrets
    assert {name: made for name, made in data_volumes(stack).items() if name in volumes} == volumes
    stack.expect_no_changes()
