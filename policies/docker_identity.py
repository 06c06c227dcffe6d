"""Who a container runs as, and what the kernel lets it do."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import Annotated, Any, Final

from pydantic import AfterValidator

from policies.containers import CONTAINER, SERVICE, Field
from policies.docker_secrets import IMAGE, REGISTRY_IMAGE, REMOTE_IMAGE
from policies.resource import WORKLOADS, Resource
from policies.rule import Finding, Level, Options, Rule, Scope, Severity
from policies.values import UNKNOWN, entries, flag, is_unset, items, join, text

#: The highest id that runc and moby take (`maxID` in moby/sys/user).
MAX_ID: Final = 2**31 - 1

#: Digits of ids: as many as a text may sensibly have, leading zeros included.
ID_PATTERN: Final = re.compile(r"[0-9]{1,32}")

#: The one capability that may be added, after normalisation.
ALLOWED_CAPABILITY: Final = "NET_BIND_SERVICE"

#: A SELinux level with the categories that keep containers apart; a range such as `s0-s0:c0.c1023`
#: would have them all.
LEVEL_PATTERN: Final = re.compile(r"s0(?::c[0-9]{1,4}(?:,c[0-9]{1,4})?)?")

#: A network's name, as Docker restricts it. `container:x` is none, nor is any path.
NETWORK_PATTERN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")

#: What a namespace's property may be, beside unset. The daemon takes nothing but its own words, in lower case.
NAMESPACES: Final = {
    "pidMode": frozenset[str](),
    "ipcMode": frozenset({"private", "none"}),
    "usernsMode": frozenset[str](),
    "cgroupnsMode": frozenset({"private"}),
    # The provider hasn't got it; a container that was made by hand may.
    "utsMode": frozenset[str](),
}

#: The network of the containers that an image is built in, by the resource that builds one.
BUILD_NETWORKS: Final = {
    REMOTE_IMAGE: "build.networkMode",
    REGISTRY_IMAGE: "build.networkMode",
    IMAGE: "build.network",
}

#: The sysctls that Kubernetes calls safe: each has its own value in every container, and can't harm others.
SAFE_SYSCTLS: Final = frozenset(
    {
        "kernel.shm_rmid_forced",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.ping_group_range",
        "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_probes",
        "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_rmem",
        "net.ipv4.tcp_syncookies",
        "net.ipv4.tcp_wmem",
    }
)

#: The option of a network's driver that sets sysctls of the container's interface.
ENDPOINT_SYSCTLS: Final = "com.docker.network.endpoint.sysctls"

_SWAP_SEPARATORS: Final = str.maketrans("./", "/.")

_SE_LINUX = "taskSpec.containerSpec.privileges.seLinuxContext"
_GENERIC_RESOURCES = "taskSpec.resources.reservation.genericResources"
_TASK_RUNTIME = "taskSpec.runtime"
_BUILD_SECURITY = "build.securityOpts"


def _confined(name: str) -> str:
    if name.strip().lower() in ("", "unconfined"):
        raise ValueError("an unconfined container can't be allowed by an option")
    return name


ProfileName = Annotated[str, AfterValidator(_confined)]


class SecurityModuleOptions(Options):
    """Which profiles are allowed.

    A seccomp profile of one's own reaches Docker as its text: it is allowed as
    `sha256:<hexadecimal digest of that text>`.
    """

    seccomp_profiles: tuple[ProfileName, ...] = ("builtin",)
    app_armor_profiles: tuple[ProfileName, ...] = ("docker-default",)
    se_linux_types: tuple[str, ...] = ("container_t", "container_init_t", "container_kvm_t")


class NamespaceOptions(Options):
    """Which parent cgroups are allowed, such as a slice that is set aside for containers."""

    cgroup_parents: tuple[str, ...] = ()


class DeviceOptions(Options):
    """Which runtimes are allowed: runc under both of its names; a sandbox such as gVisor's `runsc` is fine too."""

    runtimes: tuple[str, ...] = ("runc", "io.containerd.runc.v2")


def _each(field: Field) -> Iterator[Field]:
    """The known items of a list; what is given in a list's place is taken for an item, to be refused as one."""
    if isinstance(field.value, list):
        for index, item in items(field.value):
            if item is not UNKNOWN and not is_unset(item):
                yield Field(f"{field.path}[{index}]", item)
    elif field.path and not field.unset and not field.unknown:
        yield field


def _unknown(field: Field) -> bool:
    """Whether a list or one of its items is unknown: what is missing in it may be there."""
    return field.unknown or any(item is UNKNOWN for _, item in items(field.value))


def _is_id(value: str) -> bool:
    """Whether it is the number of a user or group that isn't root's, in ASCII digits."""
    return bool(ID_PATTERN.fullmatch(value)) and 0 < int(value) <= MAX_ID


def _user(resource: Resource, scope: Scope[Options]) -> Iterator[Finding]:
    field = resource.container.field("user")
    if not field.unknown:
        user, separator, group = (text(field.value) or "").partition(":")
        if not (separator and _is_id(user) and _is_id(group)):
            yield Finding(field.path or "", field.value, f"uid:gid, two numbers from 1 to {MAX_ID}")
    for item in _each(resource.container.field("groupAdds")):
        # A name is looked up in the image, which may give it any number: root's, or the host's docker group.
        if not _is_id(text(item.value) or ""):
            yield Finding(item.path or "", item.value, f"a number from 1 to {MAX_ID}")


def _privileged(resource: Resource, scope: Scope[Options]) -> Iterator[Finding]:
    field = resource.container.field("privileged")
    # A text that is neither true nor false is refused by the provider; unset and unknown are not true.
    if field.path and flag(field.value):
        yield Finding(field.path, field.value, "false or unset")


def _capabilities(resource: Resource, scope: Scope[Options]) -> Iterator[Finding]:
    drops = resource.container.field("capabilities.drops")
    # The daemon takes ALL in any case, but with no prefix.
    if not _unknown(drops) and not any((text(item.value) or "").upper() == "ALL" for item in _each(drops)):
        yield Finding(drops.path or "", drops.value, "a list with ALL in it")
    for item in _each(resource.container.field("capabilities.adds")):
        if (text(item.value) or "").upper().removeprefix("CAP_") != ALLOWED_CAPABILITY:
            yield Finding(item.path or "", item.value, f"at most {ALLOWED_CAPABILITY}")


def _option(option: str) -> tuple[str, str]:
    """Name and value of a security option, split as the daemon does it: at `=` if there is one, else at `:`."""
    name, _, value = option.partition("=" if "=" in option else ":")
    return name, value


def _no_new_privileges(resource: Resource, scope: Scope[Options]) -> Iterator[Finding]:
    field = resource.container.field("securityOpts")
    allowed = "`no-new-privileges:true` in the list, and nothing that takes it back"
    on = False  # or found wrong, which is finding enough
    for item in _each(field):
        option = text(item.value) or ""
        name, value = _option(option)
        if name != "no-new-privileges":
            continue
        # For the daemon the last one wins, but the provider's list is a set, whose order nobody chose.
        on = True
        if option != name and not flag(value):
            yield Finding(item.path or "", item.value, allowed)
    if not on and not _unknown(field):
        yield Finding(field.path or "", field.value, allowed)


def _is_known_option(option: str, options: SecurityModuleOptions) -> bool:
    name, value = _option(option)
    if name == "no-new-privileges":
        # DKR-NNP judges its value.
        return True
    if name == "seccomp":
        profiles = options.seccomp_profiles
        return value in profiles or (
            any(profile.startswith("sha256:") for profile in profiles)
            and f"sha256:{hashlib.sha256(value.encode(errors='replace')).hexdigest()}" in profiles
        )
    if name == "apparmor":
        return value in options.app_armor_profiles
    if name == "label":
        key, _, content = value.partition(":")
        return _is_label(key, content, options)
    return False


def _is_label(key: str, value: Any, options: SecurityModuleOptions) -> bool:  # noqa: ANN401 - any JSON value
    """Whether a part of a SELinux label is one that keeps the container confined."""
    if key == "type":
        return value in options.se_linux_types
    return key == "level" and isinstance(value, str) and bool(LEVEL_PATTERN.fullmatch(value))


def _security_modules(resource: Resource, scope: Scope[SecurityModuleOptions]) -> Iterator[Finding]:
    allowed = "nothing that loosens seccomp, AppArmor, SELinux or the protected system paths"
    if resource.container.is_service:
        for key in ("disable", "user", "role", "type", "level"):
            value = resource.get(join(_SE_LINUX, key))
            if value is UNKNOWN or is_unset(value) or (key == "disable" and flag(value) is False):
                continue
            if not _is_label(key, value, scope.options):
                yield Finding(join(_SE_LINUX, key), value, allowed)
    path = "securityOpts" if resource.type in WORKLOADS else _BUILD_SECURITY
    for item in _each(resource.container.field(path)):
        option = text(item.value)
        if option is None or not _is_known_option(option, scope.options):
            yield Finding(item.path or "", item.value, allowed)


def _is_host(value: object) -> bool:
    return isinstance(value, str) and value.strip().casefold() == "host"


def _modes(resource: Resource, options: NamespaceOptions) -> Iterator[Finding]:
    """Findings in the modes of a container; a service has none."""
    for key, known in NAMESPACES.items():
        mode = resource.get(key)
        if not is_unset(mode) and mode is not UNKNOWN and text(mode) not in known:
            yield Finding(key, mode, " or ".join((*(f"`{word}`" for word in sorted(known)), "unset")))
    yield from _network_mode(resource, "networkMode")
    parent = resource.get("cgroupParent")
    if not is_unset(parent) and parent is not UNKNOWN and parent not in options.cgroup_parents:
        yield Finding("cgroupParent", parent, "unset")


def _network_mode(resource: Resource, path: str) -> Iterator[Finding]:
    mode = resource.get(path)
    if not is_unset(mode) and mode is not UNKNOWN:
        name = text(mode)
        if name is None or _is_host(name) or not NETWORK_PATTERN.fullmatch(name):
            yield Finding(path, mode, "bridge, none or the name of a network of its own")


def _namespaces(resource: Resource, scope: Scope[NamespaceOptions]) -> Iterator[Finding]:
    if resource.type in BUILD_NETWORKS:
        yield from _network_mode(resource, BUILD_NETWORKS[resource.type])
        return
    if not resource.container.is_service:
        yield from _modes(resource, scope.options)
    networks = resource.container.field("networksAdvanced")
    for index, network in items(networks.value):
        for key in ("name", "id"):
            value = entries(network).get(key)
            if _is_host(value):
                yield Finding(f"{networks.path}[{index}].{key}", value, "a network of its own")


def _devices(resource: Resource, scope: Scope[DeviceOptions]) -> Iterator[Finding]:
    container = resource.container
    if container.is_service:
        yield from (
            Finding(item.path or "", item.value, "no generic resources")
            for item in _each(Field(_GENERIC_RESOURCES, resource.get(_GENERIC_RESOURCES)))
        )
        runtime = resource.get(_TASK_RUNTIME)
        # A plugin runs with whatever privileges it asks for.
        if not is_unset(runtime) and runtime is not UNKNOWN and runtime != "container":
            yield Finding(_TASK_RUNTIME, runtime, "container or unset")
        return
    for key in ("devices", "deviceRequests", "deviceCgroupRules", "gpus"):
        for item in _each(container.field(key)):
            yield Finding(item.path or "", item.value, "no devices")
    field = container.field("runtime")
    if not field.unset and not field.unknown and field.value not in scope.options.runtimes:
        yield Finding(field.path or "", field.value, "unset, or a runtime that the pack's config allows")


def _sysctl(name: str) -> str:
    """The name with dots, as runc reads it: where a slash comes first, slashes separate and dots are literal.

    >>> [_sysctl(name) for name in ("net.ipv4.tcp_rmem", "net/ipv4/tcp_rmem", "net.ipv4/x")]
    ['net.ipv4.tcp_rmem', 'net.ipv4.tcp_rmem', 'net.ipv4/x']
    """
    dot, slash = name.find("."), name.find("/")
    return name if slash == -1 or -1 < dot < slash else name.translate(_SWAP_SEPARATORS)


def _sysctls(resource: Resource, scope: Scope[Options]) -> Iterator[Finding]:
    field = resource.container.field("sysctls")
    allowed = "only sysctls that Kubernetes calls safe"
    if not (field.unset or field.unknown or isinstance(field.value, dict)):
        yield Finding(field.path or "", field.value, allowed)
    for name, value in entries(field.value).items():
        if _sysctl(name) not in SAFE_SYSCTLS:
            yield Finding(join(field.path or "", name), value, allowed)
    yield from _endpoint_sysctls(resource)


def _endpoint_sysctls(resource: Resource) -> Iterator[Finding]:
    """Sysctls that are set on a network's interface in the container, by an option of the network's driver."""
    networks = resource.container.field("networksAdvanced")
    for index, network in items(networks.value):
        options = [text(option) or "" for _, option in items(entries(network).get("driverOpts"))]
        if any(option.strip().startswith(ENDPOINT_SYSCTLS) for option in options):
            yield Finding(f"{networks.path}[{index}].driverOpts", ENDPOINT_SYSCTLS, "no sysctls of an interface")


RULES = (
    Rule(
        id="DKR-USER",
        title="A numeric user and group that aren't root",
        level=Level.MANDATORY,
        severity=Severity.HIGH,
        sources=("CIS Docker 1.6, 4.1", "Kubernetes PSS restricted", "OWASP Docker #2"),
        reads={
            CONTAINER: ("user", "groupAdds"),
            SERVICE: ("taskSpec.containerSpec.user", "taskSpec.containerSpec.groups"),
        },
        why="Root in a container is root on the host as soon as one more wall falls. A name is only as good as "
        "the image's `/etc/passwd`, a user without a group gets root's or the image's groups, and an image's own "
        "USER can change with its next build.",
        fix="Set `user` to numbers, such as `10001:10001`, and give additional groups as numbers too.",
        check=_user,
    ),
    Rule(
        id="DKR-PRIV",
        title="No privileged containers",
        level=Level.MANDATORY,
        severity=Severity.CRITICAL,
        sources=("CIS Docker 1.6, 5.5",),
        reads={CONTAINER: ("privileged",)},
        why="A privileged container has every capability and device of the host: root in it is root on the host.",
        fix="Remove `privileged`. Grant the one capability that is needed, if it is among those that DKR-CAPS allows.",
        check=_privileged,
        waivable=False,
    ),
    Rule(
        id="DKR-CAPS",
        title="No capabilities but NET_BIND_SERVICE",
        level=Level.MANDATORY,
        severity=Severity.HIGH,
        sources=("CIS Docker 1.6, 5.4", "Kubernetes PSS restricted", "OWASP Docker #3"),
        reads={
            CONTAINER: ("capabilities",),
            SERVICE: ("taskSpec.containerSpec.capDrops", "taskSpec.containerSpec.capAdds"),
        },
        why="Docker grants fourteen capabilities by default, among them those to forge packets, to pass over file "
        "permissions and to become another user. A service that listens on a port needs none of them.",
        fix='Drop them all (`drops: ["ALL"]`; `capDrops` of a service) and add at most `NET_BIND_SERVICE`.',
        check=_capabilities,
    ),
    Rule(
        id="DKR-NNP",
        title="No new privileges",
        level=Level.MANDATORY,
        severity=Severity.HIGH,
        sources=("CIS Docker 1.6, 5.26", "Kubernetes PSS restricted", "OWASP Docker #4"),
        reads={CONTAINER: ("securityOpts",)},
        why="Without it a setuid program in the image, such as `su` or `mount`, turns an ordinary user into root.",
        fix="Add `no-new-privileges:true` to `securityOpts`, once.",
        check=_no_new_privileges,
    ),
    Rule(
        id="DKR-LSM",
        title="seccomp, AppArmor and SELinux stay on",
        level=Level.MANDATORY,
        severity=Severity.HIGH,
        sources=(
            "CIS Docker 1.6, 5.2",
            "CIS Docker 1.6, 5.3",
            "CIS Docker 1.6, 5.22",
            "Kubernetes PSS restricted",
            "OWASP Docker #6",
        ),
        reads={
            CONTAINER: ("securityOpts",),
            SERVICE: (_SE_LINUX,),
            REMOTE_IMAGE: (_BUILD_SECURITY,),
            REGISTRY_IMAGE: (_BUILD_SECURITY,),
        },
        why="Docker's default profiles refuse the system calls and paths that container escapes are made of. One "
        "option switches each of them off.",
        fix="Remove the option, so that Docker's default holds. A stricter profile of your own is allowed by its "
        "name, or by the digest of its text, in the pack's config.",
        check=_security_modules,
        options=SecurityModuleOptions,
    ),
    Rule(
        id="DKR-NS",
        title="No namespaces of the host or of another container",
        level=Level.MANDATORY,
        severity=Severity.HIGH,
        sources=(
            "CIS Docker 1.6, 5.10",
            "CIS Docker 1.6, 5.16",
            "CIS Docker 1.6, 5.17",
            "CIS Docker 1.6, 5.25",
            "CIS Docker 1.6, 5.31",
            "Kubernetes PSS baseline",
        ),
        reads={
            CONTAINER: (*NAMESPACES, "networkMode", "networksAdvanced", "cgroupParent"),
            SERVICE: ("taskSpec.networksAdvanceds",),
            **{type_: (path,) for type_, path in BUILD_NETWORKS.items()},
        },
        why="Namespaces are the walls of a container. In the host's, it reaches every local port, process and shared "
        "memory; in another container's, it is part of that container.",
        fix="Remove the mode. Connect containers over a network of their own, and share files in a volume.",
        check=_namespaces,
        options=NamespaceOptions,
    ),
    Rule(
        id="DKR-DEV",
        title="No devices of the host",
        level=Level.MANDATORY,
        severity=Severity.HIGH,
        sources=("CIS Docker 1.6, 5.18",),
        reads={
            CONTAINER: ("devices", "deviceRequests", "deviceCgroupRules", "gpus", "runtime"),
            SERVICE: (_GENERIC_RESOURCES, _TASK_RUNTIME),
        },
        why="A device is reached past the file system and its permissions: a disk gives away every file, a GPU the "
        "memory of its other users. Another runtime can hand out devices by itself.",
        fix="Remove the devices. Allow a sandboxed runtime by its name (`runtimes`) in the pack's config.",
        check=_devices,
        options=DeviceOptions,
    ),
    Rule(
        id="DKR-SYSCTL",
        title="Safe sysctls only",
        level=Level.MANDATORY,
        severity=Severity.MEDIUM,
        sources=("Kubernetes PSS baseline",),
        reads={
            CONTAINER: ("sysctls", "networksAdvanced"),
            SERVICE: ("taskSpec.containerSpec.sysctl", "taskSpec.networksAdvanceds"),
        },
        why="Most kernel parameters are the whole host's, or let one container starve the others.",
        fix="Remove the parameter, or set it on the host for all, on purpose.",
        check=_sysctls,
    ),
)
