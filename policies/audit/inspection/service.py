"""What Docker says of a Swarm service, as the inputs that the engine would send for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from policies.audit.inspection.host import Host
from policies.audit.inspection.mounts import mount_entry
from policies.audit.inspection.values import given, healthcheck, labels, nonzero, objects, texts
from policies.values import entries, flag, lookup, text


def service(inspected: object, host: Host | None = None) -> dict[str, Any]:
    """The inputs of a `docker.Service` that would make this Swarm service."""
    whole = entries(inspected)
    spec = entries(whole.get("Spec"))
    # What was published is there even where the port was left to Docker.
    published = objects(lookup(whole, "Endpoint.Ports")) or objects(lookup(spec, "EndpointSpec.Ports"))
    return given(
        {
            "name": text(spec.get("Name")),
            "labels": labels(spec.get("Labels")),
            "taskSpec": _task(spec, host or Host()),
            "endpointSpec": given({"ports": [_published_port(each) for each in published]}),
        }
    )


def _task(spec: Mapping[str, Any], host: Host) -> dict[str, Any]:
    """What each of its containers is made from."""
    task = entries(spec.get("TaskTemplate"))
    networks = objects(task.get("Networks")) or objects(spec.get("Networks"))
    return given(
        {
            "containerSpec": _container(entries(task.get("ContainerSpec"))),
            "runtime": text(task.get("Runtime")),
            "resources": _resources(entries(task.get("Resources"))),
            # Docker's own default, which a service without a policy runs by.
            "restartPolicy": {"condition": text(lookup(task, "RestartPolicy.Condition")) or "any"},
            "logDriver": given(
                {
                    "name": text(lookup(task, "LogDriver.Name")),
                    "options": entries(lookup(task, "LogDriver.Options")),
                }
            ),
            "networksAdvanceds": [
                given(
                    {
                        "name": host.network(text(each.get("Target")) or ""),
                        "aliases": texts(each.get("Aliases")),
                    }
                )
                for each in networks
            ],
        }
    )


def _container(runs: Mapping[str, Any]) -> dict[str, Any]:
    """What each of its containers runs."""
    return given(
        {
            "image": text(runs.get("Image")),
            "user": text(runs.get("User")),
            "groups": texts(runs.get("Groups")),
            "args": texts(runs.get("Args")),
            "commands": texts(runs.get("Command")),
            "env": dict(each.partition("=")[::2] for each in texts(runs.get("Env"))),
            "labels": labels(runs.get("Labels")),
            "readOnly": flag(runs.get("ReadOnly")),
            "capAdds": texts(runs.get("CapabilityAdd")),
            "capDrops": texts(runs.get("CapabilityDrop")),
            "sysctl": entries(runs.get("Sysctls")),
            "healthcheck": healthcheck(runs.get("Healthcheck")),
            "mounts": [mount_entry(each) for each in objects(runs.get("Mounts"))],
            "init": flag(runs.get("Init")),
            "privileges": _privileges(runs.get("Privileges")),
        }
    )


def _resources(resources: Mapping[str, Any]) -> dict[str, Any]:
    """How much of a node each of its containers may take."""
    limits = entries(resources.get("Limits"))
    return given(
        {
            "limits": given(
                {
                    "memoryBytes": nonzero(limits.get("MemoryBytes")),
                    "nanoCpus": nonzero(limits.get("NanoCPUs")),
                }
            ),
            "reservation": given({"genericResources": _generic_resources(resources.get("Reservations"))}),
        }
    )


def _published_port(port: Mapping[str, Any]) -> dict[str, Any]:
    return given(
        {
            "targetPort": nonzero(port.get("TargetPort")),
            "publishedPort": nonzero(port.get("PublishedPort")),
            "protocol": text(port.get("Protocol")),
            "publishMode": text(port.get("PublishMode")),
        }
    )


def _generic_resources(reservations: object) -> dict[str, Any]:
    """Devices that a service reserves on its nodes, as KIND=VALUE."""
    reserved = objects(entries(reservations).get("GenericResources"))
    specs = {
        "namedResourcesSpecs": [entries(each.get("NamedResourceSpec")) for each in reserved],
        "discreteResourcesSpecs": [entries(each.get("DiscreteResourceSpec")) for each in reserved],
    }
    return given(
        {
            key: [f"{text(each.get('Kind'))}={text(each.get('Value'))}" for each in found if each]
            for key, found in specs.items()
        }
    )


def _privileges(value: object) -> dict[str, Any]:
    context = entries(lookup(value, "SELinuxContext"))
    names = ("Disable", "User", "Role", "Type", "Level")
    return given({"seLinuxContext": given({name.lower(): context.get(name) for name in names})})
