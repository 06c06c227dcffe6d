"""The Docker plugin serves what the installed pulumi_docker package expects."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import pulumi
import pulumi_docker
import pytest
from pulumi._types import _py_properties
from pulumi_docker import _inputs, outputs

from tests.toolchain.conftest import Project
from toolchain.engine import plugin_version

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
    cls.pulumi_type: cls
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


def test_preview_needs_no_docker(project: Project) -> None:
    project.write(
        """
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
    )
    output = project.pulumi("preview", "-s", "test", "--diff", DOCKER_HOST=f"unix://{Path('/no/such/socket')}")
    assert "3 to create" in output
    assert "hidden" not in output
    assert "warning" not in output
