"""How resources are registered: order, replacement, protection, secretness."""

from __future__ import annotations

from collections.abc import Callable

import pulumi
import pytest
from pulumi.runtime.rpc import deserialize_properties, is_rpc_secret

from components.core.options import unchanged
from components.runtime.files import manifest
from tests.unit.components.conftest import CONTAINER, DEV, GATES, NETWORK, STASH, VOLUME, Recorded, Run

SERVICES_WITH_FILES = (
    *("postgres", "nats", "object-store", "backups", "drills", "file-backups"),
    *("api", "worker"),
)


@pytest.fixture
def dev(run: Callable[..., Run]) -> Run:
    return run(DEV)


def needs(resource: Recorded) -> set[str]:
    """Names of the resources that a resource waits for, with the kind before them."""
    names = set()
    for urn in resource.request.dependencies:
        _, _, type_, name = urn.split("::")
        names.add(f"{type_.rpartition(':')[2]} {name}")
    return names


def test_children_stay_as_they_are_but_for_what_is_named() -> None:
    [keep] = unchanged(pulumi.ResourceOptions(), {"x-files": ["image"]}).transformations or []

    def ignored(name: str) -> object:
        result = keep(pulumi.ResourceTransformationArgs(None, CONTAINER, name, {}, pulumi.ResourceOptions()))  # type: ignore[arg-type]
        return result.opts.ignore_changes if result else None

    assert (ignored("x"), ignored("x-files")) == (["*"], ["image"])


@pytest.mark.parametrize(
    ("service", "first"),
    [
        ("migrations", {"Container postgres", "Container nats", "Container migrations-files"}),
        ("api", {"Container migrations", "Stash migrations", "Container api-blue-files"}),
        ("worker", {"Container migrations", "Stash migrations", "Container worker-blue-files"}),
        ("nginx", {"Container api-blue", "Container dashboard-blue", "Stash ready-blue", "Container nginx-files"}),
        ("postgres", {"Container postgres-files"}),
        ("nats", {"Container nats-files"}),
    ],
)
def test_containers_start_after_what_they_need(dev: Run, service: str, first: set[str]) -> None:
    assert first <= needs(dev.one(CONTAINER, service))


def test_an_updated_store_replaces_nothing_that_uses_it(dev: Run) -> None:
    """The engine replaces dependents by property only; waiting for a store is no property."""
    for service in ("migrations", "api", "worker"):
        for dependencies in dev.one(CONTAINER, service).request.propertyDependencies.values():
            assert not [urn for urn in dependencies.urns if urn.endswith(("Container::postgres", "Container::nats"))]


def test_backups_are_gone_before_their_server_is_replaced(dev: Run) -> None:
    followed = {each.name: [urn.rpartition("::")[2] for urn in each.request.replace_with] for each in dev.running}
    assert {name: urns for name, urns in followed.items() if urns} == {"backups": ["postgres"]}


def test_running_containers_are_replaced_where_the_provider_would_pass_over_a_change(dev: Run) -> None:
    for container in dev.running:
        request = container.request
        assert {"healthcheck", "mounts", "tmpfs", "init", "cpus", "#initerror"} <= set(request.replaceOnChanges)
        assert request.deleteBeforeReplace is True
        assert request.deleteBeforeReplaceDefined is True


@pytest.mark.parametrize("service", [*SERVICES_WITH_FILES, "migrations"])
def test_containers_follow_their_files(dev: Run, service: str) -> None:
    """By a label, because the provider makes a new container for one, and the diff shows it."""
    assert len(label(dev, service)) == 12


def test_nginx_takes_up_its_files_itself(dev: Run) -> None:
    """No label changes, so nothing is replaced; the gate waits until they are in use."""
    assert "files" not in {each["label"] for each in dev.container("nginx")["labels"]}
    gate = dev.one(STASH, "nginx-files")
    assert len(gate.inputs["input"]) == 12
    assert needs(gate) >= {"Container nginx", "Container nginx-files"}
    uploads = {each["file"]: each["content"] for each in dev.container("nginx-files")["uploads"]}
    config = uploads["/etc/tasktracker/nginx.conf"]
    assert uploads["/etc/tasktracker/manifest"] == manifest(gate.inputs["input"], {"nginx.conf": config})


def test_other_services_have_no_manifest(dev: Run) -> None:
    for service in SERVICES_WITH_FILES:
        files = {each["file"] for each in dev.container(f"{service}-files")["uploads"]}
        assert "/etc/tasktracker/manifest" not in files


def test_a_container_without_files_has_no_such_label(dev: Run) -> None:
    assert "files" not in {each["label"] for each in dev.container("dashboard")["labels"]}


def test_digests_tell_nothing_without_their_key(run: Callable[..., Run]) -> None:
    """The same files under another key, which every run of the program on mocks makes anew."""
    again = {**DEV, "domain": "127.0.0.1"}
    assert label(run(DEV), "nats") != label(run(again), "nats")


def label(run: Run, service: str) -> str:
    """The label that stands for a container's files."""
    labels: dict[str, str] = {each["label"]: each["value"] for each in run.container(service)["labels"]}
    return labels["files"]


def test_data_volumes_are_protected_and_never_replaced(dev: Run) -> None:
    for name in ("postgres-data", "nats-data", "objects", "uploads"):
        request = dev.one(VOLUME, name).request
        assert request.protect is True
        assert set(request.ignoreChanges) == {"name", "labels", "driver", "driverOpts"}


def test_the_key_of_encrypted_data_is_protected(dev: Run) -> None:
    protected = {each.name: each.request.protect for each in dev.all(STASH) if each.name not in GATES}
    assert protected == {
        "backup-passphrase": True,
        "digest-key": False,
        "encryption-key": True,
        "nats-backup-password": False,
        "nats-password": False,
        "object-store-authority": False,
        "object-store-certificate": False,
        "object-store-reader-secret-key": False,
        "object-store-secret-key": False,
        "postgres-app-password": False,
        "postgres-password": False,
        "release-key": False,
    }


def test_generated_secrets_are_secret_and_stable(dev: Run) -> None:
    for stash in dev.all(STASH):
        if stash.name in GATES:
            continue
        assert list(stash.request.ignoreChanges) == ["input"]
        assert is_rpc_secret(deserialize_properties(stash.request.object)["input"]), stash.name


@pytest.mark.parametrize("service", ["postgres", "nats", "migrations", "api", "worker"])
def test_files_with_secrets_are_secret(dev: Run, service: str) -> None:
    inputs = deserialize_properties(dev.one(CONTAINER, f"{service}-files").request.object)
    assert is_rpc_secret(inputs["uploads"])


def test_a_network_is_removed_before_its_subnet_is_used_again(dev: Run) -> None:
    for network in dev.all(NETWORK):
        assert network.request.deleteBeforeReplace is True


@pytest.mark.parametrize(
    ("type_", "name", "parent"),
    [
        (CONTAINER, "api", "api-blue"),
        (CONTAINER, "api-files", "api-blue-files"),
        (VOLUME, "postgres-data", "postgres-data"),
        ("tasktracker:components:Workload", "api", "blue"),
        ("tasktracker:components:ReleaseSlot", "blue", "platform"),
        ("tasktracker:components:Postgres", "postgres", "platform"),
        ("tasktracker:components:Network", "edge", "networks"),
    ],
)
def test_tree(dev: Run, type_: str, name: str, parent: str) -> None:
    assert dev.one(type_, name).parent == parent
