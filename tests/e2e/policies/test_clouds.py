"""Every mandatory rule about AWS and Cloudflare, on the real engine and clouds that are fakes."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import struct_pb2
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from policies.aws.iam import POLICY, ROLE
from policies.aws.s3.types import BUCKET_POLICY as POLICY_OF_BUCKET
from policies.aws.s3.types import (
    BUCKETS,
    ENCRYPTION,
    LIFECYCLE,
    OBJECT_LOCK,
    OWNERSHIP_CONTROLS,
    PUBLIC_ACCESS_BLOCK,
    VERSIONING,
)
from policies.cloudflare.types import ALL_TUNNELS
from policies.resource import Resource
from policies.values import UNKNOWN
from tests.e2e.fakes.cloud import Cloud, plain, serving
from tests.e2e.support.stack import Stack, violations
from tests.policies.compliant_aws import COMPANIONS, GRANT, LET_IN, aws, bucket, changed, document, whole_bucket
from tests.policies.compliant_cloudflare import (
    NOT_FOUND,
    RULE,
    access_policy,
    application,
    ingress,
    record,
    tunnel,
)
from toolchain.pulumi_engine.engine import POLICY_OPTIONS

pytestmark = pytest.mark.engine

#: Beside the numbers of the other stacks.
NUMBER = 94

GRAFANA = {**RULE, "hostname": "grafana.example.com"}
SECRET = 44 * "A"

BUCKET_ID = {"$id": f"{BUCKETS[0]}::backups"}
TUNNEL_ID = {"$id": f"{ALL_TUNNELS[0]}::tunnel"}

TEAM = access_policy()
APPLICATION = application({"policies": [{"id": {"$id": f"{TEAM.type}::{TEAM.name}"}, "precedence": 1}]})

#: A bucket with all that goes with it, who may use it, and a tunnel with a host for administrators.
COMPLIANT: tuple[Resource, ...] = (
    *whole_bucket(),
    aws(ROLE),
    aws(POLICY),
    tunnel({"tunnelSecret": {"$secret": SECRET}}),
    ingress(RULE, GRAFANA),
    TEAM,
    APPLICATION,
    record(),
    record({"name": "grafana.example.com"}, name="grafana"),
)

#: One bad change per mandatory rule: what takes the place of a resource, or the type of the one that is left out.
BAD: dict[str, Resource | str] = {
    "S3-PAB": aws(PUBLIC_ACCESS_BLOCK, {"restrictPublicBuckets": False}),
    "S3-SSE": aws(ENCRYPTION[0], {"rules": [{"bucketKeyEnabled": True}]}),
    "S3-VER": aws(VERSIONING[0], {"versioningConfiguration.status": "Suspended"}),
    "S3-LIFE": aws(LIFECYCLE[0], {"rules": [{"id": "all", "status": "Enabled", "expiration": {"days": 1}}]}),
    "S3-ACL": aws(OWNERSHIP_CONTROLS, {"rule.objectOwnership": "ObjectWriter"}),
    "S3-POL": aws(POLICY_OF_BUCKET, {"policy": document(LET_IN)}),
    "S3-DEL": bucket({"forceDestroy": True}),
    "S3-LOCK": aws(OBJECT_LOCK[0], {"rule": {}}),
    "IAM-STAR": aws(POLICY, {"policy": document(changed(GRANT, Action="*"))}),
    "CF-404": ingress(RULE, NOT_FOUND, GRAFANA),
    "CF-DEST": ingress({**RULE, "service": "unix:/var/run/docker.sock"}, GRAFANA),
    "CF-TLS": ingress(RULE, {**GRAFANA, "originRequest": {"noTlsVerify": True}}),
    "CF-SECRET": tunnel({"tunnelSecret": SECRET}),
    "CF-SRC": tunnel({"configSrc": "local"}),
    "CF-ACCESS": access_policy({"includes": [{"everyone": {}}]}),
    **COMPANIONS,
}


def program(resources: Sequence[Resource]) -> str:
    """The list of resources for the program, where what belongs to another one refers to it."""
    content: list[dict[str, Any]] = []
    for each in resources:
        inputs = dict(each.properties)
        if "bucket" in inputs and each.type not in BUCKETS:
            inputs["bucket"] = BUCKET_ID
        if "tunnelId" in inputs:
            inputs["tunnelId"] = TUNNEL_ID
        content.append({"type": each.type, "name": each.name, "inputs": inputs, "protect": each.protect})
    return json.dumps(content)


def resource_of(change: Resource | str) -> tuple[str, str]:
    """Type and name of the resource that a change is of."""
    if isinstance(change, Resource):
        return change.type, change.name
    (name,) = [each.name for each in COMPLIANT if each.type == change]
    return change, name


def waves() -> list[list[str]]:
    """All of `BAD` in as few lists as there are changes of one resource, so that a preview can have each list."""
    found: list[list[str]] = []
    for rule, change in BAD.items():
        for wave in found:
            if resource_of(change) not in [resource_of(BAD[each]) for each in wave]:
                wave.append(rule)
                break
        else:
            found.append([rule])
    return found


def with_changes(*rules: str) -> tuple[Resource, ...]:
    """The compliant resources with the bad change of each rule."""
    changes = {resource_of(BAD[rule]): BAD[rule] for rule in rules}
    assert len(changes) == len(rules)
    changed_ones = [changes.get((each.type, each.name), each) for each in COMPLIANT]
    return tuple(each for each in changed_ones if isinstance(each, Resource))


def new_stack(folder: Path, resources: Sequence[Resource] = COMPLIANT) -> Stack:
    """A prod-shaped stack of these resources."""
    stack = Stack(folder / "stack", "prod", NUMBER, {"environment": "prod"})
    entry = stack.folder / "__main__.py"
    entry.unlink()
    shutil.copy(Path(__file__).parents[1] / "programs/cloud.py", entry)
    (stack.folder / "resources.json").write_text(program(resources))
    return stack


def run(stack: Stack, cloud: Cloud, *command: str, resources: Sequence[Resource] = COMPLIANT) -> tuple[int, str]:
    """Exit code and output of a command, with the pack."""
    (stack.folder / "resources.json").write_text(program(resources))
    result = stack.pulumi(*command, *POLICY_OPTIONS, check=False, env=cloud.env)
    assert "Traceback" not in result.stdout
    return result.returncode, result.stdout


def state(stack: Stack) -> str:
    (file,) = (stack.folder / "state" / ".pulumi" / "stacks").rglob("prod.json")
    return file.read_text()


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with serving() as cloud:
        yield cloud


@pytest.fixture(scope="module")
def prod(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """A stack of the compliant resources, which passed the pack and are there."""
    stack = new_stack(tmp_path_factory.mktemp("cloud"))
    code, output = run(stack, cloud, "up", "--yes", "--skip-preview")
    assert code == 0, output
    return stack


def test_a_new_stack_passes_with_no_violation(cloud: Cloud, tmp_path: Path) -> None:
    """Everything is new, so that the ids that join one resource to another are unknown."""
    code, output = run(new_stack(tmp_path), cloud, "preview")
    assert code == 0, output
    assert "docker-hosts@v" in output
    assert violations(output) == set()


def test_a_stack_that_is_there_passes_with_no_violation(cloud: Cloud, prod: Stack) -> None:
    code, output = run(prod, cloud, "preview", "--expect-no-changes")
    assert code == 0, output
    assert violations(output) == set()


@pytest.mark.parametrize("rules", waves(), ids=" ".join)
def test_each_bad_change_is_refused(cloud: Cloud, prod: Stack, rules: list[str]) -> None:
    before, changes = state(prod), len(cloud.changes())
    code, output = run(prod, cloud, "preview", resources=with_changes(*rules))
    assert code != 0, output
    expected = {("mandatory", rule, resource_of(BAD[rule])[1]) for rule in rules}
    assert violations(output) == expected, output
    assert SECRET not in output
    assert state(prod) == before
    assert len(cloud.changes()) == changes


def test_a_refused_update_does_not_change_the_resource(cloud: Cloud, prod: Stack) -> None:
    changes = len(cloud.changes())
    code, output = run(prod, cloud, "up", "--yes", "--skip-preview", resources=with_changes("S3-PAB"))
    assert code != 0, output
    assert violations(output) == {("mandatory", "S3-PAB", "backups")}
    assert len(cloud.changes()) == changes
    blocks = cloud.kept(PUBLIC_ACCESS_BLOCK)
    assert [each.plain["restrictPublicBuckets"] for each in blocks] == [True]


# The fake itself.


def test_the_fake_makes_what_it_is_given(cloud: Cloud, prod: Stack) -> None:
    assert {(each.type, each.name) for each in cloud.things.values()} == {(each.type, each.name) for each in COMPLIANT}
    block = cloud.kept(PUBLIC_ACCESS_BLOCK)[0]
    assert block.plain["bucket"] == cloud.kept(BUCKETS[0])[0].id == "tasktracker-prod-backups"
    assert block.plain["blockPublicAcls"] is True


def test_the_fake_keeps_secrets_secret(cloud: Cloud, prod: Stack) -> None:
    kept = cloud.kept(ALL_TUNNELS[0])[0]
    assert kept.plain["tunnelSecret"] == SECRET
    assert kept.outputs["tunnelSecret"] != SECRET
    assert SECRET not in state(prod)


def test_the_fake_sees_what_a_preview_can_not_know(cloud: Cloud, tmp_path: Path) -> None:
    before = len(cloud.requests)
    run(new_stack(tmp_path), cloud, "preview")
    asked = [each for each in cloud.requests[before:] if each.method == "Create" and each.type == PUBLIC_ACCESS_BLOCK]
    assert [(each.preview, plain(each.inputs)["bucket"]) for each in asked] == [(True, UNKNOWN)]


def test_the_fake_updates_replaces_reads_and_deletes(tmp_path: Path) -> None:
    one = [aws(ROLE), tunnel(), record()]
    with serving() as cloud:
        stack = new_stack(tmp_path, one)

        def after(*command: str, resources: Sequence[Resource] = one) -> list[tuple[str, str]]:
            before = len(cloud.changes())
            (stack.folder / "resources.json").write_text(program(resources))
            stack.pulumi(*command, env=cloud.env)
            return [(each.method, each.name) for each in cloud.changes()[before:]]

        up = ("up", "--yes", "--skip-preview")
        assert sorted(after(*up)) == [("Create", "backups"), ("Create", "record"), ("Create", "tunnel")]
        assert after(*up, "--refresh", "--expect-no-changes") == []
        assert after(*up, resources=[*one[:2], record({"ttl": 300})]) == [("Update", "record")]
        assert [each.plain["ttl"] for each in cloud.things.values() if each.name == "record"] == [300]

        # A zone is where the record is: a new record comes, and then the old one goes.
        old = next(each.id for each in cloud.things.values() if each.name == "record")
        moved = [*one[:2], record({"zoneId": 32 * "0"})]
        assert after(*up, resources=moved) == [("Create", "record"), ("Delete", "record")]
        assert old not in [each.id for each in cloud.things.values()]
        # A role's name is taken until the old one is gone.
        renamed = [aws(ROLE, {"name": "archive"}), *moved[1:]]
        assert after(*up, resources=renamed) == [("Delete", "backups"), ("Create", "backups")]
        assert [each.id for each in cloud.kept(ROLE)] == ["archive"]

        # What somebody took away is made again.
        cloud.things.pop((ROLE, "archive"))
        assert after(*up, "--refresh", resources=renamed) == [("Create", "backups")]
        stack.pulumi("destroy", "--yes", "--skip-preview", env=cloud.env)
        assert cloud.things == {}


def test_the_fake_answers_functions(cloud: Cloud) -> None:
    token = "cloudflare:index/getZeroTrustTunnelCloudflaredToken:getZeroTrustTunnelCloudflaredToken"
    with grpc.insecure_channel(f"127.0.0.1:{cloud.ports['cloudflare']}") as channel:
        provider = provider_pb2_grpc.ResourceProviderStub(channel)
        arguments = struct_pb2.Struct()
        arguments.update({"accountId": "a", "tunnelId": "t"})
        answer = getattr(provider.Invoke(provider_pb2.InvokeRequest(tok=token, args=arguments)), "return")
        assert json.loads(base64.b64decode(answer["token"]))["t"] == "t"
        with pytest.raises(grpc.RpcError, match="no function cloudflare:index/getNothing:getNothing"):
            provider.Invoke(provider_pb2.InvokeRequest(tok="cloudflare:index/getNothing:getNothing"))
