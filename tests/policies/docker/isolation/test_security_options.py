"""The security options: no new privileges, and the kernel's security modules."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import pydantic
import pytest

from policies.docker.isolation.security_options import SecurityModuleOptions
from policies.resource import REGISTRY_IMAGE, REMOTE_IMAGE
from policies.values import UNKNOWN
from tests.policies.cases import Case, Kind, of_each_rule, run_all
from tests.policies.compliant import UNSET, carrier, container, make, service

SPEC = "taskSpec.containerSpec"
SE_LINUX = f"{SPEC}.privileges.seLinuxContext"

NNP = "no-new-privileges:true"

PROFILE = json.dumps({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW"}]})
PROFILE_DIGEST = f"sha256:{hashlib.sha256(PROFILE.encode()).hexdigest()}"


def opted(rule: str, kind: Kind, what: str, *options: object, found: tuple[int, ...] = (), **more: Any) -> Case:
    """A container with those security options, of which some are found by their indexes."""
    paths = tuple("securityOpts" if index < 0 else f"securityOpts[{index}]" for index in found)
    return Case(rule, kind, what, (container({"securityOpts": list(options)}),), paths, **more)


NO_NEW_PRIVILEGES = (
    Case("DKR-NNP", "passing", "given", (container(), carrier())),
    Case("DKR-NNP", "passing", "service has no such property", (service(),)),
    opted("DKR-NNP", "passing", "alone", "no-new-privileges"),
    opted("DKR-NNP", "passing", "equals sign", "no-new-privileges=true"),
    opted("DKR-NNP", "passing", "as Go reads true", "no-new-privileges=T"),
    opted("DKR-NNP", "passing", "twice", NNP, "no-new-privileges"),
    Case("DKR-NNP", "failing", "unset", (container({"securityOpts": UNSET}),), ("securityOpts",)),
    opted("DKR-NNP", "failing", "empty", found=(-1,)),
    opted("DKR-NNP", "failing", "false", "no-new-privileges:false", found=(0,)),
    opted("DKR-NNP", "failing", "another one", "label=level:s0:c1,c2", found=(-1,)),
    opted("DKR-NNP", "bypass", "taken back", NNP, "no-new-privileges=false", found=(1,)),
    opted("DKR-NNP", "bypass", "taken back before", "no-new-privileges:false", NNP, found=(0,)),
    opted("DKR-NNP", "bypass", "taken back with 0", "no-new-privileges", "no-new-privileges=0", found=(1,)),
    opted("DKR-NNP", "bypass", "no truth value", "no-new-privileges:yes", found=(0,)),
    opted("DKR-NNP", "bypass", "empty value", "no-new-privileges=", found=(0,)),
    opted("DKR-NNP", "bypass", "both separators", "no-new-privileges:true=", found=(-1,)),
    opted("DKR-NNP", "bypass", "capital letters", "No-New-Privileges:true", found=(-1,)),
    opted("DKR-NNP", "bypass", "space before", " no-new-privileges:true", found=(-1,)),
    opted("DKR-NNP", "bypass", "space after", "no-new-privileges:true ", found=(0,)),
    opted("DKR-NNP", "bypass", "in another option", "label=no-new-privileges:true", found=(-1,)),
    opted("DKR-NNP", "bypass", "underscores", "no_new_privileges:true", found=(-1,)),
    Case("DKR-NNP", "passing", "no list", (container({"securityOpts": NNP}),)),
    Case("DKR-NNP", "bypass", "carrier", (carrier({"securityOpts": []}),), ("securityOpts",)),
    Case("DKR-NNP", "unknown", "unknown", (container({"securityOpts": UNKNOWN}),)),
    opted("DKR-NNP", "unknown", "one of them", UNKNOWN),
    opted("DKR-NNP", "unknown", "one of them, and taken back", UNKNOWN, "no-new-privileges=f", found=(1,)),
)


def _label(kind: Kind, what: str, key: str, value: object, *, found: bool = True) -> tuple[Case, ...]:
    """The same SELinux label in a container and in a service."""
    path = f"{SE_LINUX}.{key}"
    return (
        opted("DKR-LSM", kind, f"label {what} container", NNP, f"label={key}:{value}", found=(1,) if found else ()),
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
    opted("DKR-LSM", "passing", "the defaults by name", NNP, "seccomp=builtin", "apparmor=docker-default"),
    opted("DKR-LSM", "passing", "with colons", "seccomp:builtin", "apparmor:docker-default"),
    opted(
        "DKR-LSM",
        "passing",
        "a profile by its digest",
        f"seccomp={PROFILE}",
        options={"seccompProfiles": [PROFILE_DIGEST]},
    ),
    opted(
        "DKR-LSM",
        "passing",
        "an AppArmor profile",
        "apparmor=tasktracker",
        options={"appArmorProfiles": ["tasktracker"]},
    ),
    *_label("passing", "type", "type", "container_t", found=False),
    *_label("passing", "level", "level", "s0:c1,c2", found=False),
    Case("DKR-LSM", "passing", "label not disabled", (service({f"{SE_LINUX}.disable": False}),)),
    opted("DKR-LSM", "failing", "no seccomp", NNP, "seccomp=unconfined", found=(1,)),
    opted("DKR-LSM", "failing", "no AppArmor", NNP, "apparmor=unconfined", found=(1,)),
    opted("DKR-LSM", "failing", "no masked paths", NNP, "systempaths=unconfined", found=(1,)),
    opted("DKR-LSM", "failing", "no SELinux", NNP, "label=disable", found=(1,)),
    Case("DKR-LSM", "failing", "service without", (service({f"{SE_LINUX}.disable": True}),), (f"{SE_LINUX}.disable",)),
    *_label("failing", "super privileged type", "type", "spc_t"),
    opted("DKR-LSM", "bypass", "colons", "seccomp:unconfined", "apparmor:unconfined", "label:disable", found=(0, 1, 2)),
    opted("DKR-LSM", "bypass", "the old label option", "disable", found=(0,)),
    opted("DKR-LSM", "bypass", "later default", "seccomp=unconfined", "seccomp=builtin", found=(0,)),
    opted("DKR-LSM", "bypass", "capital letters", "Seccomp=Unconfined", found=(0,)),
    opted(
        "DKR-LSM", "bypass", "spaces", "seccomp= unconfined", " seccomp=unconfined", "seccomp=builtin ", found=(0, 1, 2)
    ),
    opted("DKR-LSM", "bypass", "a profile of one's own", f"seccomp={PROFILE}", found=(0,)),
    opted(
        "DKR-LSM",
        "bypass",
        "a changed profile",
        f"seccomp={PROFILE} ",
        found=(0,),
        options={"seccompProfiles": [PROFILE_DIGEST]},
    ),
    opted("DKR-LSM", "bypass", "a profile that allows all", 'seccomp={"defaultAction":"SCMP_ACT_ALLOW"}', found=(0,)),
    opted("DKR-LSM", "bypass", "a profile's path", "seccomp=/etc/docker/profile.json", found=(0,)),
    opted("DKR-LSM", "bypass", "empty profile", "seccomp=", found=(0,)),
    opted("DKR-LSM", "bypass", "another AppArmor profile", "apparmor=docker-default//&unconfined", found=(0,)),
    opted("DKR-LSM", "bypass", "writable cgroups", "writable-cgroups", "writable-cgroups=true", found=(0, 1)),
    opted("DKR-LSM", "bypass", "nested label", "label=nested", found=(0,)),
    opted("DKR-LSM", "bypass", "unheard of", "proc-opts=all", "unmask=ALL", "mask", found=(0, 1, 2)),
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
    opted("DKR-LSM", "unknown", "one of them", UNKNOWN, "seccomp=unconfined", found=(1,)),
    Case("DKR-LSM", "unknown", "all of them", (container({"securityOpts": UNKNOWN}),)),
    Case("DKR-LSM", "unknown", "service", (service({f"{SPEC}.privileges": UNKNOWN}),)),
)


@pytest.mark.parametrize("name", ["unconfined", "Unconfined", " unconfined ", ""])
@pytest.mark.parametrize("option", ["seccompProfiles", "appArmorProfiles"])
def test_no_option_allows_an_unconfined_container(option: str, name: str) -> None:
    with pytest.raises(pydantic.ValidationError):
        SecurityModuleOptions.model_validate_json(json.dumps({option: [name]}))


CASES = (*NO_NEW_PRIVILEGES, *SECURITY_MODULES)


@of_each_rule(CASES)
def test_cases(cases: Sequence[Case]) -> None:
    run_all(cases)
