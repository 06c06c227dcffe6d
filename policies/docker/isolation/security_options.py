"""The security options: no new privileges, and the kernel's security modules."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import Annotated, Any, Final

from pydantic import AfterValidator

from policies.containers import CONTAINER, SERVICE
from policies.docker.isolation.lists import has_unknown_item, known_items
from policies.resource import REGISTRY_IMAGE, REMOTE_IMAGE, WORKLOADS, Resource
from policies.rule import Finding, Level, Options, Rule, Scope, Severity
from policies.values import UNKNOWN, flag, is_unset, join, text

#: A SELinux level with the categories that keep containers apart; a range such as `s0-s0:c0.c1023`
#: would have them all.
LEVEL_PATTERN: Final = re.compile(r"s0(?::c[0-9]{1,4}(?:,c[0-9]{1,4})?)?")

_SE_LINUX = "taskSpec.containerSpec.privileges.seLinuxContext"

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


def _option(option: str) -> tuple[str, str]:
    """Name and value of a security option, split as the daemon does it: at `=` if there is one, else at `:`."""
    name, _, value = option.partition("=" if "=" in option else ":")
    return name, value


def _no_new_privileges(resource: Resource, scope: Scope[Options]) -> Iterator[Finding]:
    field = resource.container.field("securityOpts")
    allowed = "`no-new-privileges:true` in the list, and nothing that takes it back"
    on = False  # or found wrong, which is finding enough
    for item in known_items(field):
        option = text(item.value) or ""
        name, value = _option(option)
        if name != "no-new-privileges":
            continue
        # For the daemon the last one wins, but the provider's list is a set, whose order nobody chose.
        on = True
        if option != name and not flag(value):
            yield Finding(item.path or "", item.value, allowed)
    if not on and not has_unknown_item(field):
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
    for item in known_items(resource.container.field(path)):
        option = text(item.value)
        if option is None or not _is_known_option(option, scope.options):
            yield Finding(item.path or "", item.value, allowed)


RULES = (
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
)
