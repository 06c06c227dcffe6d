"""Who a container runs as, and what the kernel lets it do."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

import pydantic
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from policies.docker.isolation.devices import DeviceOptions
from policies.docker.isolation.namespaces import NamespaceOptions
from policies.docker.isolation.security_options import SecurityModuleOptions
from policies.docker.isolation.user import MAX_ID
from policies.resource import IMAGE, REGISTRY_IMAGE, REMOTE_IMAGE
from policies.values import UNKNOWN
from tests.policies.cases import Case, Kind, of_each_rule, run, run_all
from tests.policies.compliant import UNSET, carrier, container, make, service

SPEC = "taskSpec.containerSpec"
SE_LINUX = f"{SPEC}.privileges.seLinuxContext"
RESERVATION = "taskSpec.resources.reservation"
NNP = "no-new-privileges:true"

PROFILE = json.dumps({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW"}]})
PROFILE_DIGEST = f"sha256:{hashlib.sha256(PROFILE.encode()).hexdigest()}"


def _user(kind: Kind, what: str, user: object) -> tuple[Case, ...]:
    """The same user in a container, in a carrier and in a service."""
    passes = kind in ("passing", "unknown")
    path = f"{SPEC}.user"
    return (
        Case("DKR-USER", kind, f"{what} container", (container({"user": user}),), () if passes else ("user",)),
        Case("DKR-USER", kind, f"{what} carrier", (carrier({"user": user}),), () if passes else ("user",)),
        Case("DKR-USER", kind, f"{what} service", (service({path: user}),), () if passes else (path,)),
    )


def _options(rule: str, kind: Kind, what: str, *options: object, found: tuple[int, ...] = (), **more: object) -> Case:
    """A container with those security options, of which some are found by their indexes."""
    paths = tuple("securityOpts" if index < 0 else f"securityOpts[{index}]" for index in found)
    return Case(rule, kind, what, (container({"securityOpts": list(options)}),), paths, **more)


USER = (
    *_user("passing", "given", "10003:10003"),
    *_user("passing", "highest", f"{MAX_ID}:{MAX_ID}"),
    *_user("passing", "leading zeros", "01000:01000"),
    *_user("failing", "unset", UNSET),
    *_user("failing", "root", "root"),
    *_user("failing", "zero", "0:0"),
    *_user("failing", "no group", "1000"),
    *_user("bypass", "null", None),
    *_user("bypass", "empty", ""),
    *_user("bypass", "root group", "1000:0"),
    *_user("bypass", "root user", "0:1000"),
    *_user("bypass", "zero with zeros", "000:1000"),
    *_user("bypass", "signed zero", "-0:1000"),
    *_user("bypass", "plus sign", "+0:1000"),
    *_user("bypass", "negative", "-1:-1"),
    *_user("bypass", "names", "app:app"),
    *_user("bypass", "group by name", "1000:root"),
    *_user("bypass", "empty group", "1000:"),
    *_user("bypass", "empty user", ":1000"),
    *_user("bypass", "only a colon", ":"),
    *_user("bypass", "three parts", "1000:1000:0"),
    *_user("bypass", "leading space", " 1000:1000"),
    *_user("bypass", "trailing newline", "1000:1000\n"),
    *_user("bypass", "hexadecimal zero", "0x0:1000"),
    *_user("bypass", "underscore", "1_000:1000"),
    *_user("bypass", "other digits", "\u0661\u0660:\u0661\u0660"),
    *_user("bypass", "superscript", "\u00b9:\u00b9"),
    *_user("bypass", "fraction", "0.5:0.5"),
    *_user("bypass", "wraps to zero", f"{2**32}:{2**32}"),
    *_user("bypass", "above the highest", f"{MAX_ID + 1}:1000"),
    *_user("bypass", "a very long number", f"{'9' * 5000}:1000"),
    *_user("bypass", "number", 1000.0),
    *_user("bypass", "zero as number", 0.0),
    *_user("bypass", "boolean", True),
    *_user("bypass", "list", ["1000:1000"]),
    *_user("unknown", "unknown", UNKNOWN),
    Case("DKR-USER", "passing", "group numbers", (container({"groupAdds": ["20001", "20002"]}),)),
    Case("DKR-USER", "passing", "group as a number", (container({"groupAdds": [20001.0]}),)),
    Case("DKR-USER", "failing", "root group by name", (container({"groupAdds": ["root"]}),), ("groupAdds[0]",)),
    Case("DKR-USER", "failing", "docker group", (container({"groupAdds": ["20001", "docker"]}),), ("groupAdds[1]",)),
    Case("DKR-USER", "failing", "root group", (container({"groupAdds": ["0"]}),), ("groupAdds[0]",)),
    Case("DKR-USER", "bypass", "group of zeros", (container({"groupAdds": ["000"]}),), ("groupAdds[0]",)),
    Case("DKR-USER", "bypass", "group zero as number", (container({"groupAdds": [0.0]}),), ("groupAdds[0]",)),
    Case(
        "DKR-USER",
        "bypass",
        "signed group",
        (container({"groupAdds": ["+0", "-0"]}),),
        ("groupAdds[0]", "groupAdds[1]"),
    ),
    Case("DKR-USER", "bypass", "group with space", (container({"groupAdds": [" 0"]}),), ("groupAdds[0]",)),
    Case("DKR-USER", "bypass", "no list", (container({"groupAdds": "docker"}),), ("groupAdds",)),
    Case("DKR-USER", "bypass", "carrier's group", (carrier({"groupAdds": ["disk"]}),), ("groupAdds[0]",)),
    Case("DKR-USER", "bypass", "service's group", (service({f"{SPEC}.groups": ["0"]}),), (f"{SPEC}.groups[0]",)),
    Case("DKR-USER", "unknown", "groups", (container({"groupAdds": UNKNOWN}),)),
    Case("DKR-USER", "unknown", "one of the groups", (container({"groupAdds": [UNKNOWN, "0"]}),), ("groupAdds[1]",)),
)

PRIVILEGED = (
    Case("DKR-PRIV", "passing", "unset", (container(),)),
    Case("DKR-PRIV", "passing", "false", (container({"privileged": False}),)),
    Case("DKR-PRIV", "failing", "true", (container({"privileged": True}),), ("privileged",)),
    Case("DKR-PRIV", "bypass", "as text", (container({"privileged": "True"}),), ("privileged",)),
    Case("DKR-PRIV", "bypass", "as number", (container({"privileged": 1.0}),), ("privileged",)),
    Case("DKR-PRIV", "bypass", "carrier", (carrier({"privileged": True}),), ("privileged",)),
    Case("DKR-PRIV", "unknown", "unknown", (container({"privileged": UNKNOWN}),)),
)

DROPS, ADDS = "capabilities.drops", "capabilities.adds"


def _adds(kind: Kind, what: str, *adds: object, found: tuple[int, ...] = ()) -> tuple[Case, ...]:
    paths = tuple(f"[{index}]" for index in found)
    in_container, in_service = container({ADDS: list(adds)}), service({f"{SPEC}.capAdds": list(adds)})
    return (
        Case("DKR-CAPS", kind, f"{what} container", (in_container,), tuple(f"{ADDS}{path}" for path in paths)),
        Case("DKR-CAPS", kind, f"{what} service", (in_service,), tuple(f"{SPEC}.capAdds{path}" for path in paths)),
    )


CAPABILITIES = (
    Case("DKR-CAPS", "passing", "all dropped", (container(), carrier(), service())),
    Case("DKR-CAPS", "passing", "in lower case", (container({DROPS: ["all"]}),)),
    Case("DKR-CAPS", "passing", "among others", (container({DROPS: ["CAP_CHOWN", "ALL"]}),)),
    Case("DKR-CAPS", "passing", "a list of one block", (container({"capabilities": [{"drops": ["ALL"]}]}),)),
    *_adds("passing", "the allowed one", "NET_BIND_SERVICE"),
    *_adds("passing", "with prefix, in lower case", "cap_net_bind_service"),
    Case("DKR-CAPS", "failing", "no capabilities", (container({"capabilities": UNSET}),), (DROPS,)),
    Case("DKR-CAPS", "failing", "no drops", (container({"capabilities": {"adds": []}}),), (DROPS,)),
    Case("DKR-CAPS", "failing", "empty drops", (container({DROPS: []}),), (DROPS,)),
    Case("DKR-CAPS", "failing", "some dropped", (container({DROPS: ["NET_RAW", "SYS_ADMIN"]}),), (DROPS,)),
    Case("DKR-CAPS", "failing", "service", (service({f"{SPEC}.capDrops": UNSET}),), (f"{SPEC}.capDrops",)),
    *_adds("failing", "another one", "NET_BIND_SERVICE", "SYS_ADMIN", found=(1,)),
    Case("DKR-CAPS", "bypass", "prefixed all", (container({DROPS: ["CAP_ALL"]}),), (DROPS,)),
    Case("DKR-CAPS", "bypass", "all with space", (container({DROPS: ["ALL "]}),), (DROPS,)),
    Case("DKR-CAPS", "bypass", "two blocks", (container({"capabilities": [{"drops": ["ALL"]}, {}]}),), (DROPS,)),
    Case("DKR-CAPS", "bypass", "carrier", (carrier({DROPS: []}),), (DROPS,)),
    *_adds("bypass", "all", "ALL", found=(0,)),
    *_adds("bypass", "all in lower case", "all", found=(0,)),
    *_adds("bypass", "prefix and mixed case", "Cap_Sys_Admin", found=(0,)),
    *_adds("bypass", "two prefixes", "CAP_CAP_NET_BIND_SERVICE", found=(0,)),
    *_adds("bypass", "space", " NET_BIND_SERVICE", found=(0,)),
    *_adds("bypass", "several in one", "NET_BIND_SERVICE,SYS_ADMIN", found=(0,)),
    *_adds("bypass", "a number", 21.0, found=(0,)),
    Case("DKR-CAPS", "bypass", "adds are no list", (container({ADDS: "SYS_ADMIN"}),), (ADDS,)),
    Case("DKR-CAPS", "unknown", "all of it", (container({"capabilities": UNKNOWN}),)),
    Case("DKR-CAPS", "unknown", "one of the drops", (container({DROPS: [UNKNOWN]}),)),
    *_adds("unknown", "one of the adds", UNKNOWN, "SYS_PTRACE", found=(1,)),
)

NO_NEW_PRIVILEGES = (
    Case("DKR-NNP", "passing", "given", (container(), carrier())),
    Case("DKR-NNP", "passing", "service has no such property", (service(),)),
    _options("DKR-NNP", "passing", "alone", "no-new-privileges"),
    _options("DKR-NNP", "passing", "equals sign", "no-new-privileges=true"),
    _options("DKR-NNP", "passing", "as Go reads true", "no-new-privileges=T"),
    _options("DKR-NNP", "passing", "twice", NNP, "no-new-privileges"),
    Case("DKR-NNP", "failing", "unset", (container({"securityOpts": UNSET}),), ("securityOpts",)),
    _options("DKR-NNP", "failing", "empty", found=(-1,)),
    _options("DKR-NNP", "failing", "false", "no-new-privileges:false", found=(0,)),
    _options("DKR-NNP", "failing", "another one", "label=level:s0:c1,c2", found=(-1,)),
    _options("DKR-NNP", "bypass", "taken back", NNP, "no-new-privileges=false", found=(1,)),
    _options("DKR-NNP", "bypass", "taken back before", "no-new-privileges:false", NNP, found=(0,)),
    _options("DKR-NNP", "bypass", "taken back with 0", "no-new-privileges", "no-new-privileges=0", found=(1,)),
    _options("DKR-NNP", "bypass", "no truth value", "no-new-privileges:yes", found=(0,)),
    _options("DKR-NNP", "bypass", "empty value", "no-new-privileges=", found=(0,)),
    _options("DKR-NNP", "bypass", "both separators", "no-new-privileges:true=", found=(-1,)),
    _options("DKR-NNP", "bypass", "capital letters", "No-New-Privileges:true", found=(-1,)),
    _options("DKR-NNP", "bypass", "space before", " no-new-privileges:true", found=(-1,)),
    _options("DKR-NNP", "bypass", "space after", "no-new-privileges:true ", found=(0,)),
    _options("DKR-NNP", "bypass", "in another option", "label=no-new-privileges:true", found=(-1,)),
    _options("DKR-NNP", "bypass", "underscores", "no_new_privileges:true", found=(-1,)),
    Case("DKR-NNP", "passing", "no list", (container({"securityOpts": NNP}),)),
    Case("DKR-NNP", "bypass", "carrier", (carrier({"securityOpts": []}),), ("securityOpts",)),
    Case("DKR-NNP", "unknown", "unknown", (container({"securityOpts": UNKNOWN}),)),
    _options("DKR-NNP", "unknown", "one of them", UNKNOWN),
    _options("DKR-NNP", "unknown", "one of them, and taken back", UNKNOWN, "no-new-privileges=f", found=(1,)),
)


def _label(kind: Kind, what: str, key: str, value: object, *, found: bool = True) -> tuple[Case, ...]:
    """The same SELinux label in a container and in a service."""
    path = f"{SE_LINUX}.{key}"
    return (
        _options("DKR-LSM", kind, f"label {what} container", NNP, f"label={key}:{value}", found=(1,) if found else ()),
        Case("DKR-LSM", kind, f"label {what} service", (service({path: value}),), (path,) if found else ()),
    )


SECURITY_MODULES = (
    Case(
        "DKR-LSM",
        "bypass",
        "a build",
        (
            make(REMOTE_IMAGE, {"build": {"securityOpts": ["seccomp=unconfined"]}}),
            make(REGISTRY_IMAGE, {"build": [{"securityOpts": ["no-new-privileges", "label:disable"]}]}),
        ),
        ("build.securityOpts[0]", "build.securityOpts[1]"),
    ),
    Case("DKR-LSM", "unknown", "a build", (make(REMOTE_IMAGE, {"build": {"securityOpts": [UNKNOWN]}}),)),
    Case("DKR-LSM", "passing", "nothing loosened", (container(), carrier(), service())),
    Case("DKR-LSM", "passing", "unset", (container({"securityOpts": UNSET}),)),
    _options("DKR-LSM", "passing", "the defaults by name", NNP, "seccomp=builtin", "apparmor=docker-default"),
    _options("DKR-LSM", "passing", "with colons", "seccomp:builtin", "apparmor:docker-default"),
    _options(
        "DKR-LSM",
        "passing",
        "a profile by its digest",
        f"seccomp={PROFILE}",
        options={"seccompProfiles": [PROFILE_DIGEST]},
    ),
    _options(
        "DKR-LSM",
        "passing",
        "an AppArmor profile",
        "apparmor=tasktracker",
        options={"appArmorProfiles": ["tasktracker"]},
    ),
    *_label("passing", "type", "type", "container_t", found=False),
    *_label("passing", "level", "level", "s0:c1,c2", found=False),
    Case("DKR-LSM", "passing", "label not disabled", (service({f"{SE_LINUX}.disable": False}),)),
    _options("DKR-LSM", "failing", "no seccomp", NNP, "seccomp=unconfined", found=(1,)),
    _options("DKR-LSM", "failing", "no AppArmor", NNP, "apparmor=unconfined", found=(1,)),
    _options("DKR-LSM", "failing", "no masked paths", NNP, "systempaths=unconfined", found=(1,)),
    _options("DKR-LSM", "failing", "no SELinux", NNP, "label=disable", found=(1,)),
    Case("DKR-LSM", "failing", "service without", (service({f"{SE_LINUX}.disable": True}),), (f"{SE_LINUX}.disable",)),
    *_label("failing", "super privileged type", "type", "spc_t"),
    _options(
        "DKR-LSM", "bypass", "colons", "seccomp:unconfined", "apparmor:unconfined", "label:disable", found=(0, 1, 2)
    ),
    _options("DKR-LSM", "bypass", "the old label option", "disable", found=(0,)),
    _options("DKR-LSM", "bypass", "later default", "seccomp=unconfined", "seccomp=builtin", found=(0,)),
    _options("DKR-LSM", "bypass", "capital letters", "Seccomp=Unconfined", found=(0,)),
    _options(
        "DKR-LSM", "bypass", "spaces", "seccomp= unconfined", " seccomp=unconfined", "seccomp=builtin ", found=(0, 1, 2)
    ),
    _options("DKR-LSM", "bypass", "a profile of one's own", f"seccomp={PROFILE}", found=(0,)),
    _options(
        "DKR-LSM",
        "bypass",
        "a changed profile",
        f"seccomp={PROFILE} ",
        found=(0,),
        options={"seccompProfiles": [PROFILE_DIGEST]},
    ),
    _options(
        "DKR-LSM", "bypass", "a profile that allows all", 'seccomp={"defaultAction":"SCMP_ACT_ALLOW"}', found=(0,)
    ),
    _options("DKR-LSM", "bypass", "a profile's path", "seccomp=/etc/docker/profile.json", found=(0,)),
    _options("DKR-LSM", "bypass", "empty profile", "seccomp=", found=(0,)),
    _options("DKR-LSM", "bypass", "another AppArmor profile", "apparmor=docker-default//&unconfined", found=(0,)),
    _options("DKR-LSM", "bypass", "writable cgroups", "writable-cgroups", "writable-cgroups=true", found=(0, 1)),
    _options("DKR-LSM", "bypass", "nested label", "label=nested", found=(0,)),
    _options("DKR-LSM", "bypass", "unheard of", "proc-opts=all", "unmask=ALL", "mask", found=(0, 1, 2)),
    *_label("bypass", "range of all categories", "level", "s0-s0:c0.c1023"),
    *_label("bypass", "user", "user", "unconfined_u"),
    *_label("bypass", "role", "role", "unconfined_r"),
    *_label("bypass", "unconfined type", "type", "unconfined_t"),
    *_label("bypass", "type with space", "type", "container_t "),
    Case(
        "DKR-LSM", "bypass", "disabled as text", (service({f"{SE_LINUX}.disable": "true"}),), (f"{SE_LINUX}.disable",)
    ),
    Case(
        "DKR-LSM",
        "bypass",
        "a block as a list",
        (service({f"{SPEC}.privileges": [{"seLinuxContext": [{"disable": True}]}]}),),
        (f"{SE_LINUX}.disable",),
    ),
    Case("DKR-LSM", "bypass", "no list", (container({"securityOpts": "label=disable"}),), ("securityOpts",)),
    Case("DKR-LSM", "bypass", "carrier", (carrier({"securityOpts": ["label=disable"]}),), ("securityOpts[0]",)),
    _options("DKR-LSM", "unknown", "one of them", UNKNOWN, "seccomp=unconfined", found=(1,)),
    Case("DKR-LSM", "unknown", "all of them", (container({"securityOpts": UNKNOWN}),)),
    Case("DKR-LSM", "unknown", "service", (service({f"{SPEC}.privileges": UNKNOWN}),)),
)


def _mode(kind: Kind, key: str, value: object, **more: object) -> Case:
    found = (key,) if kind in ("failing", "bypass") else ()
    return Case("DKR-NS", kind, f"{key} {value!r}", (container({key: value}),), found, **more)


NETWORKS = "taskSpec.networksAdvanceds"

NAMESPACES = (
    Case("DKR-NS", "passing", "compliant", (container(), carrier(), service())),
    *(
        Case(
            "DKR-NS",
            "bypass",
            f"a build in {mode}",
            (
                make(REMOTE_IMAGE, {"name": "x:1", "build": {"context": ".", "networkMode": mode}}),
                make(REGISTRY_IMAGE, {"name": "x:1", "build": [{"context": ".", "networkMode": mode}]}),
                make(IMAGE, {"imageName": "x:1", "build": {"context": ".", "network": mode}}),
            ),
            ("build.networkMode", "build.networkMode", "build.network"),
        )
        for mode in ("host", " Host", "container:x")
    ),
    Case(
        "DKR-NS",
        "passing",
        "builds",
        tuple(
            make(REMOTE_IMAGE, {"name": "x:1", "build": build})
            for build in (None, {}, {"context": "."}, {"networkMode": "none"}, {"networkMode": "default"})
        ),
    ),
    Case("DKR-NS", "unknown", "a build's network", (make(REMOTE_IMAGE, {"build": {"networkMode": UNKNOWN}}),)),
    _mode("bypass", "utsMode", "host"),
    _mode("passing", "utsMode", ""),
    *(
        _mode("passing", "networkMode", mode)
        for mode in ("bridge", "none", "default", "tasktracker-prod-edge", "", None)
    ),
    *(_mode("passing", "ipcMode", mode) for mode in ("private", "none", "", None)),
    *(_mode("passing", key, "") for key in ("pidMode", "usernsMode", "cgroupnsMode", "cgroupParent")),
    _mode("passing", "cgroupnsMode", "private"),
    _mode("passing", "cgroupParent", "tasktracker.slice", options={"cgroupParents": ["tasktracker.slice"]}),
    *(_mode("failing", key, "host") for key in ("networkMode", "pidMode", "ipcMode", "usernsMode", "cgroupnsMode")),
    *(_mode("failing", key, "container:postgres") for key in ("networkMode", "pidMode", "ipcMode")),
    _mode("failing", "ipcMode", "shareable"),
    _mode("failing", "cgroupParent", "/"),
    *(_mode("bypass", key, "HOST") for key in ("networkMode", "pidMode", "ipcMode", "usernsMode", "cgroupnsMode")),
    *(_mode("bypass", key, " host ") for key in ("networkMode", "pidMode", "ipcMode", "usernsMode", "cgroupnsMode")),
    *(_mode("bypass", key, ["host"]) for key in ("networkMode", "pidMode", "ipcMode", "usernsMode", "cgroupnsMode")),
    *(
        _mode("bypass", "networkMode", mode)
        for mode in ("Container:x", "container:", "ns:/proc/1/ns/net", "/proc/1/ns/net")
    ),
    *(_mode("bypass", "networkMode", mode) for mode in ("host\n", "bridge host", True)),
    *(_mode("bypass", "ipcMode", mode) for mode in ("container:", "ns:/proc/1/ns/ipc", "Private")),
    *(_mode("bypass", "pidMode", mode) for mode in ("container:", "ns:/proc/1/ns/pid")),
    *(_mode("bypass", "usernsMode", mode) for mode in ("keep-id", "ns:/proc/1/ns/user")),
    *(_mode("bypass", "cgroupParent", mode) for mode in ("/docker/../", "system.slice")),
    Case("DKR-NS", "bypass", "carrier", (carrier({"pidMode": "host"}),), ("pidMode",)),
    Case(
        "DKR-NS",
        "bypass",
        "a network",
        (container({"networksAdvanced": [{"name": "Host"}]}),),
        ("networksAdvanced[0].name",),
    ),
    Case("DKR-NS", "failing", "service", (service({NETWORKS: [{"name": "host"}]}),), (f"{NETWORKS}[0].name",)),
    Case(
        "DKR-NS",
        "bypass",
        "service's second network",
        (service({NETWORKS: [{"name": "edge"}, {"id": "host"}]}),),
        (f"{NETWORKS}[1].id",),
    ),
    *(_mode("unknown", key, UNKNOWN) for key in ("networkMode", "pidMode", "ipcMode", "usernsMode", "cgroupnsMode")),
    Case(
        "DKR-NS",
        "unknown",
        "a network",
        (container({"networksAdvanced": [UNKNOWN, {"name": UNKNOWN}, {"name": "host"}]}),),
        ("networksAdvanced[2].name",),
    ),
)


def _device(kind: Kind, what: str, changes: dict[str, object], *found: str, **more: object) -> Case:
    return Case("DKR-DEV", kind, what, (container(changes),), found, **more)


DEVICES = (
    Case("DKR-DEV", "passing", "none", (container(), carrier(), service())),
    _device("passing", "empty", {"devices": [], "deviceRequests": [], "deviceCgroupRules": [], "gpus": ""}),
    _device("passing", "runc", {"runtime": "runc"}),
    _device("passing", "runc's other name", {"runtime": "io.containerd.runc.v2"}),
    _device("passing", "a sandbox", {"runtime": "runsc"}, options={"runtimes": ["runc", "runsc"]}),
    Case("DKR-DEV", "passing", "a container task", (service({"taskSpec.runtime": "container"}),)),
    _device("failing", "a device", {"devices": [{"hostPath": "/dev/sda"}]}, "devices[0]"),
    _device("failing", "a request", {"deviceRequests": [{"driver": "nvidia", "count": -1.0}]}, "deviceRequests[0]"),
    _device("failing", "GPUs", {"gpus": "all"}, "gpus"),
    _device("failing", "a cgroup rule", {"deviceCgroupRules": ["a *:* rwm"]}, "deviceCgroupRules[0]"),
    _device("failing", "another runtime", {"runtime": "nvidia"}, "runtime"),
    Case(
        "DKR-DEV",
        "failing",
        "service's resources",
        (service({f"{RESERVATION}.genericResources": {"namedResourcesSpecs": ["GPU=UUID1"]}}),),
        (f"{RESERVATION}.genericResources",),
    ),
    _device("bypass", "a harmless device", {"devices": [{"hostPath": "/dev/null"}]}, "devices[0]"),
    _device("bypass", "the second one", {"devices": [{}, {"hostPath": "/dev//mem"}]}, "devices[1]"),
    _device("bypass", "no list", {"devices": {"hostPath": "/dev/kvm"}}, "devices"),
    _device(
        "bypass", "a request that counts none", {"deviceRequests": [{"deviceIds": ["x/y=all"]}]}, "deviceRequests[0]"
    ),
    _device("bypass", "GPUs in quotes", {"gpus": ' "all" '}, "gpus"),
    _device("bypass", "capital letters", {"runtime": "RunC"}, "runtime"),
    _device("bypass", "a runtime's path", {"runtime": "/usr/bin/runc"}, "runtime"),
    _device(
        "bypass",
        "a runtime that isn't allowed any more",
        {"runtime": "runc"},
        "runtime",
        options={"runtimes": ["runsc"]},
    ),
    Case("DKR-DEV", "bypass", "carrier", (carrier({"gpus": "device=0"}),), ("gpus",)),
    Case("DKR-DEV", "bypass", "a plugin task", (service({"taskSpec.runtime": "plugin"}),), ("taskSpec.runtime",)),
    Case(
        "DKR-DEV",
        "bypass",
        "resources as a list",
        (service({RESERVATION: [{"genericResources": [{"discreteResourcesSpecs": ["GPU=1"]}]}]}),),
        (f"{RESERVATION}.genericResources[0]",),
    ),
    _device("unknown", "all", {"devices": UNKNOWN, "gpus": UNKNOWN, "runtime": UNKNOWN, "deviceRequests": UNKNOWN}),
    _device("unknown", "one of them", {"devices": [UNKNOWN, {"hostPath": UNKNOWN}]}, "devices[1]"),
    Case(
        "DKR-DEV",
        "unknown",
        "service",
        (service({"taskSpec.resources.reservation": UNKNOWN, "taskSpec.runtime": UNKNOWN}),),
    ),
)


def _sysctl(kind: Kind, what: str, sysctls: object, *names: str) -> tuple[Case, ...]:
    path = f"{SPEC}.sysctl"
    return (
        Case(
            "DKR-SYSCTL",
            kind,
            f"{what} container",
            (container({"sysctls": sysctls}),),
            tuple(f"sysctls{name}" for name in names),
        ),
        Case(
            "DKR-SYSCTL", kind, f"{what} service", (service({path: sysctls}),), tuple(f"{path}{name}" for name in names)
        ),
    )


FORWARDING = "com.docker.network.endpoint.sysctls=net.ipv4.conf.IFNAME.forwarding=1"

SYSCTLS = (
    *_sysctl("passing", "unset", None),
    *_sysctl("passing", "none", {}),
    *_sysctl("passing", "safe", {"net.ipv4.tcp_keepalive_time": "600", "net.ipv4.ip_local_port_range": "1024 65535"}),
    *_sysctl("passing", "with slashes", {"net/ipv4/tcp_syncookies": "1"}),
    *_sysctl("failing", "unsafe", {"net.core.somaxconn": "65535"}, ".net.core.somaxconn"),
    *_sysctl("failing", "of the host", {"kernel.core_pattern": "|/bin/sh"}, ".kernel.core_pattern"),
    *_sysctl("bypass", "one of two", {"net.ipv4.tcp_rmem": "1", "kernel.msgmax": "1"}, ".kernel.msgmax"),
    *_sysctl("bypass", "unsafe with slashes", {"kernel/msgmax": "1"}, ".kernel/msgmax"),
    *_sysctl("bypass", "mixed", {"net.ipv4/tcp_rmem": "1"}, ".net.ipv4/tcp_rmem"),
    *_sysctl(
        "bypass", "up and down", {"net.ipv4./../kernel.shm_rmid_forced": "1"}, ".net.ipv4./../kernel.shm_rmid_forced"
    ),
    *_sysctl("bypass", "capital letters", {"Net.ipv4.tcp_rmem": "1"}, ".Net.ipv4.tcp_rmem"),
    *_sysctl("bypass", "space", {"net.ipv4.tcp_rmem ": "1"}, ".net.ipv4.tcp_rmem "),
    *_sysctl("bypass", "a longer name", {"net.ipv4.tcp_rmem.x": "1"}, ".net.ipv4.tcp_rmem.x"),
    *_sysctl("bypass", "unset value", {"kernel.sem": None}, ".kernel.sem"),
    *_sysctl("bypass", "a list", [{"name": "kernel.sem"}], ""),
    Case(
        "DKR-SYSCTL",
        "bypass",
        "of an interface",
        (container({"networksAdvanced": [{"name": "x", "driverOpts": [FORWARDING]}]}),),
        ("networksAdvanced[0].driverOpts",),
    ),
    Case(
        "DKR-SYSCTL",
        "bypass",
        "of an interface service",
        (service({"taskSpec.networksAdvanceds": [{"name": "x"}, {"name": "y", "driverOpts": ["a=b", FORWARDING]}]}),),
        ("taskSpec.networksAdvanceds[1].driverOpts",),
    ),
    *_sysctl("unknown", "unknown", UNKNOWN),
    *_sysctl("unknown", "value", {"net.ipv4.tcp_rmem": UNKNOWN, "kernel.sem": UNKNOWN}, ".kernel.sem"),
)

CASES = (
    *USER,
    *PRIVILEGED,
    *CAPABILITIES,
    *NO_NEW_PRIVILEGES,
    *SECURITY_MODULES,
    *NAMESPACES,
    *DEVICES,
    *SYSCTLS,
)


@of_each_rule(CASES)
def test_cases(cases: Sequence[Case]) -> None:
    run_all(cases)


IDS = st.integers(1, MAX_ID)
NOT_IDS = st.one_of(
    st.integers(max_value=0), st.integers(min_value=MAX_ID + 1), st.text(st.characters(blacklist_categories=["Nd"]))
)


@given(IDS, IDS, st.integers(0, 5), st.integers(0, 5))
def test_every_numeric_user_and_group_pass(user: int, group: int, zeros: int, more_zeros: int) -> None:
    written = f"{'0' * zeros}{user}:{'0' * more_zeros}{group}"
    run(Case("DKR-USER", "passing", "any", (container({"user": written, "groupAdds": [str(group)]}),)))


@given(st.one_of(IDS, NOT_IDS), NOT_IDS, st.booleans())
@example("1", "", False)
@example(1, "1:0", True)
def test_no_other_user_or_group_passes(one: int | str, other: int | str, swap: bool) -> None:
    user, group = (other, one) if swap else (one, other)
    run(Case("DKR-USER", "failing", "any", (container({"user": f"{user}:{group}"}),), ("user",)))


@given(st.text())
def test_a_text_passes_only_as_two_ids(user: str) -> None:
    first, _, second = user.partition(":")
    both = all(part.isascii() and part.isdigit() and 0 < int(part) <= MAX_ID for part in (first, second))
    run(Case("DKR-USER", "unknown", "any", (container({"user": user}),), () if both else ("user",)))


@pytest.mark.parametrize("name", ["unconfined", "Unconfined", " unconfined ", ""])
@pytest.mark.parametrize("option", ["seccompProfiles", "appArmorProfiles"])
def test_no_option_allows_an_unconfined_container(option: str, name: str) -> None:
    with pytest.raises(pydantic.ValidationError):
        SecurityModuleOptions.model_validate_json(json.dumps({option: [name]}))


def test_options_have_safe_defaults() -> None:
    assert "runc" in DeviceOptions().runtimes
    assert NamespaceOptions().cgroup_parents == ()
    assert SecurityModuleOptions().seccomp_profiles == ("builtin",)


def test_what_is_allowed_is_said() -> None:
    (found,) = run(Case("DKR-USER", "failing", "root", (container({"user": "root"}),), ("user",)))
    assert (found.value, found.allowed) == ("root", "uid:gid, two numbers from 1 to 2147483647")
    (found,) = run(Case("DKR-CAPS", "failing", "add", (container({ADDS: ["SYS_ADMIN"]}),), (f"{ADDS}[0]",)))
    assert (found.value, found.allowed) == ("SYS_ADMIN", "at most NET_BIND_SERVICE")
    (found,) = run(Case("DKR-NS", "failing", "ipc", (container({"ipcMode": "host"}),), ("ipcMode",)))
    assert found.allowed == "`none` or `private` or unset"
