"""The pack as the engine's analyzer.

It speaks the engine's protocol itself, not through `pulumi_policy`, for what that library can't do:
refuse a config that lowers a level or switches a rule off, report a waived violation as an advisory
beside mandatory ones of the same rule, judge what is known of a resource that has unknown values,
and decode each resource once instead of once per rule.
"""

from __future__ import annotations

import datetime
import os
import signal
import sys
from collections.abc import Iterable
from concurrent import futures
from pathlib import Path
from typing import NoReturn

import grpc
from google.protobuf import empty_pb2, json_format, struct_pb2
from pulumi.runtime.proto import AnalyzerServicer, analyzer_pb2, analyzer_pb2_grpc, plugin_pb2

from policies import waivers
from policies.config import Config, Entry, parse
from policies.docker.providers import PROVIDER, with_environment
from policies.documents.errors import ConfigError
from policies.evaluate import Pack, Target, Violation
from policies.registry import RULES
from policies.resource import Resource
from policies.rule import Level, Rule, Severity
from policies.values import decode

#: Where the pack and its waivers are.
FOLDER = Path(__file__).parent

NAME = "docker-hosts"

#: Bytes, as in the SDK: resources may carry big inputs.
MAX_MESSAGE = 400 * 1024 * 1024

#: Seconds between two looks at whether the process that started us is still there.
PARENT_CHECK = 2

LEVELS = {Level.ADVISORY: analyzer_pb2.ADVISORY, Level.MANDATORY: analyzer_pb2.MANDATORY}

SEVERITIES = {
    Severity.LOW: analyzer_pb2.POLICY_SEVERITY_LOW,
    Severity.MEDIUM: analyzer_pb2.POLICY_SEVERITY_MEDIUM,
    Severity.HIGH: analyzer_pb2.POLICY_SEVERITY_HIGH,
    Severity.CRITICAL: analyzer_pb2.POLICY_SEVERITY_CRITICAL,
}

WORDS = {
    analyzer_pb2.ADVISORY: "advisory",
    analyzer_pb2.MANDATORY: "mandatory",
    analyzer_pb2.DISABLED: "disabled",
    analyzer_pb2.REMEDIATE: "remediate",
}


class Analyzer(AnalyzerServicer):
    """Answers the engine. It calls `ConfigureStack`, `GetAnalyzerInfo` and `Configure` before anything else."""

    def __init__(self) -> None:
        self._stack = analyzer_pb2.AnalyzerStackConfigureRequest()
        self._pack: Pack | None = None

    def Handshake(
        self, request: analyzer_pb2.AnalyzerHandshakeRequest, context: grpc.ServicerContext
    ) -> analyzer_pb2.AnalyzerHandshakeResponse:
        """Meets the engine; there is nothing to agree on."""
        return analyzer_pb2.AnalyzerHandshakeResponse()

    def GetPluginInfo(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> plugin_pb2.PluginInfo:
        """The version comes from `PulumiPolicy.yaml`."""
        return plugin_pb2.PluginInfo()

    def Cancel(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """Nothing takes long enough to be cancelled."""
        return empty_pb2.Empty()

    def ConfigureStack(
        self, request: analyzer_pb2.AnalyzerStackConfigureRequest, context: grpc.ServicerContext
    ) -> analyzer_pb2.AnalyzerStackConfigureResponse:
        """Learns which stack it is, and the stack's config."""
        self._stack = request
        return analyzer_pb2.AnalyzerStackConfigureResponse()

    def GetAnalyzerInfo(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> analyzer_pb2.AnalyzerInfo:
        """Tells what rules there are, and the form of their options."""
        return analyzer_pb2.AnalyzerInfo(name=NAME, supportsConfig=True, policies=[_info(rule) for rule in RULES])

    def Configure(
        self, request: analyzer_pb2.ConfigureAnalyzerRequest, context: grpc.ServicerContext
    ) -> empty_pb2.Empty:
        """Takes the config; one that is wrong stops the run before any resource is looked at."""
        try:
            config, accepted = _configuration(request)
        except ConfigError as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"\n{error}")
        target = Target(
            stack=self._stack.stack,
            project=self._stack.project,
            environment=self._stack.config.get(config.conventions.environment_key, ""),
        )
        self._pack = Pack(RULES, config, accepted, target, datetime.datetime.now(datetime.UTC).date())
        return empty_pb2.Empty()

    def Analyze(
        self, request: analyzer_pb2.AnalyzeRequest, context: grpc.ServicerContext
    ) -> analyzer_pb2.AnalyzeResponse:
        """Judges one resource."""
        pack = self._configured(context)
        if not pack.reads(request.type):
            return analyzer_pb2.AnalyzeResponse()
        return _response(pack.analyze(_resource(request)))

    def AnalyzeStack(
        self, request: analyzer_pb2.AnalyzeStackRequest, context: grpc.ServicerContext
    ) -> analyzer_pb2.AnalyzeResponse:
        """Judges all resources together, at the end of a run."""
        pack = self._configured(context)
        resources = [_resource(each) for each in request.resources if pack.reads_in_stack(each.type)]
        return _response(pack.analyze_stack(resources, [each.urn for each in request.resources]))

    def Remediate(
        self, request: analyzer_pb2.AnalyzeRequest, context: grpc.ServicerContext
    ) -> analyzer_pb2.RemediateResponse:
        """Changes nothing: what is wrong is mended where it was written."""
        return analyzer_pb2.RemediateResponse()

    def _configured(self, context: grpc.ServicerContext) -> Pack:
        if self._pack is None:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, "the policy pack was not configured")
        return self._pack


def _configuration(request: analyzer_pb2.ConfigureAnalyzerRequest) -> tuple[Config, tuple[waivers.Waiver, ...]]:
    """The config that the engine hands over, and the waivers in the file that it names.

    Raises:
        ConfigError: one of them is wrong.
    """
    entries = {
        name: Entry(
            WORDS.get(entry.enforcementLevel, str(entry.enforcementLevel)), json_format.MessageToDict(entry.properties)
        )
        for name, entry in request.policyConfig.items()
    }
    try:
        config = parse(entries, RULES)
    except ConfigError as error:
        raise ConfigError([f"the config of the policy pack: {problem}" for problem in error.problems]) from None
    return config, waivers.of(config, FOLDER, RULES)


def _info(rule: Rule) -> analyzer_pb2.PolicyInfo:
    schema = struct_pb2.Struct()
    schema.update(rule.options.model_json_schema().get("properties", {}))
    return analyzer_pb2.PolicyInfo(
        name=rule.id,
        displayName=rule.title,
        description=rule.title,
        enforcementLevel=LEVELS[rule.level],
        configSchema=analyzer_pb2.PolicyConfigSchema(properties=schema),
        policy_type=analyzer_pb2.POLICY_TYPE_STACK if rule.check_stack else analyzer_pb2.POLICY_TYPE_RESOURCE,
        severity=SEVERITIES[rule.severity],
        remediation_steps=rule.fix,
        tags=list(rule.sources),
    )


def _resource(message: analyzer_pb2.AnalyzeRequest | analyzer_pb2.AnalyzerResource) -> Resource:
    secrets: set[str] = set()
    properties = decode(json_format.MessageToDict(message.properties), secrets)
    if message.type == PROVIDER:
        # The pack has the environment of the engine, as the provider has.
        properties = with_environment(properties, os.environ)
    dependencies = {}
    if isinstance(message, analyzer_pb2.AnalyzerResource):
        dependencies = {key: list(each.urns) for key, each in message.propertyDependencies.items()}
    return Resource(
        type=message.type,
        name=message.name,
        urn=message.urn,
        properties=properties,
        secret_paths=frozenset(secrets),
        protect=message.options.protect,
        dependencies=dependencies,
        provider=message.provider.type,
    )


def _response(violations: Iterable[Violation]) -> analyzer_pb2.AnalyzeResponse:
    return analyzer_pb2.AnalyzeResponse(
        diagnostics=[
            analyzer_pb2.AnalyzeDiagnostic(
                policyName=violation.rule.id,
                policyPackName=NAME,
                description=violation.rule.title,
                message=violation.message,
                enforcementLevel=LEVELS[violation.level],
                urn=violation.urn,
                severity=SEVERITIES[violation.rule.severity],
            )
            for violation in violations
        ]
    )


def _stop(number: int, frame: object) -> NoReturn:
    raise SystemExit(0)


def serve() -> None:
    """Serves the engine until it ends us, or is gone."""
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, _stop)
    limits = [("grpc.max_receive_message_length", MAX_MESSAGE), ("grpc.max_send_message_length", MAX_MESSAGE)]
    # The rules hold Python's lock; a second thread only lets the engine's next request come in meanwhile.
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=2), options=limits)
    analyzer_pb2_grpc.add_AnalyzerServicer_to_server(Analyzer(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    parent = os.getppid()
    while server.wait_for_termination(timeout=PARENT_CHECK) and os.getppid() == parent:
        pass
