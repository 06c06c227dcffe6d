"""The options of the rules about isolation, and what they say is allowed."""

from __future__ import annotations

from policies.docker.isolation.devices import DeviceOptions
from policies.docker.isolation.namespaces import NamespaceOptions
from policies.docker.isolation.security_options import SecurityModuleOptions
from tests.policies.cases import Case, run
from tests.policies.compliant import container
from tests.policies.docker.isolation.test_privileges import ADDS


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
