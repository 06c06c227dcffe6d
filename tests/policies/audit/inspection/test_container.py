"""Docker's description of a container gives the inputs that made it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from policies.audit.inspection.container import container
from policies.audit.inspection.host import Host
from policies.audit.inspection.network import network
from policies.audit.inspection.service import service
from policies.audit.inspection.volume import volume
from policies.config import Config, parse
from policies.containers import CONTAINER, SERVICE
from policies.evaluate import findings
from policies.registry import RULES
from policies.resource import NETWORK, VOLUME, Resource
from policies.rule import Scope
from tests.policies import compliant
from tests.policies.audit.inspection.samples import (
    CARRIER_CHANGES,
    CONTAINER_ID,
    CREATED,
    ENDED,
    HOST,
    IMAGE_ID,
    INSPECTED_NETWORK,
    INSPECTED_SERVICE,
    INSPECTED_VOLUME,
    NETWORK_ID,
    RUNNING,
    inspected,
)
from tests.policies.compliant import IMAGE, STACK


def limits(host: Host = HOST, **changes: Any) -> dict[str, Any]:
    """The inputs of a container with changes to its HostConfig."""
    return container(inspected({f"HostConfig.{key}": value for key, value in changes.items()}), host)


WHOLE = (
    (CONTAINER, container(RUNNING, HOST), compliant.container()),
    (CONTAINER, container(inspected(CARRIER_CHANGES), HOST), compliant.carrier()),
    (SERVICE, service(INSPECTED_SERVICE, HOST), compliant.service()),
    (VOLUME, volume(INSPECTED_VOLUME), compliant.volume()),
    (NETWORK, network(INSPECTED_NETWORK), compliant.network()),
)

#: Of these Docker keeps no trace.
INVISIBLE = {"uploads", "wait", "waitTimeout", "destroyGraceSeconds"}


def _without_defaults(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_defaults(item) for key, item in value.items() if item is not False}
    return [_without_defaults(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize(("type_", "seen", "written"), WHOLE, ids=lambda value: getattr(value, "name", ""))
def test_what_runs_gives_the_inputs_that_made_it(type_: str, seen: dict[str, Any], written: Resource) -> None:
    for name, value in written.properties.items():
        if name not in INVISIBLE and value is not False:
            assert _without_defaults(seen.get(name)) == _without_defaults(value), name


@pytest.mark.parametrize(("type_", "seen", "written"), WHOLE, ids=lambda value: getattr(value, "name", ""))
def test_no_rule_finds_anything_in_what_is_compliant(type_: str, seen: dict[str, Any], written: Resource) -> None:
    configured: Config = parse({}, RULES)
    live = Resource(type_, written.name, written.urn, seen)
    for rule in RULES:
        scope = Scope(configured.options[rule.id], configured.conventions, STACK, "prod")
        assert findings(rule, [live], scope) == findings(rule, [written], scope) == [], rule.id


@pytest.mark.parametrize(
    ("changes", "path", "value"),
    [
        ({"Memory": 0, "MemorySwap": 0}, "memory", None),
        ({"Memory": 100 * 2**20 + 2**19}, "memory", 100.5),
        ({"MemorySwap": -1}, "memorySwap", -1),
        ({"NanoCpus": 0}, "cpus", None),
        ({"NanoCpus": 1}, "cpus", "0.000000001"),
        ({"NanoCpus": 10_000_000_000}, "cpus", "10"),
        ({"CpuQuota": 50000, "CpuPeriod": 100000}, "cpuQuota", 50000),
        ({"CpuQuota": -1}, "cpuQuota", -1),
        ({"Privileged": True}, "privileged", True),
        ({"CapAdd": ["SYS_ADMIN"], "CapDrop": None}, "capabilities", {"adds": ["SYS_ADMIN"]}),
        ({"CapDrop": []}, "capabilities", None),
        ({"PidMode": "host"}, "pidMode", "host"),
        ({"IpcMode": "container:abc"}, "ipcMode", "container:abc"),
        ({"UTSMode": "host"}, "utsMode", "host"),
        ({"UsernsMode": "host"}, "usernsMode", "host"),
        ({"CgroupnsMode": "host"}, "cgroupnsMode", "host"),
        ({"NetworkMode": "host"}, "networkMode", "host"),
        ({"NetworkMode": "default"}, "networkMode", "bridge"),
        ({"NetworkMode": f"container:{CONTAINER_ID}"}, "networkMode", f"container:{CONTAINER_ID}"),
        ({"NetworkMode": "tasktracker-prod-edge"}, "networkMode", "tasktracker-prod-edge"),
        ({"NetworkMode": NETWORK_ID}, "networkMode", "tasktracker-prod-edge"),
        ({"NetworkMode": NETWORK_ID[:12]}, "networkMode", "tasktracker-prod-edge"),
        ({"NetworkMode": "gone"}, "networkMode", "gone"),
        ({"Runtime": "nvidia"}, "runtime", "nvidia"),
        ({"Sysctls": {"net.core.somaxconn": "1024"}}, "sysctls", {"net.core.somaxconn": "1024"}),
        ({"Ulimits": [{"Name": "core", "Soft": 0, "Hard": -1}]}, "ulimits", [{"name": "core", "soft": 0, "hard": -1}]),
        ({"Tmpfs": {"/t": ""}}, "tmpfs", {"/t": ""}),
        ({"Init": None}, "init", None),
        ({"GroupAdd": ["0", "docker"]}, "groupAdds", ["0", "docker"]),
        ({"LogConfig": {"Type": "none", "Config": {}}}, "logDriver", "none"),
        ({"RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 3}}, "maxRetryCount", 3),
        ({"RestartPolicy": {"Name": "", "MaximumRetryCount": 0}}, "restart", "no"),
        ({"PublishAllPorts": True}, "publishAllPorts", True),
        ({"ExtraHosts": ["a:::1"]}, "hosts", [{"host": "a", "ip": "::1"}]),
        ({"DeviceCgroupRules": ["c *:* rwm"]}, "deviceCgroupRules", ["c *:* rwm"]),
        (
            {"Devices": [{"PathOnHost": "/dev/sda", "PathInContainer": "/dev/x", "CgroupPermissions": "r"}]},
            "devices",
            [{"hostPath": "/dev/sda", "containerPath": "/dev/x", "permissions": "r"}],
        ),
        (
            {"DeviceRequests": [{"Driver": "", "Count": -1, "DeviceIDs": None, "Capabilities": [["gpu"], ["tpu"]]}]},
            "deviceRequests",
            [{"count": -1, "capabilities": ["gpu", "tpu"]}],
        ),
    ],
)  # fmt: skip
def test_host_config(changes: dict[str, Any], path: str, value: Any) -> None:
    assert limits(**changes).get(path) == value


def test_a_host_without_cgroup_namespaces_gives_everyone_its_own() -> None:
    """There `host` is what Docker says of every container."""
    assert "cgroupnsMode" not in limits(Host(cgroup_version="1"), CgroupnsMode="host")
    assert limits(Host(cgroup_version="1"), CgroupnsMode="private")["cgroupnsMode"] == "private"


@pytest.mark.parametrize(
    ("changes", "options"),
    [
        ({"HostConfig.SecurityOpt": None}, []),
        ({"HostConfig.SecurityOpt": ["seccomp=unconfined"]}, ["seccomp=unconfined"]),
        ({"HostConfig.SecurityOpt": None, "HostConfig.MaskedPaths": []}, ["systempaths=unconfined"]),
        ({"HostConfig.SecurityOpt": None, "HostConfig.MaskedPaths": ["/proc/kcore"]}, ["systempaths=unconfined"]),
        (
            {"HostConfig.SecurityOpt": None, "HostConfig.MaskedPaths": [], "HostConfig.ReadonlyPaths": []},
            ["systempaths=unconfined"],
        ),
        # A privileged container has neither list; an old engine doesn't tell.
        ({"HostConfig.SecurityOpt": None, "HostConfig.MaskedPaths": None, "HostConfig.ReadonlyPaths": None}, []),
        ({"HostConfig.SecurityOpt": None, "AppArmorProfile": "unconfined"}, ["apparmor=unconfined"]),
        (
            {"HostConfig.SecurityOpt": ["apparmor=unconfined"], "AppArmorProfile": "unconfined"},
            ["apparmor=unconfined"],
        ),
    ],
)
def test_security_options(changes: dict[str, Any], options: list[str]) -> None:
    assert container(inspected(changes), HOST).get("securityOpts", []) == options


FAILED = {**CREATED, "ExitCode": 128, "Error": "port is already allocated"}


@pytest.mark.parametrize(
    ("state", "restart", "start", "must_run"),
    [
        (RUNNING["State"], "no", True, True),
        ({**RUNNING["State"], "Status": "paused"}, "no", True, True),
        ({**RUNNING["State"], "Status": "restarting"}, "always", True, True),
        (CREATED, "no", False, False),
        ({"Status": "created"}, "no", False, False),
        (FAILED, "no", True, True),
        ({**CREATED, "StartedAt": "2026-11-22T05:26:32Z"}, "no", True, True),
        (ENDED, "no", True, False),
        (ENDED, "", True, False),
        (ENDED, "always", True, True),
        ({**ENDED, "ExitCode": 1}, "no", True, True),
        ({**ENDED, "Status": "dead"}, "no", True, True),
        ({}, "no", True, True),
        (None, "no", True, True),
    ],
)
def test_lifecycle(state: object, restart: str, start: bool, must_run: bool) -> None:
    changes = {"State": state, "HostConfig.RestartPolicy": {"Name": restart, "MaximumRetryCount": 0}}
    seen = container(inspected(changes), HOST)
    assert (seen["start"], seen["mustRun"]) == (start, must_run)


def kinds(changes: Mapping[str, Any]) -> tuple[bool, bool]:
    seen = Resource(CONTAINER, "x", "urn", container(inspected(changes), HOST)).container
    return seen.never_runs, seen.is_job


def test_carriers_and_jobs_are_known_for_what_they_are() -> None:
    quiet = {**CARRIER_CHANGES, "HostConfig.RestartPolicy": {"Name": "no", "MaximumRetryCount": 0}}
    assert kinds(quiet) == (True, True)
    assert kinds({**quiet, "State": ENDED}) == (False, True)
    assert kinds({**quiet, "State": FAILED}) == (False, False)
    assert kinds({**quiet, "State": RUNNING["State"]}) == (False, False)
    assert kinds({}) == (False, False)


@pytest.mark.parametrize(
    ("reference", "image", "expected"),
    [
        (IMAGE, {}, IMAGE),
        ("nginx:latest", {"RepoDigests": [f"nginx@sha256:{64 * 'a'}"]}, "nginx:latest"),
        (IMAGE_ID, {"RepoDigests": [f"nginx@sha256:{64 * 'a'}"]}, f"nginx@sha256:{64 * 'a'}"),
        (IMAGE_ID[7:19], {"RepoDigests": ["<none>@<none>"], "RepoTags": ["nginx:1"]}, "nginx:1"),
        (IMAGE_ID[7:19], {"RepoDigests": None, "RepoTags": ["<none>:<none>"]}, IMAGE_ID),
        (IMAGE_ID, None, IMAGE_ID),
        # A repository's name may look like an id.
        ("777", {"RepoTags": ["777:latest"]}, "777"),
        ("cafe", {"RepoTags": ["cafe:latest"]}, "cafe"),
        (None, {}, None),
    ],
)
def test_image(reference: str | None, image: Any, expected: str | None) -> None:
    host = Host(images={IMAGE_ID: image} if image is not None else {})
    assert container(inspected({"Config.Image": reference}), host).get("image") == expected


@pytest.mark.parametrize("tests", [["NONE"], ["CMD-SHELL", "true"], []])
def test_the_health_check_is_the_effective_one(tests: list[str]) -> None:
    seen = container(inspected({"Config.Healthcheck": {"Test": tests}}), HOST)
    assert seen.get("healthcheck", {}).get("tests", []) == tests
