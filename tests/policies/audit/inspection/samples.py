"""What Docker says of the compliant fixtures."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from policies.audit.inspection.host import Host
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
