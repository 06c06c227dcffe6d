"""What runs on a Docker host, or beside it, without being a container or a service."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from policies.containers import CONTAINER
from policies.docker.hosts import PACKAGES, WAYS
from policies.resource import Resource
from policies.values import UNKNOWN
from tests.policies.cases import Case, of_each_rule, run_all
from tests.policies.compliant import container, make, network, service, volume

PLUGIN = "docker:index/plugin:Plugin"
LOCAL = "command:local:Command"


def of(type_: str, **properties: Any) -> tuple[Resource]:
    return (make(type_, properties),)


def made_by(provider: str, type_: str) -> tuple[Resource]:
    """A custom resource, as the engine sends it: with the provider that makes it."""
    return (
        Resource(type_, "x", f"urn:pulumi:prod::tasktracker::{type_}::x", {}, provider=f"pulumi:providers:{provider}"),
    )


CASES = (
    Case("DKR-HOST", "passing", "what runs in the open", (container(), service(), volume(), network())),
    Case("DKR-HOST", "passing", "allowed by name", of(LOCAL, create="date"), options={"types": [LOCAL]}),
    Case("DKR-HOST", "passing", "a component", of("tasktracker:components:Nginx")),
    Case("DKR-HOST", "passing", "a component of any name", of("mycompany:web:Site")),
    *(
        Case("DKR-HOST", "passing", type_, made_by(provider, type_))
        for provider, type_ in (
            ("docker", CONTAINER), ("docker", "docker:index/network:Network"), ("pulumi", "pulumi:index:Stash"),
            ("docker", "docker:index/remoteImage:RemoteImage"), ("aws", "aws:s3/bucket:Bucket"),
            ("random", "random:index/randomPassword:RandomPassword"), ("tls", "tls:index/privateKey:PrivateKey"),
            ("cloudflare", "cloudflare:index/dnsRecord:DnsRecord"), ("pulumi", "pulumi:pulumi:StackReference"),
        )
    ),
    *(
        Case("DKR-HOST", "passing", f"provider {name}", of(f"pulumi:providers:{name}"))
        for name in ("docker", "aws", "cloudflare", "random", "pulumi")
    ),
    Case("DKR-HOST", "passing", "a package by an option", made_by("acme-dns", "acme-dns:index:Record"),
         options={"packages": ["acme-dns"]}),
    *(Case("DKR-HOST", "failing", type_, of(type_), ("",)) for type_ in WAYS),
    *(Case("DKR-HOST", "failing", f"package {package}", of(f"{package}:index:X"), ("",)) for package in PACKAGES),
    *(
        Case("DKR-HOST", "bypass", type_, of(type_), ("",))
        for type_ in (
            "pulumi-python:dynamic:Resource", "pulumi-python:dynamic/host:Thing", "pulumi-python:dynamic/a/b:Thing",
            "pulumi-python:dynamic/docker:Container", "pulumi-nodejs:dynamic:Resource", "pulumi-nodejs:dynamic/x:Y",
            "pulumi-nodejs:dynamic/index:Resource", "Pulumi-Python:dynamic/host:Thing", "pulumi-go:dynamic:Resource",
            "command:local:Command", "command:remote:Command", "command:remote:CopyFile", "command:remote:CopyToRemote",
            "command:future:Thing", "docker-build:index:Image", "docker-build:index:Index", "local:index/file:File",
            "null:index/resource:Resource", "ssh:index/resource:Resource", "kubernetes:core/v1:Pod",
            "kubernetes:helm.sh/v3:Release", "nomad:index/job:Job", "portainer:index/stack:Stack",
            "podman:index/container:Container", "ansible:index/playbook:Playbook", "libvirt:index/domain:Domain",
            "aws:ssm/association:Association", "aws:ssm/document:Document",
        )
    ),
    *(
        Case("DKR-HOST", "bypass", f"{type_} by {provider}", made_by(provider, type_), ("",))
        for provider, type_ in (
            ("pulumi-python", CONTAINER), ("pulumi-nodejs", "aws:s3/bucket:Bucket"), ("command", "random:index:X"),
            ("terraform-provider", CONTAINER), ("unheard-of", "unheard-of:index:X"), ("unheard-of", CONTAINER),
            ("docker", "docker:index/unheardOf:UnheardOf"), ("docker", "docker:index/plugin:Plugin"),
            ("aws-native", "aws-native:s3:Bucket"), ("docker", "x:y:Z"),
        )
    ),
    *(
        Case("DKR-HOST", "bypass", f"provider {name}", of(f"pulumi:providers:{name}"), ("",))
        for name in ("command", "pulumi-python", "docker-build", "unheard-of", "kubernetes", "Command")
    ),
    *(
        Case("DKR-HOST", "bypass", f"{type_} {path}", (make(type_, {}, {path: value}),), ("",))
        for type_, path, value in (
            ("aws:cloudwatch/eventTarget:EventTarget", "runCommandTargets", [{"key": "tag:Name", "values": ["x"]}]),
            ("aws:cloudwatch/eventTarget:EventTarget", "arn", "arn:aws:ssm:eu-central-1::document/AWS-RunShellScript"),
            ("aws:scheduler/schedule:Schedule", "target.arn", "arn:aws:scheduler:::aws-sdk:ssm:sendCommand"),
            ("aws:sfn/stateMachine:StateMachine", "definition", "arn:aws:states:::aws-sdk:ssm:sendCommand"),
            ("pulumi:providers:docker", "pluginDownloadURL", "https://example.com/plugins"),
            ("pulumi:providers:docker", "__internal", '{"pluginDownloadURL": "github://api.github.com/x/y"}'),
            ("pulumi:providers:docker", "__internal", {"pluginDownloadURL": "https://get.pulumi.com.example.com"}),
        )
    ),
    *(
        Case("DKR-HOST", "passing", f"{type_} {path}", (make(type_, {}, {path: value}),))
        for type_, path, value in (
            ("aws:cloudwatch/eventTarget:EventTarget", "arn", "arn:aws:sns:eu-central-1:123456789012:alerts"),
            ("aws:scheduler/schedule:Schedule", "target.arn", "arn:aws:lambda:eu-central-1:123456789012:function:x"),
            ("pulumi:providers:random", "pluginDownloadURL", "github://api.github.com/pulumiverse"),
            ("pulumi:providers:docker", "__internal", "{}"),
        )
    ),
    Case("DKR-HOST", "bypass", "another type is allowed", of(PLUGIN), ("",), options={"types": [LOCAL]}),
    Case("DKR-HOST", "bypass", "another package is allowed", made_by("x", "x:index:Y"), ("",),
         options={"packages": ["y"]}),
    Case("DKR-HOST", "bypass", "a plugin with no privileges", of(PLUGIN, name="x:1", enabled=False), ("",)),
    Case("DKR-HOST", "bypass", "in development", of(LOCAL, create="docker run --privileged x"), ("",), {}, "dev"),
    Case("DKR-HOST", "unknown", "what it runs", of(LOCAL, create=UNKNOWN), ("",)),
)  # fmt: skip


@of_each_rule(CASES)
def test_cases(cases: Sequence[Case]) -> None:
    run_all(cases)
