"""A prod-shaped stack with a tunnel, on the real engine with the policies; Docker and Cloudflare are fakes."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.fakes.cloud import Cloud, Request, serving
from tests.e2e.fakes.docker_api import answering, volumes_of
from tests.e2e.support.stack import Stack, violations
from tests.services import IMAGES
from tests.unit.components.edge.test_tunnel import APPLICATIONS, CONFIGS, POLICIES, RECORDS, TUNNELS
from toolchain.pulumi_engine.engine import POLICY_OPTIONS

pytestmark = pytest.mark.engine

#: Beside the numbers of the other stacks; nothing of these is made on the host.
NUMBER = 70

CONTAINER = "docker:index/container:Container"

API_TOKEN = "an-api-token-of-nobody"
ACCOUNT, ZONE = 32 * "a", 32 * "b"

PINNED = {
    image: f"registry.example.com/tasktracker/{image}:1.2.3@sha256:{64 * 'a'}" for image in (*IMAGES, "cloudflared")
}
TUNNEL: dict[str, Any] = {
    "account_id": ACCOUNT,
    "zone_id": ZONE,
    "zone": "example.com",
    "administrators": {"hostnames": ["admin.example.com"], "emails": ["jo@example.com"]},
}
CONFIG: dict[str, Any] = {
    "environment": "prod",
    "domain": "tasks.example.com",
    "images": PINNED,
    # With a tunnel the host publishes nothing.
    "nginx": {},
    "tunnel": TUNNEL,
}

UP = ("up", "--yes", "--skip-preview")


#: What Cloudflare says of a tunnel that was deleted while it was in use.
TAKEN = '409 Conflict {"errors":[{"code":1013,"message":"You already have a tunnel with this name"}]}'


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with serving(("docker", "cloudflare")) as cloud:
        yield cloud


@pytest.fixture(scope="module")
def new_stack(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack that knows its fakes."""
    with answering(volumes_of(cloud)) as env:
        stack = Stack(tmp_path_factory.mktemp("tunnel") / "stack", "prod", NUMBER, CONFIG)
        stack.env |= {**cloud.env, **env}
        stack.pulumi("config", "set", "--secret", "cloudflare_api_token", API_TOKEN)
        yield stack


@pytest.fixture(scope="module")
def first_preview(new_stack: Stack) -> str:
    """What the preview of a new stack says, of which nothing is there yet."""
    return new_stack.pulumi("preview", *POLICY_OPTIONS).stdout


@pytest.fixture(scope="module")
def refused_up(cloud: Cloud, new_stack: Stack, first_preview: str) -> str:
    """What an update says whose tunnel Cloudflare refuses."""
    cloud.refusals[TUNNELS] = TAKEN
    result = new_stack.pulumi(*UP, check=False)
    cloud.refusals.clear()
    assert result.returncode != 0
    return result.stdout


@pytest.fixture(scope="module")
def prod(new_stack: Stack, refused_up: str) -> Stack:
    """A stack that came up under the policies, with the update after the refused one."""
    output = new_stack.pulumi(*UP, *POLICY_OPTIONS).stdout
    assert violations(output) == set(), output
    return new_stack


def by_method(requests: list[Request]) -> list[tuple[str, str, str]]:
    return sorted((each.method, each.type, each.name) for each in requests)


def state(stack: Stack) -> str:
    (file,) = (stack.folder / "state" / ".pulumi" / "stacks").rglob("prod.json")
    return file.read_text()


def test_a_new_stack_passes_with_no_waiver(first_preview: str) -> None:
    assert "docker-hosts@v" in first_preview
    assert violations(first_preview) == set()
    assert "waive" not in first_preview


def test_a_refusal_of_cloudflare_comes_with_advice(refused_up: str) -> None:
    assert TAKEN in refused_up
    assert "tunnel: There is a tunnel of this name that this stack didn't make" in refused_up
    assert "Traceback" not in refused_up


def test_cloudflare_gets_a_tunnel_with_its_names_and_guards(cloud: Cloud, prod: Stack) -> None:
    (tunnel,) = cloud.kept(TUNNELS)
    assert tunnel.plain == {"accountId": ACCOUNT, "name": "tasktracker-prod", "configSrc": "cloudflare"}
    (config,) = cloud.kept(CONFIGS)
    assert config.plain["tunnelId"] == tunnel.id
    assert config.plain["config"]["ingresses"] == [
        {"hostname": "tasks.example.com", "service": "http://nginx:8080"},
        {"hostname": "admin.example.com", "service": "http://nginx:8080"},
        {"service": "http_status:404"},
    ]
    assert {each.plain["name"]: each.plain["content"] for each in cloud.kept(RECORDS)} == dict.fromkeys(
        ("tasks.example.com", "admin.example.com"), f"{tunnel.id}.cfargotunnel.com"
    )
    (policy,) = cloud.kept(POLICIES)
    (application,) = cloud.kept(APPLICATIONS)
    assert application.plain["policies"] == [{"id": policy.id, "precedence": 1}]
    assert policy.plain["includes"] == [{"email": {"email": "jo@example.com"}}]


def test_what_guards_a_name_is_there_before_it(cloud: Cloud, prod: Stack) -> None:
    made = [(each.type, each.name) for each in cloud.changes() if each.method == "Create"]
    order = [
        (POLICIES, "administrators"),
        (APPLICATIONS, "admin.example.com"),
        (CONFIGS, "tunnel"),
        (CONTAINER, "cloudflared-1"),
        (CONTAINER, "cloudflared-2"),
        (RECORDS, "admin.example.com"),
    ]
    assert sorted(order, key=made.index) == order


def test_the_token_is_in_a_file_and_shows_nowhere(cloud: Cloud, prod: Stack) -> None:
    containers = {each.name: each for each in cloud.kept(CONTAINER)}
    (upload,) = containers["cloudflared-1-files"].plain["uploads"]
    content = json.loads(base64.b64decode(upload["content"]))
    assert (upload["file"], content["t"]) == ("/etc/tasktracker/token", cloud.kept(TUNNELS)[0].id)
    # Beside it the provider's form, in which a secret is wrapped.
    assert upload["content"] not in str({name: each.plain for name, each in containers.items() if "files" not in name})
    for secret in (upload["content"], API_TOKEN):
        assert secret not in state(prod)
        assert secret not in prod.pulumi("stack", "export").stdout


def test_the_host_publishes_nothing(cloud: Cloud, prod: Stack) -> None:
    assert len(cloud.kept(CONTAINER)) > len(IMAGES)
    assert [each.name for each in cloud.kept(CONTAINER) if each.plain.get("ports")] == []
    assert prod.pulumi("stack", "output", "url").stdout.strip() == "https://tasks.example.com"


@pytest.mark.nightly
def test_nothing_changes_by_itself(prod: Stack) -> None:
    output = prod.pulumi("preview", "--expect-no-changes", "--refresh", *POLICY_OPTIONS).stdout
    assert violations(output) == set()


def test_another_name_changes_the_config_the_dns_and_the_hosts_of_nginx_alone(cloud: Cloud, prod: Stack) -> None:
    before = len(cloud.changes())
    changed = {"domain": "todo.example.com", "tunnel": {**TUNNEL, "hostnames": ["todo.example.com", "www.example.com"]}}
    prod.write_config(changed)
    prod.pulumi(*UP)
    assert by_method(cloud.changes()[before:]) == [
        ("Create", RECORDS, "todo.example.com"),
        ("Create", RECORDS, "www.example.com"),
        # nginx takes its new files up while it runs.
        ("Create", CONTAINER, "nginx-files"),
        ("Delete", RECORDS, "tasks.example.com"),
        ("Delete", CONTAINER, "nginx-files"),
        ("Update", CONFIGS, "tunnel"),
    ]


def test_a_protected_tunnel_is_not_destroyed(cloud: Cloud, prod: Stack) -> None:
    before = len(cloud.changes())
    result = prod.pulumi("destroy", "--yes", check=False)
    assert result.returncode != 0
    assert "protect" in result.stdout
    assert cloud.changes()[before:] == []
    assert len(cloud.kept(TUNNELS)) == 1
