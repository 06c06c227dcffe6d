"""Prod on a real Docker with the policies: a tunnel of a Cloudflare that is a fake, images of a registry by digest,
and backups in a bucket of this machine's, since the server of AWS's would need a certificate that the world trusts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import yaml

from tests.e2e.environments.test_outside import ACCESS_KEY, BACKUP, SECRET_KEY, join, new_bucket
from tests.e2e.environments.test_tunnel import by_method
from tests.e2e.fakes.cloud import ORIGIN_CA, Cloud, serving
from tests.e2e.support.committed import ACCOUNT, API_TOKEN, ZONE
from tests.e2e.support.registry import pushed, registry
from tests.e2e.support.stack import Stack, add_task, eventually, execute, is_done, violations
from tests.leftovers import name_of_this_run, remove
from tests.unit.components.conftest import ORIGIN_CERTIFICATE
from tests.unit.components.edge.test_tunnel import CONFIGS, RECORDS, TUNNELS
from toolchain.process.steps import ROOT
from toolchain.pulumi_engine.engine import POLICY_OPTIONS

pytestmark = [pytest.mark.engine, pytest.mark.docker, pytest.mark.nightly]

#: Beside the numbers of the other stacks.
NUMBER = 83

REGISTRY_PORT = 24000 + NUMBER

UP = ("up", "--yes", "--skip-preview")

TUNNEL: dict[str, Any] = {"replicas": 2, "account_id": ACCOUNT, "zone_id": ZONE, "zone": "example.com"}


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with serving(["cloudflare"]) as cloud:
        yield cloud


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with registry(tmp_path_factory.mktemp("registry"), REGISTRY_PORT) as address, pushed(address) as images:
        yield images


def config(images: dict[str, str]) -> dict[str, Any]:
    """What the committed files say, in staging's sizes: a host may have two CPUs."""
    files = {name: yaml.safe_load((ROOT / f"Pulumi.{name}.yaml").read_text())["config"] for name in ("staging", "prod")}
    keys = {key.removeprefix("tasktracker:"): value for key, value in {**files["prod"], **files["staging"]}.items()}
    # The tests' own subnets.
    del keys["network"]
    backup = {**BACKUP, "retention": keys["backup"]["retention"]}
    return {
        **keys,
        "environment": "prod",
        "docker_host": {"address": "unix:///var/run/docker.sock"},
        "domain": "tasks.example.com",
        "images": images,
        "tunnel": TUNNEL,
        "backup": backup,
        "nginx": {"tls": True, "certificate": "cloudflare"},
    }


@pytest.fixture(scope="module")
def prod(cloud: Cloud, images: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stack, str]]:
    """The stack, up, and what the update said."""
    folder = tmp_path_factory.mktemp("prod")
    stack = Stack(folder / "stack", name_of_this_run("e2e", NUMBER), NUMBER, config(images))
    stack.env |= cloud.env
    try:
        server, authority = new_bucket(stack, tmp_path_factory.mktemp("bucket"))
        secrets = {
            "cloudflare_api_token": API_TOKEN, "s3_access_key": ACCESS_KEY, "s3_secret_key": SECRET_KEY,
            "s3_ca_certificate": authority,
        }  # fmt: skip
        for name, value in secrets.items():
            stack.pulumi("config", "set", "--secret", name, stdin=value)
        with ThreadPoolExecutor() as pool:
            joined = pool.submit(join, stack, server, "egress")
            output = stack.pulumi(*UP, *POLICY_OPTIONS).stdout
            joined.result()
        yield stack, output
    finally:
        remove(stack.docker, stack.name)


def domain(stack: Stack) -> str:
    return str(json.loads(stack.pulumi("config", "get", "tasktracker:domain", "--json").stdout)["value"])


def asked(stack: Stack, path: str, *options: str) -> Any:
    """What nginx answers to somebody at the other end of the tunnel."""
    answer = execute(
        stack.container("cloudflared-1"),
        "sh", "-c", 'printf %s "$AUTHORITY" >/tmp/ca && exec "$@"', "sh",
        "curl", "-sS", "--fail-with-body", "-H", "CF-Connecting-IP: 203.0.113.7", "--cacert", "/tmp/ca",
        "--connect-to", f"{domain(stack)}:443:nginx:8443", *options, f"https://{domain(stack)}{path}",
        environment={"AUTHORITY": ORIGIN_CA.certificate},
    )  # fmt: skip
    return json.loads(answer)


def test_it_comes_up_under_the_policies_with_no_waiver(prod: tuple[Stack, str]) -> None:
    stack, output = prod
    assert violations(output) == set()
    assert "waive" not in output
    stack.expect_no_changes()


def test_it_answers_through_the_tunnel_and_nowhere_else(prod: tuple[Stack, str]) -> None:
    stack, _ = prod
    title = json.dumps({"title": "through the tunnel"})
    task = asked(stack, "/api/tasks", "-XPOST", "-H", "content-type: application/json", "-d", title)["id"]
    eventually(lambda: asked(stack, f"/api/tasks/{task}")["status"] == "done", 20, "the task is done")
    assert len(stack.containers()) > 8
    published = {each.name: each.attrs["HostConfig"]["PortBindings"] for each in stack.containers(all=True)}
    assert {name for name, ports in published.items() if ports} == set()
    assert "@sha256:" in stack.container("api").attrs["Config"]["Image"]


def test_dev_is_up_beside_it(prod: tuple[Stack, str], stack: Stack) -> None:
    """Two stacks on one host have nothing in common."""
    other, _ = prod
    with stack.client() as client:
        task = add_task(client, "in dev")
        eventually(lambda: is_done(client, task), 10, "the task is done")
    assert task not in json.dumps(asked(other, "/api/tasks"))
    both = (stack, other)
    for names in (
        [{found.name for found in each.containers(all=True)} for each in both],
        [{found.name for found in each.docker.networks.list(filters=each.filters)} for each in both],
    ):
        assert all(names)
        assert not names[0] & names[1]
    # Either is content with the other as its neighbour.
    other.pulumi("preview", "--expect-no-changes")
    stack.pulumi("preview", "--expect-no-changes")


def test_another_host_name_changes_cloudflare_and_no_container(prod: tuple[Stack, str], cloud: Cloud) -> None:
    stack, _ = prod
    before, ids, tunnel = len(cloud.changes()), stack.ids(), cloud.kept(TUNNELS)
    stack.write_config({"domain": "todo.example.com"})
    stack.pulumi(*UP)
    assert by_method(cloud.changes()[before:]) == [
        ("Create", RECORDS, "todo.example.com"),
        ("Create", ORIGIN_CERTIFICATE, "origin-certificate"),
        ("Delete", RECORDS, "tasks.example.com"),
        ("Delete", ORIGIN_CERTIFICATE, "origin-certificate"),
        ("Update", CONFIGS, "tunnel"),
    ]
    assert cloud.kept(TUNNELS) == tunnel
    # nginx takes its new certificate up as it runs, and serves it.
    assert {name for name, each in stack.ids().items() if each != ids[name]} == {"nginx-files"}
    assert asked(stack, "/api/version")


def test_what_is_protected_is_not_destroyed(prod: tuple[Stack, str], cloud: Cloud) -> None:
    stack, _ = prod
    before, ids = len(cloud.changes()), stack.ids()
    # Its preview refuses; without one it would go on until it meets what is protected.
    refused = stack.pulumi("destroy", "--yes", check=False)
    assert refused.returncode != 0
    assert "protect" in refused.stdout
    assert cloud.changes()[before:] == []
    assert stack.ids() == ids
    assert asked(stack, "/api/version")
