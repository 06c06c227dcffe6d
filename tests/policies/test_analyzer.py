"""The pack as the engine sees it: over gRPC, with the protocol's forms of unknown and secret values."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent import futures
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import analyzer_pb2 as proto
from pulumi.runtime.proto import analyzer_pb2_grpc

from policies.analyzer import Analyzer
from policies.config import PACK
from policies.docker.providers import ENVIRONMENT, PROVIDER
from policies.evaluate import REDACTED
from policies.registry import RULES
from policies.values import SECRET_SIGNATURE, SIGNATURE, UNKNOWN, UNKNOWN_MARKERS, decode
from tests.policies.compliant import container

UNKNOWN_ON_THE_WIRE = sorted(UNKNOWN_MARKERS)[0]


def secret(value: object) -> dict[str, object]:
    return {SIGNATURE: SECRET_SIGNATURE, "value": value}


@pytest.fixture
def engine() -> Iterator[analyzer_pb2_grpc.AnalyzerStub]:
    """What the engine has: a stub of a running analyzer."""
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=1))
    analyzer_pb2_grpc.add_AnalyzerServicer_to_server(Analyzer(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield analyzer_pb2_grpc.AnalyzerStub(channel)
    server.stop(grace=None)


def configure(engine: analyzer_pb2_grpc.AnalyzerStub, environment: str = "prod", **levels: int) -> None:
    """Configures as the engine does: every rule with its level, changed where `levels` says so."""
    engine.ConfigureStack(
        proto.AnalyzerStackConfigureRequest(
            stack="prod", project="tasktracker", config={"tasktracker:environment": environment}
        )
    )
    info = engine.GetAnalyzerInfo(empty_pb2.Empty())
    request = proto.ConfigureAnalyzerRequest()
    for policy in info.policies:
        level = levels.get(policy.name.replace("-", "_"), policy.enforcementLevel)
        request.policyConfig[policy.name].enforcementLevel = level
    request.policyConfig[PACK].properties.update({"environmentKey": "tasktracker:environment"})
    engine.Configure(request)


def analyze(engine: analyzer_pb2_grpc.AnalyzerStub, changes: dict[str, Any]) -> list[proto.AnalyzeDiagnostic]:
    resource = container()
    properties = struct_pb2.Struct()
    properties.update({**resource.properties, **changes})
    request = proto.AnalyzeRequest(type=resource.type, name=resource.name, urn=resource.urn, properties=properties)
    return list(engine.Analyze(request).diagnostics)


def test_it_tells_of_every_rule(engine: analyzer_pb2_grpc.AnalyzerStub) -> None:
    info = engine.GetAnalyzerInfo(empty_pb2.Empty())
    assert [policy.name for policy in info.policies] == [rule.id for rule in RULES]
    assert info.supportsConfig
    memory = next(policy for policy in info.policies if policy.name == "DKR-MEM")
    assert "maxMb" in memory.configSchema.properties


def test_a_compliant_resource_passes(engine: analyzer_pb2_grpc.AnalyzerStub) -> None:
    configure(engine)
    assert analyze(engine, {}) == []


def test_a_violation_names_rule_resource_and_level(engine: analyzer_pb2_grpc.AnalyzerStub) -> None:
    configure(engine)
    (found,) = analyze(engine, {"privileged": True})
    assert found.policyName == "DKR-PRIV"
    assert found.urn == container().urn
    assert found.enforcementLevel == proto.MANDATORY
    assert found.severity == proto.POLICY_SEVERITY_CRITICAL


def test_an_unknown_value_is_left_for_the_update(engine: analyzer_pb2_grpc.AnalyzerStub) -> None:
    configure(engine)
    for marker in UNKNOWN_MARKERS:
        assert analyze(engine, {"user": marker, "memory": marker, "memorySwap": marker}) == []
    found = analyze(engine, {"user": UNKNOWN_ON_THE_WIRE, "privileged": True})
    assert [each.policyName for each in found] == ["DKR-PRIV"]


def test_a_secret_is_judged_and_not_shown(engine: analyzer_pb2_grpc.AnalyzerStub) -> None:
    configure(engine)
    found = analyze(engine, {"user": secret("hunter2")})
    assert [each.policyName for each in found] == ["DKR-USER"]
    assert REDACTED in found[0].message
    assert "hunter2" not in found[0].message


def test_nothing_is_judged_before_the_config(engine: analyzer_pb2_grpc.AnalyzerStub) -> None:
    with pytest.raises(grpc.RpcError, match="not configured"):
        analyze(engine, {})


@pytest.mark.parametrize("level", [proto.ADVISORY, proto.DISABLED, proto.REMEDIATE])
def test_a_lowered_level_stops_the_run(engine: analyzer_pb2_grpc.AnalyzerStub, level: int) -> None:
    with pytest.raises(grpc.RpcError, match="DKR-PRIV is"):
        configure(engine, DKR_PRIV=level)


def test_the_environment_comes_from_the_stacks_config(engine: analyzer_pb2_grpc.AnalyzerStub) -> None:
    levels = {}
    for environment in ("dev", "staging", "prod", ""):
        configure(engine, environment)
        (found,) = analyze(engine, {"image": "nginx:latest"})
        levels[environment] = found.enforcementLevel
    assert levels == {
        "dev": proto.ADVISORY, "staging": proto.MANDATORY, "prod": proto.MANDATORY, "": proto.MANDATORY,
    }  # fmt: skip


def test_resources_of_a_stack_are_judged_together(engine: analyzer_pb2_grpc.AnalyzerStub) -> None:
    configure(engine)
    bucket = proto.AnalyzerResource(
        type="aws:s3/bucket:Bucket", name="backups", urn="urn:pulumi:prod::tasktracker::aws:s3/bucket:Bucket::backups"
    )
    found = engine.AnalyzeStack(proto.AnalyzeStackRequest(resources=[bucket])).diagnostics
    assert {"STACK-S3-PAB", "STACK-S3-SSE", "STACK-S3-VER"} <= {each.policyName for each in found}
    assert {each.urn for each in found} == {bucket.urn}


def test_nothing_is_changed(engine: analyzer_pb2_grpc.AnalyzerStub) -> None:
    assert list(engine.Remediate(proto.AnalyzeRequest()).remediations) == []


def test_decoding() -> None:
    secrets: set[str] = set()
    wire = {
        "plain": 1.0,
        "secret": secret("a"),
        "list": ["x", secret({"deep": "b"}), UNKNOWN_ON_THE_WIRE],
        "output": {SIGNATURE: "d0e6a833031e9bbcd3f4e8bde6ca49a4", "secret": True},
        "hidden": secret(UNKNOWN_ON_THE_WIRE),
    }
    assert decode(wire, secrets) == {
        "plain": 1.0, "secret": "a", "list": ["x", {"deep": "b"}, UNKNOWN], "output": UNKNOWN, "hidden": UNKNOWN,
    }  # fmt: skip
    assert secrets == {"secret", "list[1]", "output", "hidden"}


def judge(engine: analyzer_pb2_grpc.AnalyzerStub, type_: str, inputs: dict[str, Any], provider: str = "") -> list[str]:
    """The rules that a resource breaks."""
    properties = struct_pb2.Struct()
    properties.update(inputs)
    request = proto.AnalyzeRequest(
        type=type_, name="x", urn=f"urn:pulumi:prod::tasktracker::{type_}::x", properties=properties
    )
    if provider:
        request.provider.type = provider
    return [each.policyName for each in engine.Analyze(request).diagnostics]


def test_a_provider_is_judged_by_its_inputs_and_its_environment(
    engine: analyzer_pb2_grpc.AnalyzerStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ENVIRONMENT.values():
        monkeypatch.delenv(name, raising=False)
    configure(engine)
    assert judge(engine, PROVIDER, {"host": "unix:///run/docker.sock", "version": "5.2.0"}) == []
    assert judge(engine, PROVIDER, {"host": "tcp://203.0.113.5:2375", "version": "5.2.0"}) == ["PROV-HOST"]
    assert judge(engine, PROVIDER, {"registryAuth": '[{"address": "r", "password": "x"}]'}) == ["PROV-SECRET"]
    assert judge(engine, PROVIDER, {"registryAuth": secret('[{"address": "r", "password": "x"}]')}) == []
    monkeypatch.setenv("DOCKER_HOST", "tcp://203.0.113.5:2375")
    assert judge(engine, PROVIDER, {}) == ["PROV-HOST"]
    assert judge(engine, PROVIDER, {"host": "ssh://deploy@host"}) == []
    monkeypatch.setenv("DOCKER_CERT_PATH", "~/.docker")
    assert judge(engine, PROVIDER, {}) == []


def test_a_resource_is_judged_by_the_provider_that_makes_it(engine: analyzer_pb2_grpc.AnalyzerStub) -> None:
    configure(engine)
    type_ = "random:index/randomId:RandomId"
    assert judge(engine, type_, {}, "pulumi:providers:random") == []
    assert judge(engine, type_, {}, "pulumi:providers:pulumi-python") == ["DKR-HOST"]
    assert judge(engine, "pulumi-python:dynamic/host:Thing", {}) == ["DKR-HOST"]
    assert judge(engine, "tasktracker:components:Nginx", {}) == []
