"""`docker inspect` as inputs: the same ones that a program gives for the same thing."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
from tests.policies.compliant import IMAGE, STACK

IMAGE_ID = f"sha256:{64 * '7'}"
CONTAINER_ID = 64 * "c"
NETWORK_ID = 64 * "e"

MASKED = ["asound", "acpi", "kcore", "keys", "latency_stats", "timer_list", "timer_stats", "sched_debug", "scsi"]

LABELS = {"release": "1.2.3", "service": "nginx", "stack": STACK}

HOST = Host(networks={NETWORK_ID: "tasktracker-prod-edge", 64 * "d": "tasktracker-prod-data"}, cgroup_version="2")

#: `compliant.container()` as Docker 20.10 describes it, but for what nobody reads.
RUNNING: dict[str, Any] = {
    "Id": CONTAINER_ID,
    "State": {
        "Status": "running", "Running": True, "ExitCode": 0, "Error": "",
        "StartedAt": "2026-11-22T05:26:40.000508452Z",
    },
    "Image": IMAGE_ID,
    "Name": "/tasktracker-prod-nginx",
    "AppArmorProfile": "docker-default",
    "HostConfig": {
        "Binds": None,
        "LogConfig": {"Type": "json-file", "Config": {"max-file": "3", "max-size": "10m"}},
        "NetworkMode": "bridge",
        "PortBindings": {"8080/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8080"}]},
        "RestartPolicy": {"Name": "always", "MaximumRetryCount": 0},
        "AutoRemove": False,
        "VolumeDriver": "",
        "VolumesFrom": None,
        "CapAdd": None,
        "CapDrop": ["ALL"],
        "CgroupnsMode": "private",
        "GroupAdd": None,
        "IpcMode": "private",
        "PidMode": "",
        "Privileged": False,
        "PublishAllPorts": False,
        "ReadonlyRootfs": True,
        "SecurityOpt": ["no-new-privileges:true"],
        "Tmpfs": {"/tmp": "rw,noexec,nosuid,nodev,size=64m,mode=1777"},
        "UTSMode": "",
        "UsernsMode": "",
        "ShmSize": 67108864,
        "Runtime": "runc",
        "CpuShares": 0,
        "Memory": 268435456,
        "NanoCpus": 500000000,
        "PidsLimit": 1024,
        "CpuPeriod": 0,
        "CpuQuota": 0,
        "Devices": None,
        "DeviceCgroupRules": None,
        "DeviceRequests": None,
        "MemoryReservation": 67108864,
        "MemorySwap": 268435456,
        "Ulimits": [{"Name": "nofile", "Hard": 16384, "Soft": 16384}],
        "Mounts": [
            {"Type": "volume", "Source": "tasktracker-prod-nginx-files", "Target": "/etc/tasktracker", "ReadOnly": True}
        ],
        "MaskedPaths": [*(f"/proc/{name}" for name in MASKED), "/sys/firmware"],
        "ReadonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
        "Init": True,
    },
    "Mounts": [
        {
            "Type": "volume", "Name": "tasktracker-prod-nginx-files", "Driver": "local", "Mode": "z", "RW": False,
            "Source": "/var/lib/docker/volumes/tasktracker-prod-nginx-files/_data", "Propagation": "",
            "Destination": "/etc/tasktracker",
        }
    ],
    "Config": {
        "User": "10003:10003",
        "Env": ["LOG_LEVEL=info", "TLS_KEY_FILE=/etc/tasktracker/tls.key"],
        "Cmd": None,
        "Healthcheck": {
            "Test": ["CMD", "curl", "--fail", "http://127.0.0.1:8080/healthz"],
            "Interval": 3000000000, "Timeout": 5000000000, "StartPeriod": 30000000000, "Retries": 3,
        },
        "Image": IMAGE,
        "Entrypoint": None,
        "Labels": LABELS,
        "StopTimeout": 10,
    },
    "NetworkSettings": {
        "Ports": {"8080/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8080"}]},
        "Networks": {
            "tasktracker-prod-edge": {
                "IPAMConfig": {"IPv4Address": "172.20.0.2"},
                "Aliases": ["nginx", CONTAINER_ID[:12]],
                "NetworkID": NETWORK_ID,
            }
        },
    },
}  # fmt: skip

CREATED = {
    "Status": "created", "Running": False, "ExitCode": 0, "Error": "", "StartedAt": "0001-01-01T00:00:00Z"
}  # fmt: skip

ENDED = {
    "Status": "exited", "Running": False, "ExitCode": 0, "Error": "", "StartedAt": "2026-11-22T05:26:32.819923803Z"
}  # fmt: skip

#: `compliant.carrier()`.
CARRIER_CHANGES: dict[str, Any] = {
    "Name": "/tasktracker-prod-nginx-files",
    "State": CREATED,
    "HostConfig.NetworkMode": "none",
    "HostConfig.PortBindings": None,
    "HostConfig.RestartPolicy": {"Name": "no", "MaximumRetryCount": 0},
    "HostConfig.ReadonlyRootfs": False,
    "HostConfig.Tmpfs": None,
    "HostConfig.Memory": 16777216,
    "HostConfig.MemorySwap": 16777216,
    "HostConfig.MemoryReservation": 0,
    "HostConfig.NanoCpus": 100000000,
    "HostConfig.Ulimits": None,
    "HostConfig.Init": False,
    "HostConfig.Mounts": [{"Type": "volume", "Source": "tasktracker-prod-nginx-files", "Target": "/etc/tasktracker"}],
    "Mounts": [
        {"Type": "volume", "Name": "tasktracker-prod-nginx-files", "Destination": "/etc/tasktracker", "RW": True}
    ],
    "Config.User": "65534:65534",
    "Config.Env": None,
    "Config.Cmd": ["true"],
    "Config.Healthcheck": None,
    "Config.StopTimeout": None,
    "NetworkSettings.Ports": {},
    "NetworkSettings.Networks": {"none": {"IPAMConfig": None, "Aliases": None, "NetworkID": ""}},
}

INSPECTED_VOLUME: dict[str, Any] = {
    "CreatedAt": "2026-11-22T05:34:16Z",
    "Driver": "local",
    "Labels": LABELS,
    "Mountpoint": "/var/lib/docker/volumes/tasktracker-prod-postgres-data/_data",
    "Name": "tasktracker-prod-postgres-data",
    "Options": None,
    "Scope": "local",
}

INSPECTED_NETWORK: dict[str, Any] = {
    "Name": "tasktracker-prod-data",
    "Id": 64 * "d",
    "Scope": "local",
    "Driver": "bridge",
    "EnableIPv6": False,
    "IPAM": {
        "Driver": "default",
        "Options": None,
        "Config": [{"Subnet": "172.20.1.0/24", "IPRange": "172.20.1.128/25", "Gateway": "172.20.1.1"}],
    },
    "Internal": True,
    "Attachable": False,
    "Ingress": False,
    "Options": {},
    "Labels": LABELS,
}

INSPECTED_SERVICE: dict[str, Any] = {
    "ID": "svc",
    "Spec": {
        "Name": "tasktracker-prod-nginx",
        "Labels": LABELS,
        "TaskTemplate": {
            "ContainerSpec": {
                "Image": IMAGE,
                "User": "10003:10003",
                "ReadOnly": True,
                "CapabilityDrop": ["ALL"],
                "Env": ["LOG_LEVEL=info", "TLS_KEY_FILE=/run/secrets/tls.key"],
                "Labels": LABELS,
                "Mounts": [
                    {
                        "Type": "volume",
                        "Source": "tasktracker-prod-nginx-files",
                        "Target": "/etc/tasktracker",
                        "ReadOnly": True,
                    },
                    {"Type": "tmpfs", "Target": "/tmp", "TmpfsOptions": {"SizeBytes": 64 * 2**20, "Mode": 0o1777}},
                ],
                "Healthcheck": RUNNING["Config"]["Healthcheck"],
            },
            "Resources": {"Limits": {"MemoryBytes": 256 * 2**20, "NanoCPUs": 500_000_000}},
            "RestartPolicy": {"Condition": "any"},
            "LogDriver": {"Name": "json-file", "Options": {"max-file": "3", "max-size": "10m"}},
            "Networks": [{"Target": NETWORK_ID, "Aliases": ["nginx"]}],
        },
        "EndpointSpec": {"Mode": "vip"},
    },
    "Endpoint": {"Spec": {"Mode": "vip"}},
}


def inspected(changes: Mapping[str, Any] | None = None, whole: Mapping[str, Any] = RUNNING) -> dict[str, Any]:
    """A container as Docker describes it, with changes by dotted path."""
    changed = copy.deepcopy(dict(whole))
    for path, value in (changes or {}).items():
        *folders, last = path.split(".")
        place = changed
        for folder in folders:
            place = place[folder]
        place[last] = value
    return changed


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


def ports(asked: Any, bound: Any) -> list[Any]:
    changes = {"HostConfig.PortBindings": asked, "NetworkSettings.Ports": bound}
    return container(inspected(changes), HOST).get("ports", [])


ANY = {"HostIp": "0.0.0.0", "HostPort": "32771"}
SIX = {"HostIp": "::", "HostPort": "32771"}


def port(external: Any = None, ip: str | None = None, internal: int = 80, protocol: str = "tcp") -> dict[str, Any]:
    given = {"internal": internal, "external": external, "ip": ip, "protocol": protocol}
    return {key: value for key, value in given.items() if value is not None}


@pytest.mark.parametrize(
    ("asked", "bound", "expected"),
    [
        (None, None, []),
        (None, {"80/tcp": None}, []),
        # Asked for any address and port: what it got.
        ({"80/tcp": [{"HostIp": "", "HostPort": ""}]}, {"80/tcp": [ANY, SIX]}, [(32771, "0.0.0.0"), (32771, "::")]),
        ({"80/tcp": [{"HostIp": "", "HostPort": "0"}]}, {"80/tcp": [ANY]}, [(32771, "0.0.0.0")]),
        ({"80/tcp": [{"HostIp": "", "HostPort": "32770-32780"}]}, {"80/tcp": [ANY]}, [(32771, "0.0.0.0")]),
        # Published by PublishAllPorts.
        (None, {"80/tcp": [ANY]}, [(32771, "0.0.0.0")]),
        # Several addresses, one of them not bound.
        (
            {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "80"}, {"HostIp": "10.0.0.1", "HostPort": "80"}]},
            {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "80"}]},
            [(80, "127.0.0.1"), (80, "10.0.0.1")],
        ),
        # Not running: what was asked for.
        ({"80/tcp": [{"HostIp": "", "HostPort": "80"}]}, {}, [(80, None)]),
        ({"80/tcp": [{"HostIp": "", "HostPort": ""}]}, {}, [(None, None)]),
        ({"80/tcp": [{"HostIp": "", "HostPort": "8000-8010"}]}, {}, [("8000-8010", None)]),
        ({"80/tcp": []}, {}, [(None, None)]),
        ({"80/tcp": None}, {"80/tcp": [ANY]}, [(32771, "0.0.0.0")]),
    ],
)
def test_ports(asked: Any, bound: Any, expected: list[tuple[Any, str | None]]) -> None:
    assert ports(asked, bound) == [port(external, ip) for external, ip in expected]


def test_a_port_keeps_its_protocol() -> None:
    assert ports({"53/udp": [{"HostIp": "127.0.0.1", "HostPort": "53"}], "80": None}, {}) == [
        port(53, "127.0.0.1", internal=53, protocol="udp"),
        port(),
    ]


@pytest.mark.parametrize(
    ("bind", "volume_driver", "key", "entry"),
    [
        ("/a:/b", "", "volumes", {"hostPath": "/a", "containerPath": "/b", "readOnly": False}),
        (
            "/a:/b:ro,z",
            "",
            "volumes",
            {"hostPath": "/a", "containerPath": "/b", "readOnly": True, "selinuxRelabel": "z"},
        ),
        ("data:/b:rw", "local", "volumes", {"volumeName": "data", "containerPath": "/b", "readOnly": False}),
        ("/b", "", "volumes", {"containerPath": "/b", "readOnly": False}),
        (
            "/a/../b:/b:rshared,ro",
            "",
            "mounts",
            {
                "type": "bind",
                "source": "/a/../b",
                "target": "/b",
                "readOnly": True,
                "bindOptions": {"propagation": "rshared"},
            },
        ),
        (
            "data:/b",
            "nfs",
            "mounts",
            {
                "type": "volume",
                "source": "data",
                "target": "/b",
                "readOnly": False,
                "volumeOptions": {"driverName": "nfs"},
            },
        ),
    ],
)
def test_binds(bind: str, volume_driver: str, key: str, entry: dict[str, Any]) -> None:
    changes = {"HostConfig.Binds": [bind], "HostConfig.VolumeDriver": volume_driver, "HostConfig.Mounts": None}
    # Docker cleans the target and lists the mount among those in effect: it is there once.
    changes["Mounts"] = [{"Type": "bind", "Source": "/a", "Destination": "/b", "RW": True}]
    seen = container(inspected(changes), HOST)
    assert {name: seen[name] for name in ("mounts", "volumes") if name in seen} == {key: [entry]}


def test_mounts() -> None:
    asked = [
        {
            "Type": "volume",
            "Source": "inline",
            "Target": "/e/",
            "VolumeOptions": {
                "NoCopy": True,
                "Labels": {"a": "b"},
                "DriverConfig": {"Name": "local", "Options": {"o": "bind", "device": "/", "type": "none"}},
            },
        },
        {"Type": "bind", "Source": "/a", "Target": "/g", "ReadOnly": True},
        {"Type": "bind", "Source": "/b", "Target": "/h", "BindOptions": {"Propagation": "shared"}},
        {"Type": "tmpfs", "Target": "/t", "TmpfsOptions": {"SizeBytes": 1000}},
    ]
    effective = [
        {"Type": "volume", "Name": "inline", "Destination": "/e", "RW": True, "Driver": "local"},
        # Docker does this of its own accord where its own folder is mounted.
        {"Type": "bind", "Source": "/a", "Destination": "/g", "RW": False, "Propagation": "rslave"},
        {"Type": "bind", "Source": "/lent", "Destination": "/l", "RW": True, "Propagation": "rprivate"},
        {"Type": "volume", "Name": 64 * "f", "Destination": "/anonymous", "RW": True, "Driver": "local"},
        {"Type": "volume", "Name": "far", "Destination": "/far", "RW": False, "Driver": "nfs"},
    ]
    changes = {"HostConfig.Mounts": asked, "Mounts": effective, "HostConfig.VolumesFrom": ["other:ro"]}
    seen = container(inspected(changes), HOST)
    assert seen["volumes"] == [{"fromContainer": "other:ro"}]
    assert seen["mounts"] == [
        {
            "type": "volume",
            "source": "inline",
            "target": "/e/",
            "readOnly": False,
            "volumeOptions": {
                "noCopy": True,
                "labels": [{"label": "a", "value": "b"}],
                "driverName": "local",
                "driverOptions": {"o": "bind", "device": "/", "type": "none"},
            },
        },
        {
            "type": "bind",
            "source": "/a",
            "target": "/g",
            "readOnly": True,
            "bindOptions": {"propagation": "rslave"},
        },
        {"type": "bind", "source": "/b", "target": "/h", "readOnly": False, "bindOptions": {"propagation": "shared"}},
        {"type": "tmpfs", "target": "/t", "readOnly": False, "tmpfsOptions": {"sizeBytes": 1000}},
        {
            "type": "bind",
            "source": "/lent",
            "target": "/l",
            "readOnly": False,
            "bindOptions": {"propagation": "rprivate"},
        },
        {"type": "volume", "source": 64 * "f", "target": "/anonymous", "readOnly": False},
        {
            "type": "volume",
            "source": "far",
            "target": "/far",
            "readOnly": True,
            "volumeOptions": {"driverName": "nfs"},
        },
    ]


def test_the_default_bridge_is_a_network_to_be_seen() -> None:
    changes = {"HostConfig.NetworkMode": "default", "NetworkSettings.Networks": {"bridge": {"NetworkID": 64 * "b"}}}
    seen = container(inspected(changes), HOST)
    assert seen["networkMode"] == "bridge"
    assert seen["networksAdvanced"] == [{"name": "bridge"}]


def test_a_network_in_the_hosts_list_has_its_name() -> None:
    changes = {"NetworkSettings.Networks": {NETWORK_ID: {"NetworkID": NETWORK_ID}}}
    assert container(inspected(changes), HOST)["networksAdvanced"] == [{"name": "tasktracker-prod-edge"}]


@pytest.mark.parametrize("tests", [["NONE"], ["CMD-SHELL", "true"], []])
def test_the_health_check_is_the_effective_one(tests: list[str]) -> None:
    seen = container(inspected({"Config.Healthcheck": {"Test": tests}}), HOST)
    assert seen.get("healthcheck", {}).get("tests", []) == tests


def test_a_hidden_bind_is_in_the_volumes_options() -> None:
    options = {"type": "none", "o": "bind", "device": "/"}
    assert volume({**INSPECTED_VOLUME, "Options": options})["driverOpts"] == options


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


def test_a_cluster_volume_is_one() -> None:
    cluster = {"ID": "abc", "Spec": {"Group": "fast", "Availability": "active"}}
    seen = volume({**INSPECTED_VOLUME, "ClusterVolume": cluster})
    assert seen["cluster"] == {"id": "abc", "group": "fast", "availability": "active"}


TRANSLATIONS = (container, volume, network, service)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=8), children, max_size=3),
    max_leaves=8,
)


def _paths(value: object, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = [path] if path else []
    if isinstance(value, dict):
        for key, item in value.items():
            found += _paths(item, (*path, key))
    return found


SAMPLES = (
    (container, RUNNING),
    (volume, INSPECTED_VOLUME),
    (network, INSPECTED_NETWORK),
    (service, INSPECTED_SERVICE),
)


@pytest.mark.parametrize("translate", TRANSLATIONS)
@given(value=JSON)
def test_any_json_has_a_translation(translate: Callable[[object], dict[str, Any]], value: object) -> None:
    assert isinstance(translate(value), dict)


@pytest.mark.parametrize(("translate", "sample"), SAMPLES)
@given(data=st.data(), value=JSON)
def test_anything_anywhere_has_a_translation(
    translate: Callable[[object], dict[str, Any]], sample: dict[str, Any], data: st.DataObject, value: object
) -> None:
    path = data.draw(st.sampled_from(_paths(sample)))
    assert isinstance(translate(inspected({".".join(path): value}, sample)), dict)


@pytest.mark.parametrize(("translate", "sample"), SAMPLES)
def test_an_engine_that_lacks_a_field_is_tolerated(
    translate: Callable[[object], dict[str, Any]], sample: dict[str, Any]
) -> None:
    for *folders, last in _paths(sample):
        changed = copy.deepcopy(sample)
        place = changed
        for folder in folders:
            place = place[folder]
        del place[last]
        assert isinstance(translate(changed), dict)
