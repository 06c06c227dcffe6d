"""What runs on a Docker host, or beside it, without being a container or a service."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Final

from policies.resource import Resource
from policies.rule import EVERY_TYPE, Finding, Level, Options, Rule, Scope, Severity
from policies.values import entries, is_unset, text

#: Ways to run something that no property of a container shows, each with what it is.
WAYS: Final = {
    "docker:index/plugin:Plugin": "a plugin of the daemon, which runs as root with the privileges it asks for",
    "docker:index/buildxBuilder:BuildxBuilder": "a builder, which runs in a privileged container",
    "docker:index/compose:Compose": "a Compose project, whose containers no rule sees",
    "aws:ssm/association:Association": "a command that AWS Systems Manager runs on hosts",
    "aws:ssm/document:Document": "a command that AWS Systems Manager runs on hosts",
    "aws:ssm/maintenanceWindowTask:MaintenanceWindowTask": "a command that AWS Systems Manager runs on hosts",
    "aws:cloudformation/stack:Stack": "a template, whose resources no rule sees",
    "aws:cloudformation/stackSet:StackSet": "a template, whose resources no rule sees",
    "aws:cloudformation/stackInstances:StackInstances": "a template, whose resources no rule sees",
    "aws:cloudcontrol/resource:Resource": "a resource of any type, whose properties no rule sees",
    "aws:serverlessrepository/cloudFormationStack:CloudFormationStack": "a template, whose resources no rule sees",
    "aws:servicecatalog/provisionedProduct:ProvisionedProduct": "a template, whose resources no rule sees",
}

#: Resources that may have Systems Manager run a command when an event or a time comes, each with where it says so.
_TRIGGERS: Final = {
    "aws:cloudwatch/eventTarget:EventTarget": ("arn", "runCommandTargets"),
    "aws:scheduler/schedule:Schedule": ("target.arn",),
    "aws:sfn/stateMachine:StateMachine": ("definition",),
    "aws:cloudwatch/metricAlarm:MetricAlarm": ("alarmActions", "okActions", "insufficientDataActions"),
}
_RUNS_COMMANDS: Final = re.compile(
    r"ssm:(?:sendcommand|startautomation)|:ssm:[^:]*:[^:]*:(?:document|automation)|ssm\.sync", re.IGNORECASE
)

#: Resources of Docker's provider that the other rules judge, or that run nothing.
_DOCKER: Final = frozenset(
    {
        f"docker:index/{name[0].lower()}{name[1:]}:{name}"
        for name in (
            "Container", "Service", "Network", "Volume", "ServiceConfig", "Secret", "RemoteImage", "RegistryImage",
            "Image", "Tag",
        )
    }
)  # fmt: skip

_PROGRAM: Final = "code of the program's own"
_CLUSTER: Final = "a resource of another orchestrator, whose containers no rule sees"
_COMMAND: Final = "a command, or a file that is copied onto a host"

#: Packages that run code or reach a container runtime, of which every type is refused. A dynamic resource's type is
#: `pulumi-python:dynamic/MODULE:NAME` where its class gives it a module and a name.
PACKAGES: Final = {
    "pulumi-python": _PROGRAM,
    "pulumi-nodejs": _PROGRAM,
    "pulumi-go": _PROGRAM,
    "pulumi-dotnet": _PROGRAM,
    "pulumi-java": _PROGRAM,
    "command": _COMMAND,
    "ansible": _COMMAND,
    "external": _COMMAND,
    "local": _COMMAND,
    "null": _COMMAND,
    "remote": _COMMAND,
    "shell": _COMMAND,
    "ssh": _COMMAND,
    "terraform-module": _COMMAND,
    "terraform-provider": _COMMAND,
    "docker-build": "an image's build, which runs on the daemon outside every rule",
    "docker-native": "containers of another provider, which no rule sees",
    "podman": "containers of another provider, which no rule sees",
    "portainer": "containers of another provider, which no rule sees",
    "incus": "containers of another provider, which no rule sees",
    "lxd": "containers of another provider, which no rule sees",
    "libvirt": "a virtual machine, which no rule sees",
    "kubernetes": _CLUSTER,
    "nomad": _CLUSTER,
    "rancher2": _CLUSTER,
    "helm": _CLUSTER,
}

#: Packages that call the interface of a service or compute values: nothing of theirs runs on a Docker host.
HARMLESS: Final = frozenset(
    {
        "pulumi", "random", "tls", "time", "std", "aws", "awsx", "cloudflare", "azure", "azure-native", "azuread",
        "gcp", "google-native", "digitalocean", "hcloud", "linode", "vultr", "scaleway", "ovh", "fastly", "akamai",
        "dnsimple", "ns1", "acme", "github", "gitlab", "datadog", "newrelic", "pagerduty", "sentry", "grafana",
        "vault", "doppler", "onepassword", "auth0", "okta", "keycloak", "postgresql", "mysql", "minio", "rabbitmq",
        "mongodbatlas", "confluentcloud", "snowflake", "stripe", "slack", "mailgun", "sendgrid", "pulumiservice",
    }
)  # fmt: skip

_PROVIDERS: Final = "pulumi:providers:"

#: Where the vendor's own providers come from.
_PLUGINS: Final = re.compile(r"https://get\.pulumi\.com(?:/|$)|github://api\.github\.com/(?:pulumi|pulumiverse)(?:/|$)")


class HostOptions(Options):
    """`types`: the types of resources that are allowed all the same, such as `command:local:Command`.

    `packages`: further packages of which nothing runs on a Docker host.
    """

    types: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()


def _plugin_address(resource: Resource) -> str | None:
    """Where the engine fetches a provider's program from; None where that is the vendor's own place."""
    internal = resource.get("__internal")
    if isinstance(internal, str):
        try:
            internal = json.loads(internal)
        except ValueError:
            return internal or None
    return text(resource.get("pluginDownloadURL")) or text(entries(internal).get("pluginDownloadURL")) or None


def _what(resource: Resource, allowed: tuple[str, ...]) -> str | None:
    """What a resource is that may run something; None where it runs nothing, or other rules judge it."""
    type_ = resource.type
    if found := WAYS.get(type_):
        return found
    for path in _TRIGGERS.get(type_, ()):
        value = resource.get(path)
        if (path == "runCommandTargets" and not is_unset(value)) or _RUNS_COMMANDS.search(str(value)):
            return "a command that AWS Systems Manager runs on hosts"
    if type_.startswith(_PROVIDERS) and (address := _plugin_address(resource)) and not _PLUGINS.match(address):
        return "a provider whose program comes from an address of the program's own"
    packages = {type_.partition(":")[0].lower()}
    is_custom = bool(resource.provider)
    if type_.startswith(_PROVIDERS):
        packages, is_custom = {type_.removeprefix(_PROVIDERS).lower()}, True
    elif is_custom:
        # A type is only a name: what makes the resource is its provider.
        packages.add(resource.provider.removeprefix(_PROVIDERS).lower())
    for package in sorted(packages - set(allowed)):
        if found := PACKAGES.get(package):
            return found
        if not is_custom or package in HARMLESS:
            continue
        if package != "docker":
            return f"a resource of the package {package}, which no rule knows"
        if type_ not in _DOCKER and not type_.startswith(_PROVIDERS):
            return "a resource of Docker's provider that no rule knows"
    return None


def _ways(resource: Resource, scope: Scope[HostOptions]) -> Iterator[Finding]:
    if resource.type not in scope.options.types and (what := _what(resource, scope.options.packages)):
        allowed = "containers and services, or what the options `types` and `packages` allow"
        yield Finding("", what, allowed)


RULES = (
    Rule(
        id="DKR-HOST",
        title="Nothing but containers and services runs on a host",
        level=Level.MANDATORY,
        severity=Severity.CRITICAL,
        sources=("Docker documentation, plugin privileges", "OWASP Docker #3", "NIST SP 800-190, 4.5.1"),
        reads={**dict.fromkeys(WAYS, ()), EVERY_TYPE: ()},
        why="A plugin, a builder, a command or code of the program's own does whatever a privileged container does, "
        "and no other rule sees it.",
        fix="Run it in a container. What has to be done on a host itself belongs into the host's own set-up. A package "
        "whose resources only call a service's interface goes into the option `packages`.",
        check=_ways,
        options=HostOptions,
    ),
)
