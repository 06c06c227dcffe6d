"""What Docker says of a thing that exists, as the inputs that the engine would send for it.

Pure: it takes the JSON of `docker inspect`. Rules then judge a running container as they judge one in
a preview. It says what is in effect, so what a container got from its image (health check, user,
command, environment, labels) and from the daemon (log driver, runtime, namespaces) is there too.
Nothing and zero are left out, as a program leaves out what it doesn't set.

Only what rules can read is translated. Docker keeps no trace of `uploads`, `wait`, `removeVolumes` and
`destroyGraceSeconds`.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from policies.values import entries, flag, is_unset, lookup, number, text

MEBIBYTE: Final = 2**20

#: What Docker has of a time that never was; it is Go's zero time.
NEVER: Final = "0001-01-01"

#: The networks that Docker makes itself and that nobody can configure or label.
PREDEFINED_NETWORKS: Final = frozenset({"bridge", "host", "none", "nat", "docker_gwbridge"})

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

PROPAGATIONS: Final = frozenset({"private", "rprivate", "slave", "rslave", "shared", "rshared"})

#: An image's id in `Config.Image`, which may be cut short.
IMAGE_ID: Final = re.compile(r"(?:sha256:)?([0-9a-f]{1,64})")

NANOSECONDS: Final = 1_000_000_000


@dataclass(frozen=True)
class Host:
    """What a container's own description leaves to the rest of the host.

    `networks`: names by id. `images`: by id, as `docker images` lists them. `cgroup_version`: 1 or 2,
    as `docker info` says; engines before 20.10 don't say, and know only 1.
    """

    networks: Mapping[str, str] = field(default_factory=dict)
    images: Mapping[str, Any] = field(default_factory=dict)
    cgroup_version: str = "1"

    def network(self, name: str) -> str:
        """The name of a network that is named or has that id, which may be cut short."""
        if not name or name in self.networks.values():
            return name
        found = [known for id_, known in self.networks.items() if id_.startswith(name)]
        return found[0] if len(found) == 1 else name


def container(inspected: object, host: Host | None = None) -> dict[str, Any]:
    """The inputs of a `docker.Container` that would make this one."""
    host = host or Host()
    whole = entries(inspected)
    config, limits = entries(whole.get("Config")), entries(whole.get("HostConfig"))
    restart = text(lookup(limits, "RestartPolicy.Name")) or "no"
    start, must_run = _lifecycle(whole.get("State"), restart)
    mounts, volumes = _mounts(whole)
    return _given(
        {
            "name": (text(whole.get("Name")) or "").lstrip("/"),
            "image": _image(config.get("Image"), whole.get("Image"), host),
            "user": text(config.get("User")),
            "groupAdds": _texts(limits.get("GroupAdd")),
            "command": _texts(config.get("Cmd")),
            "entrypoints": _texts(config.get("Entrypoint")),
            "envs": _texts(config.get("Env")),
            "labels": _labels(config.get("Labels")),
            "healthcheck": _healthcheck(config.get("Healthcheck")),
            "stopTimeout": _positive(config.get("StopTimeout")),
            "start": start,
            "mustRun": must_run,
            "restart": restart,
            "maxRetryCount": _positive(lookup(limits, "RestartPolicy.MaximumRetryCount")),
            "rm": flag(limits.get("AutoRemove")),
            "init": flag(limits.get("Init")),
            "privileged": flag(limits.get("Privileged")),
            "readOnly": flag(limits.get("ReadonlyRootfs")),
            "capabilities": _given({"adds": _texts(limits.get("CapAdd")), "drops": _texts(limits.get("CapDrop"))}),
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
            "memory": _mebibytes(limits.get("Memory")),
            "memorySwap": _mebibytes(limits.get("MemorySwap")),
            "memoryReservation": _mebibytes(limits.get("MemoryReservation")),
            "shmSize": _mebibytes(limits.get("ShmSize")),
            "cpus": _cpus(limits.get("NanoCpus")),
            "cpuPeriod": _nonzero(limits.get("CpuPeriod")),
            "cpuQuota": _nonzero(limits.get("CpuQuota")),
            "cpuShares": _nonzero(limits.get("CpuShares")),
            "cpuSet": text(limits.get("CpusetCpus")),
            "ulimits": [
                {"name": text(each.get("Name")), "soft": each.get("Soft"), "hard": each.get("Hard")}
                for each in _objects(limits.get("Ulimits"))
            ],
            "sysctls": entries(limits.get("Sysctls")),
            "storageOpts": entries(limits.get("StorageOpt")),
            "logDriver": text(lookup(limits, "LogConfig.Type")),
            "logOpts": entries(lookup(limits, "LogConfig.Config")),
            "devices": [
                _given(
                    {
                        "hostPath": text(each.get("PathOnHost")),
                        "containerPath": text(each.get("PathInContainer")),
                        "permissions": text(each.get("CgroupPermissions")),
                    }
                )
                for each in _objects(limits.get("Devices"))
            ],
            "deviceRequests": [_device_request(each) for each in _objects(limits.get("DeviceRequests"))],
            "deviceCgroupRules": _texts(limits.get("DeviceCgroupRules")),
            "tmpfs": entries(limits.get("Tmpfs")),
            "mounts": mounts,
            "volumes": volumes,
            "publishAllPorts": flag(limits.get("PublishAllPorts")),
            "ports": list(_ports(limits.get("PortBindings"), lookup(whole, "NetworkSettings.Ports"))),
            "networksAdvanced": list(_networks(whole, host)),
            "hosts": [
                dict(zip(("host", "ip"), each.partition(":")[::2], strict=True))
                for each in _texts(limits.get("ExtraHosts"))
            ],
            "dns": _texts(limits.get("Dns")),
        }
    )


def volume(inspected: object) -> dict[str, Any]:
    """The inputs of a `docker.Volume` that would make this one."""
    whole = entries(inspected)
    return _given(
        {
            "name": text(whole.get("Name")),
            "driver": text(whole.get("Driver")),
            "driverOpts": entries(whole.get("Options")),
            "cluster": _given(
                {
                    "id": text(lookup(whole, "ClusterVolume.ID")),
                    "group": text(lookup(whole, "ClusterVolume.Spec.Group")),
                    "availability": text(lookup(whole, "ClusterVolume.Spec.Availability")),
                }
            ),
            "labels": _labels(whole.get("Labels")),
        }
    )


def network(inspected: object) -> dict[str, Any]:
    """The inputs of a `docker.Network` that would make this one."""
    whole = entries(inspected)
    ipam = entries(whole.get("IPAM"))
    return _given(
        {
            "name": text(whole.get("Name")),
            "driver": text(whole.get("Driver")),
            "internal": flag(whole.get("Internal")),
            "attachable": flag(whole.get("Attachable")),
            "ingress": flag(whole.get("Ingress")),
            "ipv6": flag(whole.get("EnableIPv6")),
            "options": entries(whole.get("Options")),
            "ipamDriver": text(ipam.get("Driver")),
            "ipamOptions": entries(ipam.get("Options")),
            "ipamConfigs": [
                _given(
                    {
                        "subnet": text(each.get("Subnet")),
                        "gateway": text(each.get("Gateway")),
                        "ipRange": text(each.get("IPRange")),
                        "auxAddress": entries(each.get("AuxiliaryAddresses") or each.get("AuxAddress")),
                    }
                )
                for each in _objects(ipam.get("Config"))
            ],
            "labels": _labels(whole.get("Labels")),
        }
    )


def service(inspected: object, host: Host | None = None) -> dict[str, Any]:
    """The inputs of a `docker.Service` that would make this Swarm service."""
    host = host or Host()
    whole = entries(inspected)
    spec = entries(whole.get("Spec"))
    task = entries(spec.get("TaskTemplate"))
    runs = entries(task.get("ContainerSpec"))
    limits = entries(lookup(task, "Resources.Limits"))
    # What was published is there even where the port was left to Docker.
    published = _objects(lookup(whole, "Endpoint.Ports")) or _objects(lookup(spec, "EndpointSpec.Ports"))
    networks = _objects(task.get("Networks")) or _objects(spec.get("Networks"))
    return _given(
        {
            "name": text(spec.get("Name")),
            "labels": _labels(spec.get("Labels")),
            "taskSpec": _given(
                {
                    "containerSpec": _given(
                        {
                            "image": text(runs.get("Image")),
                            "user": text(runs.get("User")),
                            "groups": _texts(runs.get("Groups")),
                            "args": _texts(runs.get("Args")),
                            "commands": _texts(runs.get("Command")),
                            "env": dict(each.partition("=")[::2] for each in _texts(runs.get("Env"))),
                            "labels": _labels(runs.get("Labels")),
                            "readOnly": flag(runs.get("ReadOnly")),
                            "capAdds": _texts(runs.get("CapabilityAdd")),
                            "capDrops": _texts(runs.get("CapabilityDrop")),
                            "sysctl": entries(runs.get("Sysctls")),
                            "healthcheck": _healthcheck(runs.get("Healthcheck")),
                            "mounts": [_mount(each) for each in _objects(runs.get("Mounts"))],
                            "init": flag(runs.get("Init")),
                            "privileges": _privileges(runs.get("Privileges")),
                        }
                    ),
                    "runtime": text(task.get("Runtime")),
                    "resources": _given(
                        {
                            "limits": _given(
                                {
                                    "memoryBytes": _nonzero(limits.get("MemoryBytes")),
                                    "nanoCpus": _nonzero(limits.get("NanoCPUs")),
                                }
                            ),
                            "reservation": _given(
                                {"genericResources": _generic_resources(lookup(task, "Resources.Reservations"))}
                            ),
                        }
                    ),
                    # Docker's own default, which a service without a policy runs by.
                    "restartPolicy": {"condition": text(lookup(task, "RestartPolicy.Condition")) or "any"},
                    "logDriver": _given(
                        {
                            "name": text(lookup(task, "LogDriver.Name")),
                            "options": entries(lookup(task, "LogDriver.Options")),
                        }
                    ),
                    "networksAdvanceds": [
                        _given(
                            {
                                "name": host.network(text(each.get("Target")) or ""),
                                "aliases": _texts(each.get("Aliases")),
                            }
                        )
                        for each in networks
                    ],
                }
            ),
            "endpointSpec": _given(
                {
                    "ports": [
                        _given(
                            {
                                "targetPort": _nonzero(each.get("TargetPort")),
                                "publishedPort": _nonzero(each.get("PublishedPort")),
                                "protocol": text(each.get("Protocol")),
                                "publishMode": text(each.get("PublishMode")),
                            }
                        )
                        for each in published
                    ]
                }
            ),
        }
    )


def _lifecycle(state: object, restart: str) -> tuple[bool, bool]:
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
    tags = [tag for tag in _texts(image.get("RepoTags")) if not tag.startswith("<none>")]
    if not match or not full.removeprefix("sha256:").startswith(match[1]):
        return name
    if name and any(tag.startswith(f"{name}:") for tag in tags):
        return name
    digests = [digest for digest in _texts(image.get("RepoDigests")) if not digest.startswith("<none>")]
    return min(digests, default=None) or min(tags, default=full)


def _security_options(whole: Mapping[str, Any], limits: Mapping[str, Any]) -> list[str]:
    """The options as given, and those that only show in what they did."""
    options = _texts(limits.get("SecurityOpt"))
    # The client turns this option into lists of paths. A privileged container has none of them.
    for key, least in (("MaskedPaths", MASKED_PATHS), ("ReadonlyPaths", READONLY_PATHS)):
        paths = limits.get(key)
        if isinstance(paths, list) and not least.issubset(_texts(paths)) and "systempaths=unconfined" not in options:
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


def _healthcheck(value: object) -> dict[str, Any]:
    check = entries(value)
    return _given(
        {
            "tests": _texts(check.get("Test")),
            "interval": _duration(check.get("Interval")),
            "timeout": _duration(check.get("Timeout")),
            "startPeriod": _duration(check.get("StartPeriod")),
            "startInterval": _duration(check.get("StartInterval")),
            "retries": _nonzero(check.get("Retries")),
        }
    )


def _device_request(request: Mapping[str, Any]) -> dict[str, Any]:
    alternatives = request.get("Capabilities")
    return _given(
        {
            "driver": text(request.get("Driver")),
            "count": number(request.get("Count")),
            "deviceIds": _texts(request.get("DeviceIDs")),
            "capabilities": [
                name for each in (alternatives if isinstance(alternatives, list) else []) for name in _texts(each)
            ],
            "options": entries(request.get("Options")),
        }
    )


def _generic_resources(reservations: object) -> dict[str, Any]:
    """Devices that a service reserves on its nodes, as KIND=VALUE."""
    reserved = _objects(entries(reservations).get("GenericResources"))
    specs = {
        "namedResourcesSpecs": [entries(each.get("NamedResourceSpec")) for each in reserved],
        "discreteResourcesSpecs": [entries(each.get("DiscreteResourceSpec")) for each in reserved],
    }
    return _given(
        {
            key: [f"{text(each.get('Kind'))}={text(each.get('Value'))}" for each in found if each]
            for key, found in specs.items()
        }
    )


def _privileges(value: object) -> dict[str, Any]:
    context = entries(lookup(value, "SELinuxContext"))
    names = ("Disable", "User", "Role", "Type", "Level")
    return _given({"seLinuxContext": _given({name.lower(): context.get(name) for name in names})})


def _mounts(whole: Mapping[str, Any]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """`mounts` and `volumes`: what was asked for, and what came with it.

    Came with it: an image's anonymous volumes, and what other containers lent (`volumesFrom`).
    """
    limits = entries(whole.get("HostConfig"))
    effective = {_clean(text(each.get("Destination"))): each for each in _objects(whole.get("Mounts"))}
    mounts: list[dict[str, Any]] = []
    volumes: list[dict[str, Any]] = []
    seen = set()
    for each in _objects(limits.get("Mounts")):
        target = _clean(text(each.get("Target")))
        seen.add(target)
        mounts.append(_mount(each, text(entries(effective.get(target)).get("Propagation"))))
    for bind in _texts(limits.get("Binds")):
        asked = _bind(bind, text(limits.get("VolumeDriver")))
        seen.add(_clean(asked.get("target") or asked.get("containerPath")))
        (mounts if "target" in asked else volumes).append(asked)
    volumes += [{"fromContainer": each} for each in _texts(limits.get("VolumesFrom"))]
    mounts += [_effective_mount(each) for target, each in effective.items() if target not in seen]
    return mounts, volumes


def _mount(mount: Mapping[str, Any], effective_propagation: str | None = None) -> dict[str, Any]:
    """An entry of `mounts`. Docker may give a mount another propagation than none was asked for."""
    volume_options, tmpfs = entries(mount.get("VolumeOptions")), entries(mount.get("TmpfsOptions"))
    propagation = effective_propagation or text(lookup(mount, "BindOptions.Propagation"))
    return _given(
        {
            "type": text(mount.get("Type")),
            "source": text(mount.get("Source")),
            "target": text(mount.get("Target")),
            "readOnly": flag(mount.get("ReadOnly")) or False,
            "bindOptions": _given({"propagation": propagation}),
            "volumeOptions": _given(
                {
                    "noCopy": flag(volume_options.get("NoCopy")),
                    "labels": _labels(volume_options.get("Labels")),
                    "driverName": text(lookup(volume_options, "DriverConfig.Name")),
                    "driverOptions": entries(lookup(volume_options, "DriverConfig.Options")),
                    "subpath": text(volume_options.get("Subpath")),
                }
            ),
            "tmpfsOptions": _given(
                {"sizeBytes": _nonzero(tmpfs.get("SizeBytes")), "mode": _nonzero(tmpfs.get("Mode"))}
            ),
        }
    )


def _effective_mount(mount: Mapping[str, Any]) -> dict[str, Any]:
    type_, driver = text(mount.get("Type")), text(mount.get("Driver"))
    return _given(
        {
            "type": type_,
            "source": text(mount.get("Name")) or text(mount.get("Source")),
            "target": text(mount.get("Destination")),
            "readOnly": flag(mount.get("RW")) is False,
            "bindOptions": _given({"propagation": text(mount.get("Propagation"))}),
            "volumeOptions": _given({"driverName": None if driver == "local" else driver}),
        }
    )


def _bind(bind: str, driver: str | None) -> dict[str, Any]:
    """`SOURCE:TARGET:OPTIONS`, as `docker run -v` has it; moby splits and reads it the same way.

    An entry of `volumes`, or of `mounts` if it has what only those can say.
    """
    parts = bind.split(":", 3)
    source, target = (parts[0], parts[1]) if len(parts) > 1 else ("", parts[0])
    options = parts[2].split(",") if len(parts) > 2 else []
    is_path = source.startswith("/")
    read_only = "ro" in options
    propagation = next((option for option in options if option in PROPAGATIONS), None)
    driver = None if is_path or driver == "local" else driver
    if propagation or driver:
        return _given(
            {
                "type": "bind" if is_path else "volume",
                "source": source,
                "target": target,
                "readOnly": read_only,
                "bindOptions": _given({"propagation": propagation}),
                "volumeOptions": _given({"driverName": driver}),
            }
        )
    return _given(
        {
            "hostPath": source if is_path else None,
            "volumeName": None if is_path else source,
            "containerPath": target,
            "readOnly": read_only,
            "selinuxRelabel": next((option for option in options if option in ("z", "Z")), None),
        }
    )


def _ports(asked: object, bound: object) -> Iterator[dict[str, Any]]:
    """The ports that are bound, and those that were asked for and are not, or not now."""
    now = entries(bound)
    for key, bindings in now.items():
        for each in _objects(bindings):
            yield _port(key, each)
    for key, bindings in entries(asked).items():
        # An empty list asks for any port of the host.
        for each in _objects(bindings) or ([] if _objects(now.get(key)) else [{}]):
            if not any(_fulfils(actual, each) for actual in _objects(now.get(key))):
                yield _port(key, each)


def _port(key: str, binding: Mapping[str, Any]) -> dict[str, Any]:
    internal, _, protocol = key.partition("/")
    external = text(binding.get("HostPort"))
    return _given(
        {
            "internal": _nonzero(internal),
            # A range, of which Docker takes one, stays a text.
            "external": (_nonzero(external) if number(external) is not None else external),
            "ip": text(binding.get("HostIp")),
            "protocol": protocol or "tcp",
        }
    )


def _fulfils(actual: Mapping[str, Any], asked: Mapping[str, Any]) -> bool:
    """Whether a bound port is what was asked for: any address and any port, where none was named."""
    ip, port = text(asked.get("HostIp")), text(asked.get("HostPort"))
    if ip and ip != text(actual.get("HostIp")):
        return False
    bound = number(actual.get("HostPort"))
    if not port or port == "0" or bound is None:
        return True
    first, _, last = port.partition("-")
    low, high = number(first), number(last or first)
    return low is not None and high is not None and low <= bound <= high


def _networks(whole: Mapping[str, Any], host: Host) -> Iterator[dict[str, Any]]:
    """The networks that it is on. `host` and `none` are modes, not networks to be on."""
    short_id = (text(whole.get("Id")) or "")[:12]
    for key, value in entries(lookup(whole, "NetworkSettings.Networks")).items():
        if key in ("host", "none"):
            continue
        endpoint = entries(value)
        yield _given(
            {
                "name": host.networks.get(text(endpoint.get("NetworkID")) or "", key),
                # Docker adds the container's own id.
                "aliases": [alias for alias in _texts(endpoint.get("Aliases")) if alias != short_id],
                "ipv4Address": text(lookup(endpoint, "IPAMConfig.IPv4Address")),
                "ipv6Address": text(lookup(endpoint, "IPAMConfig.IPv6Address")),
                "linkLocalIps": _texts(lookup(endpoint, "IPAMConfig.LinkLocalIPs")),
            }
        )


def _labels(value: object) -> list[dict[str, Any]]:
    return [{"label": label, "value": text(content) or ""} for label, content in sorted(entries(value).items())]


def _given(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Without what says nothing: a program doesn't write that either."""
    return {key: value for key, value in properties.items() if not is_unset(value)}


def _texts(value: object) -> list[str]:
    """The texts of a list; one alone counts as a list, as it does for Docker's API."""
    if isinstance(value, str):
        return [value]
    found: Sequence[object] = value if isinstance(value, list) else []
    return [each for each in map(text, found) if each is not None]


def _objects(value: object) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _clean(path: object) -> str:
    return posixpath.normpath(f"/{text(path) or ''}".replace("//", "/"))


def _nonzero(value: object) -> int | float | None:
    """A number; None for zero, which is Docker's word for unset."""
    found = number(value)
    if not found:
        return None
    return int(found) if found.is_integer() else found


def _positive(value: object) -> int | float | None:
    found = _nonzero(value)
    return found if found and found > 0 else None


def _mebibytes(value: object) -> int | float | None:
    """Bytes in the provider's unit, exactly; negative stays: it means no limit."""
    found = _nonzero(value)
    return found if found is None or found < 0 else _nonzero(found / MEBIBYTE)


def _cpus(value: object) -> str | None:
    """Billionths of a CPU as the text that the provider takes.

    >>> _cpus(500_000_000), _cpus(2_000_000_000), _cpus(0)
    ('0.5', '2', None)
    """
    found = _nonzero(value)
    return None if found is None else f"{found / NANOSECONDS:.9f}".rstrip("0").rstrip(".")


def _duration(value: object) -> str | None:
    """Nanoseconds as Go writes a duration, down to the millisecond.

    >>> [_duration(seconds * NANOSECONDS) for seconds in (3, 60, 3600, 1.5, 0)]
    ['3s', '1m0s', '1h0m0s', '1.5s', None]
    """
    found = _nonzero(value)
    if found is None:
        return None
    minutes, seconds = divmod(round(found / NANOSECONDS, 3), 60)
    hours, minutes = divmod(int(minutes), 60)
    rest = f"{round(seconds, 3):g}s"
    return f"{hours}h{minutes}m{rest}" if hours else f"{minutes}m{rest}" if minutes else rest
