"""What Docker says of a container, as the inputs that the engine would send for it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from policies.audit.inspection.host import Host
from policies.audit.inspection.mounts import asked_mounts
from policies.audit.inspection.network import attached_networks, published_ports
from policies.audit.inspection.values import (
    cpus_text,
    given,
    healthcheck,
    labels,
    mebibytes,
    name_of,
    nonzero,
    objects,
    positive,
    texts,
)
from policies.values import entries, flag, is_unset, lookup, number, text

#: What Docker has of a time that never was; it is Go's zero time.
NEVER: Final = "0001-01-01"

#: What every engine that tells (since 18.09) masks, and makes read-only, where nobody asked for less.
MASKED_PATHS: Final = frozenset(
    {
        "/proc/acpi",
        "/proc/kcore",
        "/proc/keys",
        "/proc/latency_stats",
        "/proc/sched_debug",
        "/proc/scsi",
        "/proc/timer_list",
        "/proc/timer_stats",
        "/sys/firmware",
    }
)
READONLY_PATHS: Final = frozenset({"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"})

#: An image's id in `Config.Image`, which may be cut short.
IMAGE_ID: Final = re.compile(r"(?:sha256:)?([0-9a-f]{1,64})")


def container(inspected: object, host: Host | None = None) -> dict[str, Any]:
    """The inputs of a `docker.Container` that would make this one."""
    host = host or Host()
    whole = entries(inspected)
    config, limits = entries(whole.get("Config")), entries(whole.get("HostConfig"))
    mounts, volumes = asked_mounts(whole)
    return given(
        {
            "name": name_of(whole),
            "image": _image(config.get("Image"), whole.get("Image"), host),
            **_process(config),
            **_lifecycle(whole.get("State"), limits),
            **_isolation(whole, limits, host),
            **_resources(limits),
            **_devices(limits),
            "logDriver": text(lookup(limits, "LogConfig.Type")),
            "logOpts": entries(lookup(limits, "LogConfig.Config")),
            "storageOpts": entries(limits.get("StorageOpt")),
            "tmpfs": entries(limits.get("Tmpfs")),
            "mounts": mounts,
            "volumes": volumes,
            "publishAllPorts": flag(limits.get("PublishAllPorts")),
            "ports": list(published_ports(limits.get("PortBindings"), lookup(whole, "NetworkSettings.Ports"))),
            "networksAdvanced": list(attached_networks(whole, host)),
            "hosts": [
                dict(zip(("host", "ip"), each.partition(":")[::2], strict=True))
                for each in texts(limits.get("ExtraHosts"))
            ],
            "dns": texts(limits.get("Dns")),
        }
    )


def _process(config: Mapping[str, Any]) -> dict[str, Any]:
    """What it runs, how that is checked and how it is stopped."""
    return {
        "user": text(config.get("User")),
        "command": texts(config.get("Cmd")),
        "entrypoints": texts(config.get("Entrypoint")),
        "envs": texts(config.get("Env")),
        "labels": labels(config.get("Labels")),
        "healthcheck": healthcheck(config.get("Healthcheck")),
        "stopTimeout": positive(config.get("StopTimeout")),
    }


def _lifecycle(state: object, limits: Mapping[str, Any]) -> dict[str, Any]:
    """Whether it is started, meant to run, restarted and removed."""
    restart = text(lookup(limits, "RestartPolicy.Name")) or "no"
    start, must_run = _runs(state, restart)
    return {
        "start": start,
        "mustRun": must_run,
        "restart": restart,
        "maxRetryCount": positive(lookup(limits, "RestartPolicy.MaximumRetryCount")),
        "rm": flag(limits.get("AutoRemove")),
        "init": flag(limits.get("Init")),
    }


def _isolation(whole: Mapping[str, Any], limits: Mapping[str, Any], host: Host) -> dict[str, Any]:
    """What the kernel lets it do, and which namespaces it is in."""
    return {
        "groupAdds": texts(limits.get("GroupAdd")),
        "privileged": flag(limits.get("Privileged")),
        "readOnly": flag(limits.get("ReadonlyRootfs")),
        "capabilities": given({"adds": texts(limits.get("CapAdd")), "drops": texts(limits.get("CapDrop"))}),
        "securityOpts": _security_options(whole, limits),
        "networkMode": _network_mode(limits.get("NetworkMode"), host),
        "pidMode": text(limits.get("PidMode")),
        "ipcMode": text(limits.get("IpcMode")),
        # The provider has no such property; it is here for a rule that wants to judge what runs.
        "utsMode": text(limits.get("UTSMode")),
        "usernsMode": text(limits.get("UsernsMode")),
        "cgroupnsMode": _cgroup_namespace(limits.get("CgroupnsMode"), host),
        "cgroupParent": text(limits.get("CgroupParent")),
        "runtime": text(limits.get("Runtime")),
        "sysctls": entries(limits.get("Sysctls")),
    }


def _resources(limits: Mapping[str, Any]) -> dict[str, Any]:
    """How much of the host it may take."""
    return {
        "memory": mebibytes(limits.get("Memory")),
        "memorySwap": mebibytes(limits.get("MemorySwap")),
        "memoryReservation": mebibytes(limits.get("MemoryReservation")),
        "shmSize": mebibytes(limits.get("ShmSize")),
        "cpus": cpus_text(limits.get("NanoCpus")),
        "cpuPeriod": nonzero(limits.get("CpuPeriod")),
        "cpuQuota": nonzero(limits.get("CpuQuota")),
        "cpuShares": nonzero(limits.get("CpuShares")),
        "cpuSet": text(limits.get("CpusetCpus")),
        "ulimits": [
            {"name": text(each.get("Name")), "soft": each.get("Soft"), "hard": each.get("Hard")}
            for each in objects(limits.get("Ulimits"))
        ],
    }


def _devices(limits: Mapping[str, Any]) -> dict[str, Any]:
    """The devices of the host that it can use."""
    return {
        "devices": [
            given(
                {
                    "hostPath": text(each.get("PathOnHost")),
                    "containerPath": text(each.get("PathInContainer")),
                    "permissions": text(each.get("CgroupPermissions")),
                }
            )
            for each in objects(limits.get("Devices"))
        ],
        "deviceRequests": [_device_request(each) for each in objects(limits.get("DeviceRequests"))],
        "deviceCgroupRules": texts(limits.get("DeviceCgroupRules")),
    }


def _runs(state: object, restart: str) -> tuple[bool, bool]:
    """Whether it was started, and whether it is meant to run.

    Never started on purpose: (False, False). Docker also says "created" of one that it could not
    start, but then with an error. Ran to a good end, and nothing restarts it: (True, False).
    Everything else is meant to run, also what crashed, and what has no state that we know.
    """
    now = entries(state)
    failed = bool(number(now.get("ExitCode"))) or not is_unset(now.get("Error"))
    if now.get("Status") == "created":
        tried = failed or not (text(now.get("StartedAt")) or NEVER).startswith(NEVER)
        return tried, tried
    return True, not (now.get("Status") == "exited" and restart == "no" and not failed)


def _image(reference: object, image_id: object, host: Host) -> str | None:
    """What the container was made from; where that is an image's id, the name that this image has.

    A name stays as it was given: one without a digest may mean another image tomorrow. An id says
    which image it is, so its digest, if it came from a registry, says the same.
    """
    name, full = text(reference), text(image_id) or ""
    match = IMAGE_ID.fullmatch(name or "")
    image = entries(host.images.get(full))
    tags = [tag for tag in texts(image.get("RepoTags")) if not tag.startswith("<none>")]
    if not match or not full.removeprefix("sha256:").startswith(match[1]):
        return name
    if name and any(tag.startswith(f"{name}:") for tag in tags):
        return name
    digests = [digest for digest in texts(image.get("RepoDigests")) if not digest.startswith("<none>")]
    return min(digests, default=None) or min(tags, default=full)


def _security_options(whole: Mapping[str, Any], limits: Mapping[str, Any]) -> list[str]:
    """The options as given, and those that only show in what they did."""
    options = texts(limits.get("SecurityOpt"))
    # The client turns this option into lists of paths. A privileged container has none of them.
    for key, least in (("MaskedPaths", MASKED_PATHS), ("ReadonlyPaths", READONLY_PATHS)):
        paths = limits.get(key)
        if isinstance(paths, list) and not least.issubset(texts(paths)) and "systempaths=unconfined" not in options:
            options.append("systempaths=unconfined")
    if text(whole.get("AppArmorProfile")) == "unconfined" and not any("apparmor" in option for option in options):
        options.append("apparmor=unconfined")
    return options


def _network_mode(mode: object, host: Host) -> str | None:
    """The mode; a user-defined network's name, where it may have been given by its id."""
    given = text(mode)
    if given is None or given == "default" or ":" in given:
        # On Linux the default is the bridge.
        return "bridge" if given == "default" else given
    return host.network(given)


def _cgroup_namespace(mode: object, host: Host) -> str | None:
    """The mode, but where it is what every container on the host has that doesn't ask.

    With version 1 of control groups that is `host`, and Docker doesn't say who asked for it.
    """
    given = text(mode)
    return None if given == "host" and host.cgroup_version == "1" else given


def _device_request(request: Mapping[str, Any]) -> dict[str, Any]:
    alternatives = request.get("Capabilities")
    return given(
        {
            "driver": text(request.get("Driver")),
            "count": number(request.get("Count")),
            "deviceIds": texts(request.get("DeviceIDs")),
            "capabilities": [
                name for each in (alternatives if isinstance(alternatives, list) else []) for name in texts(each)
            ],
            "options": entries(request.get("Options")),
        }
    )
