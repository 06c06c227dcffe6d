"""The committed stacks of staging and prod, on the real engine with the policies; Docker and clouds are fakes."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.e2e.environments.test_tunnel import CONTAINER, PINNED, UP
from tests.e2e.fakes.cloud import AWS_SECRET, Cloud, serving
from tests.e2e.fakes.docker_api import answering, volumes_of
from tests.e2e.support.committed import API_TOKEN, HOST, OWN, committed, fill_in
from tests.e2e.support.graph import SECRET, graph, text
from tests.e2e.support.stack import Stack, violations
from toolchain.process.steps import ROOT
from toolchain.pulumi_engine.engine import POLICY_OPTIONS

pytestmark = pytest.mark.engine

#: Beside the numbers of the other stacks; nothing of these is made on the host.
NUMBER = 81

SNAPSHOT = Path(__file__).parents[1] / "snapshots/prod.yaml"

#: Set to write the snapshot anew, as `make snapshot` does.
WRITE = "WRITE_SNAPSHOTS"

COMMITTED = ("prod", "staging")

#: What each of the two asks for.
ASKED = {
    "tasktracker:cloudflare_api_token", "tasktracker:domain", "tasktracker:images", "tasktracker:tunnel.zone", HOST,
    *OWN,
}  # fmt: skip


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with serving(("docker", "aws", "cloudflare")) as cloud:
        yield cloud


@pytest.fixture(scope="module")
def docker_env(cloud: Cloud) -> Iterator[dict[str, str]]:
    with answering(volumes_of(cloud)) as env:
        yield env


@pytest.fixture(scope="module")
def asked(
    cloud: Cloud, docker_env: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[Stack, str]]:
    """The committed stacks by environment, and what a preview says of each as nobody has filled it in."""
    found = {}
    for environment in COMMITTED:
        stack = committed(tmp_path_factory.mktemp("committed") / environment, environment, NUMBER)
        stack.env |= {**cloud.env, **docker_env}
        refused = stack.pulumi("preview", check=False)
        assert refused.returncode != 0
        found[environment] = stack, refused.stdout
    return found


@pytest.fixture(scope="module")
def filled(asked: dict[str, tuple[Stack, str]], docker_env: dict[str, str]) -> dict[str, Stack]:
    """The stacks with what their previews asked for, set by the commands that those showed and nothing else."""
    for stack, message in asked.values():
        assert set(fill_in(stack, message, PINNED, docker_env["DOCKER_HOST"])) == ASKED
    return {environment: stack for environment, (stack, _) in asked.items()}


@pytest.fixture(scope="module")
def prod(filled: dict[str, Stack]) -> Stack:
    """Prod, up under the policies."""
    output = filled["prod"].pulumi(*UP, *POLICY_OPTIONS).stdout
    assert violations(output) == set(), output
    return filled["prod"]


@pytest.mark.parametrize("environment", COMMITTED)
def test_what_only_a_person_knows_is_asked_for_at_once(asked: dict[str, tuple[Stack, str]], environment: str) -> None:
    _, message = asked[environment]
    assert f"error: Pulumi.{environment}.yaml: {len(ASKED)} values are missing, each named with a command" in message
    assert "Traceback" not in message


@pytest.mark.parametrize("environment", COMMITTED)
def test_then_the_preview_passes_with_no_waiver(filled: dict[str, Stack], environment: str) -> None:
    output = filled[environment].pulumi("preview", *POLICY_OPTIONS).stdout
    assert "docker-hosts@v" in output
    assert violations(output) == set()
    assert "waive" not in output


@pytest.mark.parametrize("environment", COMMITTED)
def test_the_commands_leave_the_file_as_it_is_for_people(filled: dict[str, Stack], environment: str) -> None:
    before = (ROOT / f"Pulumi.{environment}.yaml").read_text()
    # The block that was empty.
    after = re.sub(r"docker_host: \{.*", "docker_host: {}", filled[environment].config_file.read_text())
    assert [line for line in before.splitlines() if line.strip() and line not in after.splitlines()] == []
    ids = yaml.safe_load(filled[environment].config_file.read_text())["config"]["tasktracker:tunnel"]
    assert (ids["account_id"], ids["zone_id"]) == tuple(OWN.values())


def test_the_whole_graph_of_prod_is_the_reviewed_one(prod: Stack, cloud: Cloud, docker_env: dict[str, str]) -> None:
    # The fake's address is another each time.
    found = text(graph(prod, cloud)).replace(docker_env["DOCKER_HOST"], "unix:///var/run/docker.sock")
    if os.environ.get(WRITE):
        SNAPSHOT.write_text(found)
    reviewed = SNAPSHOT.read_text()
    diff = "".join(
        difflib.unified_diff(
            reviewed.splitlines(keepends=True), found.splitlines(keepends=True), "reviewed", "what prod is now"
        )
    )
    assert not diff, f"Prod's graph is another. If it should be, `make snapshot` writes it, for review.\n{diff}"


def test_no_secret_is_in_the_graph(prod: Stack, cloud: Cloud) -> None:
    found = text(graph(prod, cloud))
    assert API_TOKEN not in found
    assert AWS_SECRET not in found
    files = {
        (container.name, upload["file"]): upload["content"]
        for container in cloud.kept(CONTAINER)
        for upload in container.plain.get("uploads", ())
    }
    assert files["cloudflared-1-files", "/etc/tasktracker/token"] not in found
    password = files["postgres-files", "/etc/tasktracker/postgres-password"]
    assert len(password) > 20
    assert password not in found
    shown = {each["resource"]: each.get("inputs", {}) for each in yaml.safe_load(found)}
    assert shown[f"{CONTAINER} cloudflared-1-files"]["uploads"][0]["content"] == SECRET


def test_prod_publishes_nothing_and_debugs_nothing(prod: Stack, cloud: Cloud) -> None:
    containers = {each.name: each.plain for each in cloud.kept(CONTAINER)}
    assert len(containers) > 20
    assert [name for name, inputs in containers.items() if inputs.get("ports")] == []
    environment = [entry for inputs in containers.values() for entry in inputs.get("envs", ())]
    assert environment
    assert [entry for entry in environment if "debug" in entry.lower()] == []
    assert sorted({entry for entry in environment if "LOG_LEVEL" in entry}) == ["TASKTRACKER_LOG_LEVEL=info"]
    commands = [str(inputs.get(key)) for inputs in containers.values() for key in ("command", "entrypoints")]
    assert [command for command in commands if "debug" in command.lower() or "--reload" in command] == []
    assert "debug" not in str([each.plain for each in cloud.kept("docker:index/network:Network")])


def test_nothing_changes_by_itself(prod: Stack) -> None:
    prod.pulumi("preview", "--expect-no-changes", "--refresh", *POLICY_OPTIONS)


def test_what_is_protected_is_not_destroyed(prod: Stack, cloud: Cloud) -> None:
    before = len(cloud.changes())
    result = prod.pulumi("destroy", "--yes", check=False)
    assert result.returncode != 0
    assert "protect" in result.stdout
    assert cloud.changes()[before:] == []
