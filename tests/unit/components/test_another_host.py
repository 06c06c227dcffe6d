"""A stack on a Docker host of its own choice, as the program registers it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import docker
import pulumi
import pytest
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.rpc import is_rpc_secret

from components.core import provider
from components.core.naming import Naming
from remote import DockerHost, HostError
from settings import parse
from tests.unit.components.conftest import CONTAINER, DEV, NETWORK, PROD, STASH, VOLUME, Run

PROVIDER = "pulumi:providers:docker"

ADDRESS = "ssh://deploy@host.example.com"
HOST = {"address": ADDRESS, "key_file": "~/.ssh/deploy"}
REMOTE = {**PROD, "docker_host": json.dumps(HOST)}
LOGIN = {"registries": json.dumps({"registry.example.com": {"username": "deploy"}})}
PASSWORD = {"registry_password": "a-password"}


@pytest.fixture
def remote(run: Callable[..., Run]) -> Run:
    return run({**REMOTE, **LOGIN}, PASSWORD)


def docker_resources(result: Run) -> list[Any]:
    return [each for each in result.resources if each.type.startswith("docker:")]


def test_all_that_docker_has_is_made_by_the_provider_of_that_host(remote: Run) -> None:
    made = remote.one(PROVIDER, "docker-host")
    assert made.inputs["host"] == ADDRESS
    assert json.loads(made.inputs["sshOpts"]) == DockerHost(**HOST).ssh_options
    found = docker_resources(remote)
    assert {each.type for each in found} == {CONTAINER, VOLUME, NETWORK}
    assert all("::docker-host::" in each.request.provider for each in found)


def test_the_registry_s_password_is_a_secret(remote: Run) -> None:
    made = remote.one(PROVIDER, "docker-host")
    assert json.loads(made.inputs["registryAuth"]) == [
        {"address": "registry.example.com", "username": "deploy", "password": "a-password"}
    ]
    raw = made.request.object["registryAuth"]
    assert isinstance(raw, Struct)
    assert is_rpc_secret({key: raw[key] for key in raw})


def test_without_the_block_nothing_is_different(run: Callable[..., Run]) -> None:
    for config in (DEV, PROD):
        result = run(config)
        assert not result.all(PROVIDER)
        assert "docker-host" not in [each.name for each in result.all(STASH)]
        assert not any(each.request.provider for each in docker_resources(result))
    names = {(each.type, each.name) for each in run(PROD).resources}
    there = {(each.type, each.name) for each in run(REMOTE).resources}
    assert {type_ for type_, _ in there - names} == {PROVIDER, STASH}
    assert names <= there


def test_nothing_is_done_before_the_host_is_known_to_be_the_same(remote: Run) -> None:
    guard = remote.one(STASH, "docker-host")
    assert guard.inputs["input"] == ADDRESS
    assert guard.request.protect
    assert [urn.rpartition("::")[2] for urn in remote.one(PROVIDER, "docker-host").request.dependencies] == [
        "docker-host"
    ]


def test_tls_has_its_certificates(run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    settings = {"address": "tcp://host.example.com:2376", "certificates": "~/.docker/prod"}
    made = run({**PROD, "docker_host": json.dumps(settings)}).one(PROVIDER, "docker-host")
    assert made.inputs["certPath"] == "/home/somebody/.docker/prod"
    assert "sshOpts" not in made.inputs


class Volumes:
    """A host with some volumes."""

    def __init__(self, *names: str) -> None:
        self.volumes = self
        self.names = names

    def get(self, name: str) -> None:
        if name not in self.names:
            raise docker.errors.NotFound(name)


@pytest.fixture
def look(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Asks the guard of a stack that was at `old`; the volumes of the new host and of this machine."""

    def ask(old: str | None, new: tuple[str, ...] = (), here: tuple[str, ...] = ()) -> None:
        hooks: list[Any] = []

        def stash(_name: str, *, input: str, opts: pulumi.ResourceOptions) -> None:
            assert opts.hooks is not None
            assert opts.hooks.before_create == opts.hooks.before_update
            hooks.extend(opts.hooks.before_update or [])

        monkeypatch.setattr(pulumi, "Stash", stash)
        monkeypatch.setattr(pulumi, "ResourceHook", lambda _name, func: func)
        monkeypatch.setattr(provider, "client", lambda: Volumes(*new))
        monkeypatch.setattr(provider, "_default_client", lambda: Volumes(*here))
        provider._same_host(Naming("prod"), DockerHost(ADDRESS))
        asyncio.run(hooks[0](SimpleNamespace(old_inputs=None if old is None else {"input": old})))

    return ask


UPLOADS = "tasktracker-prod-uploads"


def test_another_host_is_refused(look: Callable[..., None]) -> None:
    with pytest.raises(HostError) as refused:
        look("ssh://deploy@old.example.com")
    text = str(refused.value)
    assert "the stack is on ssh://deploy@old.example.com" in text
    assert f"where its volume {UPLOADS} is not" in text
    assert f"TASKTRACKER_NEW_HOST={ADDRESS} ./tt pulumi up --stack test --refresh --run-program" in text


def test_the_same_host_by_another_name_is_fine(look: Callable[..., None]) -> None:
    look("ssh://deploy@10.0.0.1", new=(UPLOADS,))
    look(ADDRESS)


def test_a_new_stack_is_fine_and_one_of_this_machine_is_not(look: Callable[..., None]) -> None:
    look(None)
    look(None, new=(UPLOADS,), here=(UPLOADS,))
    with pytest.raises(HostError, match="the stack is on the Docker of this machine"):
        look(None, here=(UPLOADS,))


def test_who_means_another_host_says_so(look: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASKTRACKER_NEW_HOST", ADDRESS)
    look("ssh://deploy@old.example.com")
    monkeypatch.setenv("TASKTRACKER_NEW_HOST", "ssh://deploy@yet-another.example.com")
    with pytest.raises(HostError):
        look("ssh://deploy@old.example.com")


def test_a_host_that_cannot_be_used_is_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(host: DockerHost) -> None:
        raise HostError(f"{host.name} is away")

    monkeypatch.setattr(provider, "check", refuse)
    monkeypatch.setattr(provider, "configured", lambda: DockerHost(ADDRESS))
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: False)
    settings = parse("test", {f"tasktracker:{key}": value for key, value in REMOTE.items()})
    with pytest.raises(pulumi.RunError) as refused:
        provider.provider_of(Naming("test"), settings)
    assert str(refused.value) == "tasktracker:docker_host: host.example.com is away\nNothing was changed."
