"""Docker's description of a Swarm service."""

from __future__ import annotations

from policies.audit.inspection.service import service
from tests.policies.audit.inspection.samples import HOST, INSPECTED_SERVICE, inspected


def test_a_service_shows_the_port_that_it_got() -> None:
    bound = [{"Protocol": "tcp", "TargetPort": 80, "PublishedPort": 30000, "PublishMode": "ingress"}]
    asked = [{"Protocol": "tcp", "TargetPort": 80, "PublishMode": "ingress"}]
    changes = {"Spec.EndpointSpec": {"Ports": asked}, "Endpoint": {"Ports": bound}}
    seen = service(inspected(changes, INSPECTED_SERVICE), HOST)
    assert seen["endpointSpec"]["ports"] == [
        {"targetPort": 80, "publishedPort": 30000, "protocol": "tcp", "publishMode": "ingress"}
    ]
    seen = service(inspected({**changes, "Endpoint": {}}, INSPECTED_SERVICE), HOST)
    assert seen["endpointSpec"]["ports"] == [{"targetPort": 80, "protocol": "tcp", "publishMode": "ingress"}]


def test_a_service_without_a_restart_policy_restarts_always() -> None:
    """It must not pass for a job."""
    seen = service(inspected({"Spec.TaskTemplate.RestartPolicy": None}, INSPECTED_SERVICE), HOST)
    assert seen["taskSpec"]["restartPolicy"] == {"condition": "any"}


def test_a_service_shows_the_devices_that_it_reserves_and_its_runtime() -> None:
    reserved = {
        "GenericResources": [
            {"NamedResourceSpec": {"Kind": "GPU", "Value": "UUID1"}},
            {"DiscreteResourceSpec": {"Kind": "SSD", "Value": 3}},
        ]
    }
    changes = {"Spec.TaskTemplate.Resources.Reservations": reserved, "Spec.TaskTemplate.Runtime": "plugin"}
    task = service(inspected(changes, INSPECTED_SERVICE), HOST)["taskSpec"]
    assert task["resources"]["reservation"] == {
        "genericResources": {"namedResourcesSpecs": ["GPU=UUID1"], "discreteResourcesSpecs": ["SSD=3"]}
    }
    assert task["runtime"] == "plugin"
