"""Runs the real Platform on mocks that record what it registers."""

from __future__ import annotations

import asyncio
import configparser
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pulumi
import pytest
from pulumi.runtime import (
    MockCallArgs,
    MockResourceArgs,
    Mocks,
    set_all_config,
    set_mocks,
    test,
)
from pulumi.runtime import settings as runtime
from pulumi.runtime.mocks import MockMonitor
from pulumi.runtime.proto.resource_pb2 import RegisterResourceRequest
from pulumi.runtime.rpc import deserialize_properties, is_rpc_secret, unwrap_rpc_secret

from components import Platform, PlatformArgs
from components.app.slots import SLOTTED
from components.core import provider
from components.preflight.ownership import Owner
from settings import parse
from settings.releases import SLOTS, SWITCH
from tests.services import IMAGES

DIGEST = "@sha256:" + 64 * "a"
PINNED = {image: f"registry.example.com/tasktracker/{image}:1.2.3{DIGEST}" for image in IMAGES}
DEV = {"environment": "dev", "images": json.dumps({image: f"tasktracker/{image}:0" for image in IMAGES})}
DEBUG_PORTS = {
    "postgres": json.dumps({"debug_port": 15432}),
    "nats": json.dumps({"debug_port": 14222, "debug_monitor_port": 18222}),
}
AWS_ACCOUNT = "123456789012"
ACCOUNT, ZONE = 32 * "a", 32 * "b"
API_TOKEN = {"cloudflare_api_token": "cloudflare-api-token"}
PROD = {"environment": "prod", "domain": "tasks.example.com", "images": json.dumps(PINNED)}
TUNNEL = {
    **PROD,
    "images": json.dumps({**PINNED, "cloudflared": f"registry.example.com/tasktracker/cloudflared:1.2.3{DIGEST}"}),
    "tunnel": json.dumps({"account_id": ACCOUNT, "zone_id": ZONE, "zone": "example.com"}),
}


@dataclass
class Recorded:
    """One registered resource, as the engine would see it."""

    type: str
    name: str
    parent: str
    inputs: dict[str, Any]
    request: RegisterResourceRequest


class Hooks:
    """Stands where the SDK's callback server is with a real engine."""

    def register_resource_hook(self, hook: pulumi.ResourceHook) -> None:
        pass

    register_error_hook = register_resource_hook


class Answers(Mocks):
    """Answers each registration with its inputs."""

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        outputs = dict(args.inputs)
        if args.typ == STASH:
            outputs["output"] = args.inputs["input"]
        if args.typ == ORIGIN_CERTIFICATE:
            outputs["certificate"] = f"certificate for {args.inputs['hostnames'][0]}"
        if args.typ == ACCESS_KEY:
            outputs["secret"] = f"secret of {args.inputs['user']}"
        return f"{args.name}-id", outputs

    def call(self, args: MockCallArgs) -> Any:
        if args.token == "aws:index/getCallerIdentity:getCallerIdentity":
            return {"accountId": AWS_ACCOUNT, "id": AWS_ACCOUNT, "arn": "", "userId": ""}
        if args.token == TUNNEL_TOKEN:
            return {"token": f"token of {args.args['tunnelId']}", **args.args}
        raise AssertionError(f"the program calls no other function of a provider, and called {args.token}")


class Recorder(MockMonitor):
    """Records each registration with its options."""

    def __init__(self) -> None:
        super().__init__(Answers())
        self.recorded: list[Recorded] = []

    def RegisterResource(self, request: RegisterResourceRequest) -> Any:
        parent = request.parent.rpartition("::")[2]
        inputs = deserialize_properties(request.object, keep_unknowns=True)
        self.recorded.append(Recorded(request.type, request.name, parent, plain(inputs), request))
        return super().RegisterResource(request)  # type: ignore[no-untyped-call]  # of the SDK


def plain(value: Any) -> Any:
    """`value` without the wrappers of secrets."""
    if is_rpc_secret(value):
        return plain(unwrap_rpc_secret(value))
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list) else value


@dataclass
class Run:
    """A finished run of the program on mocks."""

    resources: list[Recorded]
    platform: Platform

    def one(self, type_: str, name: str) -> Recorded:
        """The one resource of that type and name; what is part of a release is the one in the slot of a new stack."""
        name = in_first_slot(name)
        found = [each for each in self.resources if each.type == type_ and each.name == name]
        assert len(found) == 1, (type_, name, [each.name for each in self.resources])
        return found[0]

    def all(self, type_: str) -> list[Recorded]:
        return [each for each in self.resources if each.type == type_]

    def container(self, name: str) -> dict[str, Any]:
        return self.one(CONTAINER, name).inputs

    def uploads(self, service: str) -> dict[str, str]:
        """The files of a service by name."""
        found = self.container(f"{service}-files")["uploads"]
        return {each["file"].removeprefix("/etc/tasktracker/"): each["content"] for each in found}

    def mounts(self, service: str) -> dict[str, tuple[str, bool]]:
        """The volumes of a service, and whether it only reads them, by folder."""
        found = self.container(service)["mounts"]
        return {each["target"]: (each["source"], bool(each.get("readOnly"))) for each in found}

    def networks(self, service: str) -> set[str]:
        """The networks that a service is on, by their names in the program."""
        found = self.container(service)["networksAdvanced"]
        return {each["name"].removeprefix("tasktracker-test-") for each in found}

    @property
    def running(self) -> list[Recorded]:
        """The containers that run for ever."""
        return [each for each in self.all(CONTAINER) if each.inputs.get("healthcheck")]


def in_first_slot(name: str) -> str:
    """The name in the program of a container, by what it is called where there is one of it alone."""
    service, files = name.removesuffix("-files"), "-files" if name.endswith("-files") else ""
    return f"{service}-{SLOTS[0]}{files}" if service in SLOTTED else name


def service_of(name: str) -> str:
    """What a container is called where there is one of it alone, by its name in the program.

    >>> service_of("api-blue"), service_of("api-blue-files"), service_of("nats")
    ('api', 'api-files', 'nats')
    """
    return re.sub(f"-({'|'.join(SLOTS)})(?=-files$|$)", "", name)


def pgbackrest_options(text: str) -> configparser.ConfigParser:
    """A pgbackrest.conf as pgBackRest reads it."""
    parser = configparser.ConfigParser(delimiters="=", interpolation=None)
    parser.read_string(text)
    return parser


CONTAINER = "docker:index/container:Container"
VOLUME = "docker:index/volume:Volume"
STASH = "pulumi:index:Stash"
ACCESS_KEY = "aws:iam/accessKey:AccessKey"
TUNNEL_TOKEN = "cloudflare:index/getZeroTrustTunnelCloudflaredToken:getZeroTrustTunnelCloudflaredToken"
NETWORK = "docker:index/network:Network"
ORIGIN_CERTIFICATE = "cloudflare:index/originCaCertificate:OriginCaCertificate"

#: Stashes that hold no secret: the hooks of some wait for something that the provider doesn't.
GATES = frozenset({"identity", "migrations", "nginx-files", "pids-limits", SWITCH, "ready-blue"})


@pytest.fixture(scope="session")
def run() -> Callable[..., Run]:
    """Runs the program with a stack's config, on fresh mocks; the same config once only."""
    runs: dict[str, Run] = {}

    def run_once(config: dict[str, str], secrets: dict[str, str] | None = None) -> Run:
        key = json.dumps([config, secrets], sort_keys=True)
        if key not in runs:
            runs[key] = run_program(config, secrets or {})
        return runs[key]

    return run_once


def run_program(config: dict[str, str], secrets: dict[str, str], owner: Owner | None = None) -> Run:
    """Runs the program of a stack called `test`; `owner` has what its last state says."""
    # A test that ran before may have closed this thread's loop.
    asyncio.set_event_loop(asyncio.new_event_loop())
    monitor = Recorder()
    set_mocks(monitor.mocks, project="tasktracker", stack="test", monitor=monitor)
    runtime.SETTINGS.callbacks = Hooks()
    namespaced = {f"tasktracker:{key}": value for key, value in {**config, **secrets}.items()}
    secret_keys = [f"tasktracker:{key}" for key in secrets]
    set_all_config(namespaced, secret_keys)
    settings = parse("test", namespaced, secret_keys)
    made: list[Platform] = []

    @test  # type: ignore[untyped-decorator]  # of the SDK
    def program() -> pulumi.Output[Any]:
        made.append(Platform("platform", PlatformArgs("test", settings, owner or Owner())))
        return pulumi.Output.all(**made[0].containers, **made[0].networks)

    with pytest.MonkeyPatch.context() as patch:
        # There is no host to ask.
        patch.setattr(provider, "check", lambda host: None)
        program()
    return Run(monitor.recorded, made[0])
