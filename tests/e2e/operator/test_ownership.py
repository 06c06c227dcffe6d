"""Data of another state is never taken over or deleted, and data that is gone is never replaced by an empty volume."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from tests.e2e.support.broken_answer import broken_answer
from tests.e2e.support.releases import slots
from tests.e2e.support.stack import Stack, add_task, eventually, is_done
from tests.leftovers import name_of_this_run, remove
from toolchain.process.steps import ROOT

pytestmark = [pytest.mark.engine, pytest.mark.docker]

#: Beside the numbers of other stacks.
NUMBER = 84

#: What these tests have no need of.
CONFIG = {"backup": {"enabled": False}}

DATA = {"uploads", "nats-data", "postgres-data"}


def clone(folder: Path) -> Stack:
    """The stack of one clone of the project: its state is in that folder, and its name the same in each."""
    return Stack(folder, name_of_this_run("e2e", NUMBER), NUMBER, CONFIG)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    yield tmp_path_factory.mktemp("clones")
    remove(docker.from_env(), name_of_this_run("e2e", NUMBER))


@pytest.fixture(scope="module")
def first(folder: Path) -> Stack:
    """A clone whose stack is up, with a task in it."""
    stack = clone(folder / "first")
    stack.up()
    with stack.client() as client:
        task = add_task(client, "bread")
        eventually(lambda: is_done(client, task), 30, "the task is done")
    return stack


@pytest.fixture(scope="module")
def second(first: Stack, folder: Path) -> Stack:
    """Another clone, whose state has nothing."""
    return clone(folder / "second")


def volumes(stack: Stack) -> dict[str, str]:
    """The stack's data volumes on the host, with the identity that each carries."""
    prefix = f"tasktracker-{stack.name}-"
    found = {each.name.removeprefix(prefix): each.attrs for each in stack.docker.volumes.list() if prefix in each.name}
    return {name: (each["Labels"] or {}).get("identity", "") for name, each in found.items() if name in DATA}


def titles(stack: Stack) -> set[str]:
    with stack.client() as client:
        return {task["title"] for task in client.get("/api/tasks").raise_for_status().json()["items"]}


def in_state(stack: Stack) -> list[str]:
    """The Docker resources in a clone's state."""
    resources = json.loads(stack.pulumi("stack", "export").stdout)["deployment"].get("resources", [])
    return [each["urn"] for each in resources if each["type"].startswith("docker:")]


def refused(stack: Stack, *options: str) -> str:
    """What a preview and an update say that are both refused, and change nothing on the host."""
    before = stack.ids(), volumes(stack)
    said = []
    for command in (("preview",), ("up", "--yes", "--skip-preview")):
        result = stack.pulumi(*command, *options, check=False)
        assert result.returncode != 0, result.stdout
        assert "Traceback" not in result.stdout
        said.append(re.split("^(?:Outputs|Resources):", diagnostics(result.stdout), flags=re.MULTILINE)[0])
    assert (stack.ids(), volumes(stack)) == before
    assert "Nothing was changed" in said[0]
    assert said[0].split() == said[1].split()
    return said[0]


def diagnostics(output: str) -> str:
    """What the engine shows of messages at its end."""
    return output.partition("Diagnostics:")[2]


def down(stack: Stack) -> None:
    stack.pulumi("destroy", "--exclude-protected", "--yes", "--skip-preview")
    assert stack.ids() == {}


def purge(stack: Stack) -> subprocess.CompletedProcess[str]:
    """`make purge`, without its set-up."""
    for name in ("tt", "stackfile"):
        (stack.folder / name).unlink(missing_ok=True)
        (stack.folder / name).symlink_to(ROOT / name)
    # A copy: it looks for stacks in the folder that it is in.
    shutil.copytree(ROOT / "toolchain", stack.folder / "toolchain", dirs_exist_ok=True)
    return subprocess.run(
        [
            "make", "-f", ROOT / "Makefile", "purge", f"STACK={stack.name}", f"CONFIRM={stack.name}", "SETUP=true",
        ],
        cwd=stack.folder, env=stack.env, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip


def run(stack: Stack, said: str, part: str) -> None:
    """Runs the command of a message that holds `part`, as far as it is one of Docker's or Pulumi's."""
    (line,) = [line.strip() for line in said.splitlines() if part in line]
    command = line.replace(". .tools/env && ", "").replace(f"make up STACK={stack.name}", "pulumi up --yes")
    here = f"pulumi --non-interactive --cwd {shlex.quote(str(stack.folder))} "
    subprocess.run(
        ["bash", "-ec", command.replace("pulumi ", here)],
        env={**stack.env, "PULUMI_STACK": stack.name}, check=True, timeout=600, stdout=subprocess.DEVNULL,
    )  # fmt: skip


def test_a_second_clone_is_refused_before_anything_changes(first: Stack, second: Stack) -> None:
    said = refused(second)
    (identity,) = set(volumes(first).values())
    assert identity
    for name in DATA:
        assert f"the volume tasktracker-{first.name}-{name} is of the state {identity}" in said
    assert re.search(r"  and \d+ volumes, \d+ containers and 3 networks of that stack\n", said)
    assert f"TASKTRACKER_ADOPT={identity} make up STACK={second.name}" in said
    assert f"./tt stack new NAME --like {second.name}" in said
    # Nor does its state have anything of the first one's.
    assert in_state(second) == []


@pytest.mark.nightly
def test_a_stack_that_is_down_keeps_its_data_from_another_clone(first: Stack, second: Stack) -> None:
    before = volumes(first)
    down(first)
    assert "the volume" in refused(second)
    purge(second)
    assert volumes(first) == before
    first.up()
    first.expect_no_changes()
    assert titles(first) == {"bread"}


@pytest.mark.nightly
def test_a_container_whose_making_was_not_answered_is_recovered_from(first: Stack) -> None:
    first.write_config({**CONFIG, "worker": {"log_level": "debug"}})
    serving = first.ids()
    name = f"tasktracker-{first.name}-worker-{slots(first)[1]}"
    # Up to the end of the request's target: the carrier of its files has a name that begins like this one.
    with broken_answer(f"/containers/create?name={name} HTTP") as address:
        result = first.pulumi("up", "--yes", "--skip-preview", env={"DOCKER_HOST": address}, check=False)
    assert result.returncode != 0, result.stdout
    made = first.docker.containers.get(name).id
    said = refused(first)
    assert f"  the container {name}\n" in said
    assert f"make recover STACK={first.name}" in said
    # The release before serves all the same.
    assert {each: first.ids()[each] for each in serving} == serving
    assert titles(first) == {"bread"}
    code, asked = first.tt("recover")
    assert (code, first.docker.containers.get(name).id) == (4, made), asked
    assert first.tt("recover", "--yes") == (0, {"locks": [], "cut_off": [], "removed": [name]})
    first.up()
    assert "LOG_LEVEL=debug" in " ".join(first.docker.containers.get(name).attrs["Config"]["Env"])
    assert titles(first) == {"bread"}
    first.expect_no_changes()


@pytest.mark.nightly
def test_data_that_is_gone_stops_the_update(first: Stack) -> None:
    down(first)
    kept = volumes(first)
    name = f"tasktracker-{first.name}-nats-data"
    first.docker.volumes.get(name).remove()
    for options in ((), ("--refresh",), ()):
        said = refused(first, *options)
        assert f"  {name}\n" in said
        assert "postgres-data" not in said
    # Not after everything else is taken down once more.
    down(first)
    said = refused(first)
    assert volumes(first) == {each: kept[each] for each in DATA - {"nats-data"}}
    # Docker makes one where a container names it.
    first.docker.volumes.create(name)
    empty = refused(first)
    assert f"the volume {name} has no label of a stack" in empty
    assert "docker volume rm" not in empty
    first.docker.volumes.get(name).remove()
    run(first, said, "pulumi refresh")
    run(first, said, "TASKTRACKER_LOST_VOLUMES=")
    first.expect_no_changes()
    assert titles(first) == {"bread"}
    assert volumes(first) == kept


@pytest.mark.nightly
def test_without_a_refresh_no_empty_volume_begins(first: Stack) -> None:
    down(first)
    name = f"tasktracker-{first.name}-nats-data"
    first.docker.volumes.get(name).remove()
    result = first.pulumi("up", "--yes", "--skip-preview", env={"TASKTRACKER_LOST_VOLUMES": name}, check=False)
    assert result.returncode != 0
    assert "First let the state know" in result.stdout
    assert "nats-data" not in volumes(first)
    run(first, diagnostics(result.stdout), "pulumi refresh")
    first.pulumi("up", "--yes", "--skip-preview", env={"TASKTRACKER_LOST_VOLUMES": name})


@pytest.mark.nightly
def test_a_new_state_has_the_data_when_the_user_says_so(first: Stack, second: Stack) -> None:
    before = volumes(first)
    said = refused(second)
    run(second, said, "docker rm -f")
    run(second, said, "docker network rm")
    run(second, said, "TASKTRACKER_ADOPT=")
    assert volumes(second) == before
    assert titles(second) == {"bread"}
    second.expect_no_changes()
    # The state that lost it does not come back by itself, and does not delete what is in use.
    theirs = refused(first)
    assert "containers or networks of a stack" in theirs
    assert f"make recover STACK={first.name}" in theirs
    assert purge(first).returncode != 0
    assert volumes(second) == before
    assert titles(second) == {"bread"}


@pytest.mark.nightly
def test_who_owns_the_data_can_purge_it(second: Stack) -> None:
    # As one that was kept after a restore, and was then taken out of the config by hand.
    kept = second.docker.volumes.create(f"tasktracker-{second.name}-postgres-data-3", labels={"stack": second.name})
    result = purge(second)
    assert result.returncode == 0, result.stderr
    assert f"left: {kept.name} is on the Docker host" in result.stdout
    assert volumes(second) == {}
    # It is still there.
    kept.remove()
    assert in_state(second) == []
