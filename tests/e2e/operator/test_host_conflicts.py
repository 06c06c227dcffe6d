"""A stack that would take what others have on its Docker host is refused by its preview, with what is free instead."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from components.preflight.host import NOT_CHECKED
from images.catalog import local_reference
from tests.e2e.support.stack import Stack
from tests.leftovers import name_of_this_run, remove

pytestmark = [pytest.mark.engine, pytest.mark.docker]

#: Beside the numbers of the other stacks; nothing of this one is made.
NUMBER = 82


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    return Stack(tmp_path / "stack", name_of_this_run("e2e", NUMBER), NUMBER)


@pytest.fixture
def other(stack: Stack) -> Iterator[str]:
    """Another stack of this host, as far as there is anything of it: a network and a published port."""
    client, name = docker.from_env(), name_of_this_run("e2e", "neighbour")
    labels = {"stack": name}
    edge = docker.types.IPAMConfig(pool_configs=[docker.types.IPAMPool(subnet=f"10.213.{NUMBER}.0/26")])
    try:
        client.networks.create(f"tasktracker-{name}-edge", ipam=edge, labels=labels)
        client.containers.run(
            local_reference("nginx"),
            ["sleep", "600"],
            entrypoint=[],
            name=f"tasktracker-{name}-nginx",
            labels=labels,
            network=f"tasktracker-{name}-edge",
            ports={"8080/tcp": ("127.0.0.1", stack.port)},
            detach=True,
        )
        yield name
    finally:
        remove(client, name)


def test_clashes_are_told_at_once_and_the_commands_mend_them(stack: Stack, other: str) -> None:
    refused = stack.pulumi("preview", check=False)
    assert refused.returncode != 0
    assert "Traceback" not in refused.stdout
    assert f"error: Pulumi.{stack.name}.yaml clashes with what is on the Docker host. Nothing was" in refused.stdout
    subnet = f"overlaps 10.213.{NUMBER}.0/26 of the network tasktracker-{other}-edge of the stack {other}; "
    told = dict(re.findall(r"^ +tasktracker:(\S+) = \S+: (.*?)[\d./]+ is free$", refused.stdout, re.MULTILINE))
    assert told == {
        "network.edge": subnet,
        "network.data": subnet,
        "nginx.publish.port": f"is in use already, at 127.0.0.1:{stack.port} of the container"
        f" tasktracker-{other}-nginx of the stack {other}; ",
    }
    refused_update = stack.up(check=False)
    assert refused_update.returncode != 0
    assert stack.containers(all=True) == []
    for command in re.findall(r"^ +\./tt (pulumi config set .*)$", refused.stdout, re.MULTILINE):
        subprocess.run(shlex.split(command), cwd=stack.folder, env=stack.env, check=True)
    stack.pulumi("preview")


@pytest.mark.parametrize(
    ("short", "told"),
    [
        ("uploads", "    the volume {name} has no label of a stack"),
        (
            "cache",
            "the stack's name, {stack}: the volume {name} has a name that this stack may give, and is not its own",
        ),
    ],
)
def test_a_name_that_is_taken_is_told(stack: Stack, short: str, told: str) -> None:
    name = f"tasktracker-{stack.name}-{short}"
    volume = docker.from_env().volumes.create(name)
    try:
        refused = stack.pulumi("preview", check=False)
    finally:
        volume.remove()
    assert refused.returncode != 0
    assert told.format(name=name, stack=stack.name) in refused.stdout


def test_without_docker_the_preview_goes_on_with_one_warning(stack: Stack) -> None:
    output = stack.pulumi("preview", without_docker=True).stdout
    assert output.partition("Diagnostics:")[2].count(NOT_CHECKED) == 1
