"""What runs on a Docker host, or beside it, without being a container or a service."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from policies.resource import Resource
from policies.rule import Finding, Level, Options, Rule, Scope, Severity

#: Ways to run something that no property of a container shows, each with what it is.
WAYS: Final = {
    "docker:index/plugin:Plugin": "a plugin of the daemon, which runs as root with the privileges it asks for",
    "docker:index/buildxBuilder:BuildxBuilder": "a builder, which runs in a privileged container",
    "docker:index/compose:Compose": "a Compose project, whose containers no rule sees",
    "command:local:Command": "a command",
    "command:remote:Command": "a command",
    "command:remote:CopyFile": "a file that is copied onto a host",
    "command:remote:CopyToRemote": "a file that is copied onto a host",
    "pulumi-nodejs:dynamic:Resource": "code of the program's own",
    "pulumi-python:dynamic:Resource": "code of the program's own",
}


class HostOptions(Options):
    """`types`: the types of resources that are allowed all the same, such as `command:local:Command`."""

    types: tuple[str, ...] = ()


def _ways(resource: Resource, scope: Scope[HostOptions]) -> Iterator[Finding]:
    if resource.type not in scope.options.types:
        yield Finding("", WAYS[resource.type], "containers and services, or a type that the option `types` allows")


RULES = (
    Rule(
        id="DKR-HOST",
        title="Nothing but containers and services runs on a host",
        level=Level.MANDATORY,
        severity=Severity.CRITICAL,
        sources=("Docker documentation, plugin privileges", "OWASP Docker #3", "NIST SP 800-190, 4.5.1"),
        reads=dict.fromkeys(WAYS, ()),
        why="A plugin, a builder or a command does whatever a privileged container does, and no other rule sees it.",
        fix="Run it in a container. What has to be done on a host itself belongs into the host's own set-up.",
        check=_ways,
        options=HostOptions,
    ),
)
