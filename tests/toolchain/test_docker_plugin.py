"""The Docker plugin serves what the installed pulumi_docker package expects."""

from __future__ import annotations

import inspect
import json
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pulumi
import pulumi_docker
import pytest
from pulumi._types import _py_properties
from pulumi_docker import _inputs, outputs

from tests.toolchain.conftest import COMMAND_TIMEOUT, Project
from toolchain.machine.docker_ping import TIMEOUT
from toolchain.pulumi_engine.engine import plugin_version
from toolchain.targets.preview import environment_for_preview, substitute

pytestmark = pytest.mark.engine

#: Native to the vendor's plugin: this one bridges the Terraform provider only.
NATIVE_RESOURCES = {"docker:index/image:Image"}
NATIVE_TYPES = {"CacheFrom", "DockerBuild", "Registry"}

#: Options of functions and resources that are no properties.
PARAMETERS_OF_THE_SDK = {"opts", "resource_name", "self"}


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory, engine_environment: dict[str, str]) -> dict[str, Any]:
    """The schema that the plugin serves."""
    folder = tmp_path_factory.mktemp("schema")
    project = Project(folder, engine_environment)
    text = project.pulumi("package", "get-schema", f"docker@{plugin_version()}")
    parsed: dict[str, Any] = json.loads(text[text.index("{") :])
    return parsed


def _properties(cls: type) -> set[str]:
    """The Pulumi names of the properties of a generated class."""
    return {pulumi_name for _, pulumi_name, _ in _py_properties(cls)}


def _required(arguments: type) -> set[str]:
    """The Pulumi names of the arguments without a default of a generated Args class."""
    names = {python: pulumi_name for python, pulumi_name, _ in _py_properties(arguments)}
    parameters = inspect.signature(arguments).parameters.values()
    return {names[p.name] for p in parameters if p.default is inspect.Parameter.empty}


RESOURCES = {
    str(vars(cls)["pulumi_type"]): cls
    for _, cls in inspect.getmembers(pulumi_docker, inspect.isclass)
    if issubclass(cls, pulumi.CustomResource) and not issubclass(cls, pulumi.ProviderResource)
}


@pytest.mark.parametrize("token", sorted(RESOURCES.keys() - NATIVE_RESOURCES))
def test_resource(schema: dict[str, Any], token: str) -> None:
    cls = RESOURCES[token]
    served = schema["resources"][token]
    arguments = getattr(pulumi_docker, f"{cls.__name__}Args")
    assert _properties(cls) <= served["properties"].keys()
    assert _properties(arguments) <= served["inputProperties"].keys()
    assert _required(arguments) == set(served.get("requiredInputs", []))


def test_provider_options(schema: dict[str, Any]) -> None:
    assert _properties(pulumi_docker.ProviderArgs) <= schema["provider"]["inputProperties"].keys()


@pytest.mark.parametrize("module", [_inputs, outputs])
def test_nested_types(schema: dict[str, Any], module: Any) -> None:
    served = {
        token.rpartition(":")[2].lower(): definition.get("properties", {}).keys()
        for token, definition in schema["types"].items()
    }
    for function in schema["functions"].values():
        assert "outputs" in function
    known = {
        name.removesuffix("Args").removesuffix("Result"): _properties(cls)
        for name, cls in inspect.getmembers(module, inspect.isclass)
        if cls.__module__ == module.__name__ and not name.endswith("Dict")
    }
    missing = {
        name: properties - served.get(name.lower(), set())
        for name, properties in known.items()
        if name not in NATIVE_TYPES and not properties <= served.get(name.lower(), set())
    }
    assert missing == {}


FUNCTIONS = {
    name: function
    for name, function in inspect.getmembers(pulumi_docker, inspect.isfunction)
    if name.startswith("get_") and not name.endswith("_output")
}


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_function(schema: dict[str, Any], name: str) -> None:
    camel = "get" + name.removeprefix("get_").title().replace("_", "")
    served = schema["functions"][f"docker:index/{camel}:{camel}"]
    known = inspect.signature(FUNCTIONS[name]).parameters.keys() - PARAMETERS_OF_THE_SDK
    assert {n.replace("_", "") for n in known} <= {n.lower() for n in served.get("inputs", {}).get("properties", {})}
    result = getattr(pulumi_docker, f"Get{camel[3:]}Result")
    assert _properties(result) <= served["outputs"]["properties"].keys()


PROGRAM = """
import pulumi
import pulumi_docker as docker

network = docker.Network("network")
docker.Container(
    "container",
    image="image:none",
    networks_advanced=[docker.ContainerNetworksAdvancedArgs(name=network.name)],
    uploads=[docker.ContainerUploadArgs(file="/a", content=pulumi.Output.secret("hidden"))],
)
"""

#: What the vendor's plugin says where no engine answers; with its words ours ends a preview too.
NO_ENGINE = "docker native provider returned an unexpected error from Configure: failed to connect to any docker daemon"

NOWHERE = "unix:///nonexistent.sock"


@pytest.fixture
def listening() -> Iterator[str]:
    """A host that takes every connection and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"tcp://127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize("host", [NOWHERE, "tcp://127.0.0.1:1"])
def test_a_plain_preview_needs_docker_as_with_the_vendor_s_plugin(project: Project, host: str) -> None:
    project.write(PROGRAM)
    assert NO_ENGINE in project.pulumi("preview", "-s", "test", code=None, DOCKER_HOST=host)


@pytest.mark.parametrize("host", [NOWHERE, "tcp://127.0.0.1:1", "nonsense"])
def test_a_preview_in_the_way_of_make_preview_needs_no_docker(project: Project, host: str) -> None:
    project.write(PROGRAM)
    with environment_for_preview({"DOCKER_HOST": host}) as variables:
        output = replace(project, env=project.env | variables).pulumi("preview", "-s", "test", "--diff")
    assert "3 to create" in output
    assert "hidden" not in output
    assert "warning" not in output


def test_a_host_that_never_answers_costs_a_preview_a_bounded_time(project: Project, listening: str) -> None:
    project.write(PROGRAM)
    start = time.monotonic()
    with environment_for_preview({"DOCKER_HOST": listening}) as variables:
        output = replace(project, env=project.env | variables).pulumi("preview", "-s", "test")
        assert "3 to create" in output
    assert time.monotonic() - start < TIMEOUT + COMMAND_TIMEOUT / 2


@pytest.mark.parametrize("config", [{}, {"docker:host": "ssh://nobody@host.invalid"}])
def test_a_host_by_ssh_is_not_asked(project: Project, config: dict[str, str]) -> None:
    project.write(PROGRAM)
    for key, value in config.items():
        project.pulumi("config", "set", "-s", "test", key, value)
    host = NOWHERE if config else "ssh://nobody@host.invalid"
    assert "3 to create" in project.pulumi("preview", "-s", "test", DOCKER_HOST=host)


def test_a_provider_with_a_host_of_its_own_asks_that_one(project: Project) -> None:
    project.write(
        f"""
        import pulumi
        import pulumi_docker as docker

        there = docker.Provider("there", host={NOWHERE!r})
        docker.Volume("volume", opts=pulumi.ResourceOptions(provider=there))
        """
    )
    with substitute("") as host:
        assert NO_ENGINE in project.pulumi("preview", "-s", "test", code=None, DOCKER_HOST=host)


@pytest.mark.skipif(os.geteuid() != 0, reason="hiding the machine's own socket takes root")
def test_the_socket_of_a_user_s_docker_desktop_is_found(project: Project) -> None:
    project.write(PROGRAM)
    alone = {key: value for key, value in project.env.items() if key != "DOCKER_HOST"}
    alone["PULUMI_HOME"] = project.env.get("PULUMI_HOME", str(Path.home() / ".pulumi"))
    hidden = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /run && exec "$@"', "sh"]
    # The kernel takes no longer path for a socket.
    with tempfile.TemporaryDirectory(dir="/tmp") as home, substitute("") as host:

        def preview() -> str:
            command = [*hidden, "pulumi", "preview", "-s", "test", "--non-interactive"]
            return subprocess.run(
                command, cwd=project.folder, env={**alone, "HOME": home}, timeout=COMMAND_TIMEOUT,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
            ).stdout  # fmt: skip

        assert NO_ENGINE in preview()
        folder = Path(home) / ".docker" / "run"
        folder.mkdir(parents=True)
        (folder / "docker.sock").symlink_to(host.removeprefix("unix://"))
        assert "3 to create" in preview()
