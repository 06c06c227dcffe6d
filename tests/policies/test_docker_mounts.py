"""What a container sees of the host's file system."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from policies.docker.mounts.binds import BindOptions
from policies.docker.mounts.runtime_sockets import RUNTIME_FOLDERS, SOCKETS, leads_to_socket
from policies.docker.mounts.sockets import SocketOptions
from policies.docker.mounts.sources import normal_path
from policies.evaluate import findings, message
from policies.resource import Resource
from policies.rule import Scope
from policies.values import UNKNOWN
from tests.generated import examples
from tests.policies.cases import Case, of_each_rule, rule_of, run, run_all
from tests.policies.compliant import carrier, container, service, volume

MOUNTS = "taskSpec.containerSpec.mounts"
DOCKER = "/var/run/docker.sock"


def bind(source: Any, **more: Any) -> dict[str, Any]:
    return {"type": "bind", "source": source, "target": "/x", "readOnly": True, **more}


def with_mount(mount: Any) -> tuple[Resource]:
    return (container({"mounts": [mount]}),)


def in_service(mount: Any) -> tuple[Resource]:
    return (service({MOUNTS: [mount]}),)


def with_volume(entry: Any) -> tuple[Resource]:
    return (container({"volumes": [entry]}),)


def inline(driver_options: Any, **more: Any) -> dict[str, Any]:
    return {
        "type": "volume", "source": "data", "target": "/x", "volumeOptions": {"driverOptions": driver_options, **more},
    }  # fmt: skip


#: Ways to write a path that shows a runtime's socket.
SOCKET_PATHS = {
    "docker": DOCKER,
    "without var": "/run/docker.sock",
    "dots": "/etc/../var/./run/docker.sock",
    "double slashes": "//var//run///docker.sock",
    "last slash": "/run/docker.sock/",
    "white space": " /run/docker.sock",
    "backslashes": "\\var\\run\\docker.sock",
    "another case": "/Var/Run/Docker.sock",
    "mac": "/private/var/run/docker.sock",
    "parent": "/var/run",
    "parent with slash": "/run/",
    "grandparent": "/var",
    "root": "/",
    "root in dots": "/srv/..",
    "root in slashes": "///",
    "relative root": "../../..",
    "relative": "../../run/docker.sock",
    "relative parent": "./../run",
    "process root": "/proc/1/root/run/docker.sock",
    "process root alone": "/proc/1/root",
    "own process root": "/proc/self/root/var/run",
    "thread root": "/proc/1/task/1/root/run",
    "working folder": "/proc/1/cwd/run",
    "process roots in a row": "/proc/1/root/proc/1/root/",
    "moved": "/mnt/host/docker.sock",
    "second daemon": "/run/docker-two.sock",
    "raw of desktop": "/srv/docker.raw.sock",
    "home": "~/.docker/run/docker.sock",
    "home of another": "~ann/.docker/run",
    "home variable": "${HOME}/.docker/run",
    "home variable without braces": "$HOME/.colima/default",
    "homes": "/home",
    "a home": "/home/ann",
    "home on a mac": "/Users/ann/.docker",
    "rootless": "/run/user/1000/docker.sock",
    "rootless parent": "/run/user/1000",
    "rootless variable": "${XDG_RUNTIME_DIR}/podman",
    "containerd": "/run/containerd/containerd.sock",
    "containerd folder": "/run/containerd",
    "containerd shim": "/run/containerd/s/0123456789abcdef",
    "containerd of docker": "/var/run/docker/containerd/containerd.sock",
    "containerd of k3s": "/run/k3s/containerd/containerd.sock",
    "k3s": "/run/k3s",
    "podman": "/run/podman/podman.sock",
    "podman folder": "/run/podman",
    "podman of a user": "/run/user/1000/podman/podman.sock",
    "crio": "/var/run/crio/crio.sock",
    "cri-dockerd": "/run/cri-dockerd.sock",
    "buildkit": "/run/buildkit/buildkitd.sock",
    "plugins": "/run/docker/plugins",
    "pipe": "//./pipe/docker_engine",
    "pipe in backslashes": "\\\\.\\pipe\\docker_engine",
    "pipe of podman": "//./pipe/podman-machine-default",
}

#: Paths that show none, whatever else is wrong with them.
OTHER_PATHS = (
    "/srv/data", "/etc/localtime", "/etc/ssl/certs", "/var/lib/docker/containers", "/var/log", "/proc", "/sys",
    "/run/postgresql", "/run/user/1000/pulse/native", "/home/ann/project", "/home/ann/.docker/config.json",
    "/srv/docker-socket-proxy", "/varnish", "/running", "/run/dockerish", "./data", ".", "data", "~/data", "$DATA/x",
)  # fmt: skip

SOCKET_CASES = (
    Case("DKR-SOCK", "passing", "compliant", (container(), carrier(), service(), volume())),
    *(Case("DKR-SOCK", "passing", f"bind of {path}", with_mount(bind(path))) for path in OTHER_PATHS),
    Case("DKR-SOCK", "passing", "volume whose name is a folder's", with_mount({"type": "volume", "source": "run"})),
    Case("DKR-SOCK", "passing", "share of another host", (volume({"driverOpts": {"type": "nfs", "device": ":/"}}),)),
    Case(
        "DKR-SOCK", "passing", "root of another host",
        (volume({"driverOpts": {"type": "nfs", "device": "files.example.com:/run", "o": "addr=10.0.0.1,rw"}}),),
    ),
    Case("DKR-SOCK", "failing", "container", with_mount(bind(DOCKER)), ("mounts[0].source",)),
    Case("DKR-SOCK", "failing", "service", in_service(bind(DOCKER)), (f"{MOUNTS}[0].source",)),
    *(
        Case("DKR-SOCK", "bypass", f"mount {name}", with_mount(bind(path)), ("mounts[0].source",))
        for name, path in SOCKET_PATHS.items()
    ),
    *(
        Case(
            "DKR-SOCK", "bypass", f"volumes {name}",
            with_volume({"hostPath": path, "containerPath": "/x", "readOnly": True}), ("volumes[0].hostPath",),
        )
        for name, path in SOCKET_PATHS.items()
    ),
    Case(
        "DKR-SOCK", "bypass", "volume's name is a path",
        with_volume({"volumeName": DOCKER, "containerPath": "/x"}), ("volumes[0].volumeName",),
    ),
    Case(
        "DKR-SOCK", "bypass", "host path wins over a harmless name",
        with_volume({"volumeName": "data", "hostPath": "/run", "containerPath": "/x"}), ("volumes[0].hostPath",),
    ),
    Case(
        "DKR-SOCK", "bypass", "volume with a path", with_mount({"type": "volume", "source": DOCKER}),
        ("mounts[0].source",),
    ),
    Case("DKR-SOCK", "bypass", "no type", with_mount({"source": DOCKER, "target": "/x"}), ("mounts[0].source",)),
    Case("DKR-SOCK", "bypass", "type in capitals", with_mount({**bind("run"), "type": "BIND"}), ("mounts[0].source",)),
    Case(
        "DKR-SOCK", "bypass", "npipe", with_mount({"type": "npipe", "source": "//./pipe/docker_engine"}),
        ("mounts[0].source",),
    ),
    Case("DKR-SOCK", "bypass", "carrier", (carrier({"mounts": [bind(DOCKER)]}),), ("mounts[0].source",)),
    Case(
        "DKR-SOCK", "bypass", "driver options of a volume",
        (volume({"driverOpts": {"type": "none", "o": "bind", "device": "/var/run"}}),), ("driverOpts.device",),
    ),
    Case(
        "DKR-SOCK", "bypass", "overlay",
        (volume({"driverOpts": {"type": "overlay", "o": "lowerdir=/srv/a:/run,upperdir=/u", "device": "overlay"}}),),
        ("driverOpts.o",),
    ),
    Case(
        "DKR-SOCK", "bypass", "another driver's option",
        (volume({"driver": "local-persist", "driverOpts": {"mountpoint": "/run"}}),), ("driverOpts",),
    ),
    Case(
        "DKR-SOCK", "bypass", "inline driver options",
        with_mount(inline({"type": "none", "o": "bind", "device": DOCKER})),
        ("mounts[0].volumeOptions.driverOptions.device",),
    ),
    Case(
        "DKR-SOCK", "bypass", "inline driver options in a list of one",
        in_service({"type": "volume", "volumeOptions": [{"driverOptions": {"device": "/run"}}]}),
        (f"{MOUNTS}[0].volumeOptions.driverOptions.device",),
    ),
    Case(
        "DKR-SOCK", "bypass", "second daemon in the options", with_mount(bind("/srv/daemon/api")),
        ("mounts[0].source",), options={"sockets": ["/srv/daemon/api"]},
    ),
    Case(
        "DKR-SOCK", "bypass", "parent of a second daemon's", with_mount(bind("/srv/x/../daemon")),
        ("mounts[0].source",), options={"sockets": ["/srv/daemon//api/"]},
    ),
    Case(
        "DKR-SOCK", "passing", "beside a second daemon's", with_mount(bind("/srv/daemonic")),
        options={"sockets": ["/srv/daemon/api"]},
    ),
    Case("DKR-SOCK", "unknown", "source", with_mount(bind(UNKNOWN))),
    Case("DKR-SOCK", "unknown", "mounts", (container({"mounts": UNKNOWN, "volumes": UNKNOWN}),)),
    Case(
        "DKR-SOCK", "unknown", "one mount of two", (container({"mounts": [UNKNOWN, bind(DOCKER)]}),),
        ("mounts[1].source",),
    ),
    Case(
        "DKR-SOCK", "unknown", "type", with_mount({**bind(DOCKER), "type": UNKNOWN}), ("mounts[0].source",),
    ),
    Case("DKR-SOCK", "unknown", "driver option", (volume({"driverOpts": {"device": UNKNOWN}}),)),
)  # fmt: skip

ALLOWED = {"paths": ["/etc/localtime", "/srv/shared/"]}

BIND_CASES = (
    *(
        Case("DKR-SOCK", "bypass", f"the API by {pair}", (container({"envs": ["A=b", pair]}),), ("envs[1]",))
        for pair in ("DOCKER_HOST=tcp://172.17.0.1:2375", "DOCKER_HOST=ssh://root@host", "CONTAINER_HOST=unix:///x",
                     "TRAEFIK_PROVIDERS_DOCKER_ENDPOINT=tcp://proxy:2375", "X=HTTPS://[::1]:2376/v1.41")
    ),
    Case("DKR-SOCK", "bypass", "the API by a command",
         (container({"command": ["docker", "-H", "tcp://host.docker.internal:2375"],
                     "entrypoints": ["--providers.docker.endpoint=tcp://x:2375"],
                     "healthcheck.tests": ["CMD-SHELL", "curl -f http://172.17.0.1:2375/containers/json"]}),),
         ("command[2]", "entrypoints[0]", "healthcheck.tests[1]")),
    Case("DKR-SOCK", "bypass", "the API by a service",
         (service({"taskSpec.containerSpec.env": {"DOCKER_HOST": "x"}, "taskSpec.containerSpec.args": ["tcp://x:2375"]}),),
         ("taskSpec.containerSpec.env.DOCKER_HOST", "taskSpec.containerSpec.args[0]")),
    Case("DKR-SOCK", "passing", "no API",
         (container({"envs": ["DOCKER_HOST=", "URL=http://api:23750/", "NOTE=port 2375", "HOST=x"]}),)),
    Case("DKR-SOCK", "unknown", "an address", (container({"envs": [UNKNOWN], "command": [UNKNOWN]}),)),
    *(
        Case("DKR-BIND", "bypass", f"a working folder, {folder}",
             (container({"workingDir": folder}), service({"taskSpec.containerSpec.dir": folder})),
             ("workingDir", "taskSpec.containerSpec.dir"))
        for folder in ("/proc/self/fd/8", "/proc/1/root", "//proc/self/fd/7/", "/x/../proc/self/cwd", "/dev/fd/9")
    ),
    Case("DKR-BIND", "passing", "working folders",
         tuple(container({"workingDir": folder}) for folder in ("/", "/app", "/process", "/srv/proc", "", None))),
    Case("DKR-BIND", "unknown", "a working folder", (container({"workingDir": UNKNOWN}),)),
    Case("DKR-BIND", "passing", "compliant", (container(), carrier(), service())),
    Case("DKR-BIND", "passing", "allowed file", with_mount(bind("/etc/localtime")), options=ALLOWED),
    Case("DKR-BIND", "passing", "below an allowed folder", with_mount(bind("/srv/shared/a/b")), options=ALLOWED),
    Case("DKR-BIND", "passing", "dots that stay", with_mount(bind("/srv//shared/a/../b/")), options=ALLOWED),
    Case("DKR-BIND", "passing", "allowed in a service", in_service(bind("/srv/shared")), options=ALLOWED),
    Case(
        "DKR-BIND", "passing", "allowed in volumes",
        with_volume({"hostPath": "/srv/shared", "containerPath": "/x", "readOnly": True}), options=ALLOWED,
    ),
    *(
        Case(
            "DKR-BIND", "passing", f"propagation {propagation}",
            with_mount(bind("/srv/shared", bindOptions={"propagation": propagation})), options=ALLOWED,
        )
        for propagation in ("private", "rprivate", "", None)
    ),
    Case("DKR-BIND", "passing", "anonymous volume", with_mount({"type": "volume", "target": "/x"})),
    Case("DKR-BIND", "passing", "tmpfs", in_service({"type": "tmpfs", "target": "/x"})),
    Case("DKR-BIND", "passing", "named volume", with_volume({"volumeName": "data", "containerPath": "/x"})),
    Case("DKR-BIND", "passing", "anonymous in volumes", with_volume({"containerPath": "/x"})),
    Case("DKR-BIND", "failing", "path", with_mount(bind("/srv/data")), ("mounts[0].source",)),
    Case("DKR-BIND", "failing", "path in a service", in_service(bind("/srv/data")), (f"{MOUNTS}[0].source",)),
    Case(
        "DKR-BIND", "failing", "path in volumes", with_volume({"hostPath": "/srv", "containerPath": "/x"}),
        ("volumes[0].hostPath",),
    ),
    *(
        Case(
            "DKR-BIND", "failing", f"read only is {value}",
            with_mount(bind("/srv/shared", readOnly=value)), ("mounts[0].readOnly",), options=ALLOWED,
        )
        for value in (False, "false", None, "no", 0)
    ),
    Case(
        "DKR-BIND", "failing", "writable in volumes", with_volume({"hostPath": "/srv/shared", "containerPath": "/x"}),
        ("volumes[0].readOnly",), options=ALLOWED,
    ),
    *(
        Case(
            "DKR-BIND", "failing", f"propagation {propagation}",
            with_mount(bind("/srv/shared", bindOptions={"propagation": propagation})),
            ("mounts[0].bindOptions.propagation",), options=ALLOWED,
        )
        for propagation in ("shared", "rshared", "slave", "rslave", "Private", " private", 1)
    ),
    Case(
        "DKR-BIND", "bypass", "propagation in a list of one",
        in_service(bind("/srv/shared", bindOptions=[{"propagation": "rshared"}])),
        (f"{MOUNTS}[0].bindOptions.propagation",), options=ALLOWED,
    ),
    *(
        Case("DKR-BIND", "bypass", f"source {path!r}", with_mount(bind(path)), ("mounts[0].source",), options=ALLOWED)
        for path in (
            "/srv/shared/../data", "/srv/sharedness", "/srv", "/etc", "/", "srv/shared", "./srv/shared", "~/x", "$X/y",
            "${X}", "/SRV/shared", " /srv/shared", "/srv/shared ", "\\srv\\shared", "/srv/shared/x\\..\\y",
            "/proc/1/root/srv/shared", "C:/srv/shared", "", None, [], {}, 5, True,
        )
    ),
    Case(
        "DKR-BIND", "bypass", "volume's name is a path",
        with_volume({"volumeName": "/srv/data", "containerPath": "/x"}), ("volumes[0].volumeName",),
    ),
    Case(
        "DKR-BIND", "bypass", "host path wins",
        with_volume({"volumeName": "data", "hostPath": "/srv", "containerPath": "/x"}), ("volumes[0].hostPath",),
    ),
    *(
        Case(
            "DKR-BIND", "bypass", f"volume named {name!r}",
            with_mount({"type": "volume", "source": name, "target": "/x"}), ("mounts[0].source",),
        )
        for name in ("/etc", "../etc", "~", "$HOME", ".", "C:\\", "a b", "data\n", "d\u00e4ta", ["/etc"], {"a": 1})
    ),
    *(
        Case("DKR-BIND", "bypass", f"type {type_!r}", with_mount({**bind("/srv/shared"), "type": type_}),
             ("mounts[0].type",), options=ALLOWED)
        for type_ in ("npipe", "cluster", "image", "bind ", "", None, 1, ["bind"])
    ),
    Case("DKR-BIND", "bypass", "type in capitals", with_mount({**bind("/srv"), "type": "BIND"}), ("mounts[0].source",)),
    Case(
        "DKR-BIND", "bypass", "other container's volumes", with_volume({"fromContainer": "postgres:ro"}),
        ("volumes[0].fromContainer",),
    ),
    Case("DKR-BIND", "bypass", "carrier", (carrier({"mounts": [bind("/etc")]}),), ("mounts[0].source",)),
    Case("DKR-BIND", "unknown", "source", with_mount(bind(UNKNOWN))),
    Case("DKR-BIND", "unknown", "source that is writable", with_mount(bind(UNKNOWN, readOnly=False)),
         ("mounts[0].readOnly",)),
    Case("DKR-BIND", "unknown", "read only", with_mount(bind("/srv/shared", readOnly=UNKNOWN)), options=ALLOWED),
    Case(
        "DKR-BIND", "unknown", "options", with_mount(bind("/srv/shared", bindOptions=UNKNOWN)), options=ALLOWED,
    ),
    Case("DKR-BIND", "unknown", "type", with_mount({**bind("/srv"), "type": UNKNOWN}), ("mounts[0].source",)),
    Case("DKR-BIND", "unknown", "type of a named volume", with_mount({"type": UNKNOWN, "source": "data"})),
    Case("DKR-BIND", "unknown", "mounts", (container({"mounts": UNKNOWN, "volumes": UNKNOWN}),)),
    Case(
        "DKR-BIND", "unknown", "one entry of two",
        (container({"volumes": [UNKNOWN, {"fromContainer": UNKNOWN}, {"fromContainer": "nats"}]}),),
        ("volumes[2].fromContainer",),
    ),
)  # fmt: skip

TMPFS = {"type": "tmpfs", "device": "tmpfs", "o": "size=64m,uid=1000,mode=0700,noexec,nosuid,nodev"}

#: Driver options that are found, and which of them.
HIDDEN: tuple[tuple[str, dict[str, Any], tuple[str, ...]], ...] = (
    ("bind", {"type": "none", "o": "bind", "device": "/srv"}, ("type", "o", "device")),
    ("recursive bind", {"type": "none", "o": "rw,rbind", "device": "/srv"}, ("type", "o", "device")),
    ("bind as a type", {"type": "bind", "device": "/srv"}, ("type", "device")),
    ("bind as tmpfs", {**TMPFS, "o": "bind"}, ("o",)),
    ("bind as tmpfs with a path", {**TMPFS, "device": "/srv", "o": "bind"}, ("type", "o", "device")),
    ("bind among others", {**TMPFS, "o": "size=1m,bind,ro"}, ("o",)),
    ("bind in capitals", {**TMPFS, "o": "BIND"}, ("o",)),
    ("bind with white space", {**TMPFS, "o": "size=1m, bind"}, ("o",)),
    ("remount", {**TMPFS, "o": "remount,bind"}, ("o",)),
    ("shared", {**TMPFS, "o": "shared"}, ("o",)),
    ("tmpfs in capitals", {**TMPFS, "type": "TMPFS"}, ("type", "device", "o")),
    ("tmpfs of a device", {"type": "tmpfs", "device": "/dev/sda1"}, ("type", "device")),
    ("nfs", {"type": "nfs", "o": "addr=10.0.0.1,rw", "device": ":/srv"}, ("type", "o", "device")),
    ("nfs4", {"type": "nfs4", "device": "10.0.0.1:/"}, ("type", "device")),
    ("cifs", {"type": "cifs", "device": "//10.0.0.1/x"}, ("type", "device")),
    ("overlay", {"type": "overlay", "o": "lowerdir=/", "device": "overlay"}, ("type", "o", "device")),
    ("9p", {"type": "9p", "device": "host"}, ("type", "device")),
    ("disk", {"type": "ext4", "device": "/dev/sda1"}, ("type", "device")),
    ("device alone", {"device": "/srv"}, ("device",)),
    ("path as size", {"size": "/srv"}, ("size",)),
    ("options that are no text", {"o": ["bind"], "type": 1, "device": True}, ("o", "type", "device")),
)

VOLUME_CASES = (
    Case("VOL-BIND", "passing", "compliant", (volume(), container(), carrier(), service())),
    Case("VOL-BIND", "passing", "no driver", (volume({"driver": None}),)),
    Case("VOL-BIND", "passing", "empty options", (volume({"driverOpts": {}}),)),
    Case("VOL-BIND", "passing", "empty values", (volume({"driverOpts": {"o": "", "device": None}}),)),
    Case("VOL-BIND", "passing", "tmpfs", (volume({"driverOpts": TMPFS}),)),
    Case("VOL-BIND", "passing", "quota", (volume({"driverOpts": {"size": "10G"}}),)),
    Case("VOL-BIND", "passing", "inline tmpfs", with_mount(inline(TMPFS, driverName="local"))),
    Case("VOL-BIND", "passing", "allowed driver", (volume({"driver": "rexray/ebs"}),),
         options={"drivers": ["rexray/ebs"]}),
    *(
        Case("VOL-BIND", "bypass", what, (volume({"driverOpts": wrong}),), tuple(f"driverOpts.{key}" for key in found))
        for what, wrong, found in HIDDEN
    ),
    *(
        Case("VOL-BIND", "bypass", f"inline {what}", with_mount(inline(wrong)),
             tuple(f"mounts[0].volumeOptions.driverOptions.{key}" for key in found))
        for what, wrong, found in HIDDEN
    ),
    *(
        Case("VOL-BIND", "bypass", f"inline in a service {what}", in_service(inline(wrong)),
             tuple(f"{MOUNTS}[0].volumeOptions.driverOptions.{key}" for key in found))
        for what, wrong, found in HIDDEN
    ),
    Case("VOL-BIND", "failing", "another driver", (volume({"driver": "vieux/sshfs"}),), ("driver",)),
    Case("VOL-BIND", "failing", "another driver inline", with_mount(inline({}, driverName="sshfs")),
         ("mounts[0].volumeOptions.driverName",)),
    Case("VOL-BIND", "bypass", "driver with white space", (volume({"driver": "local "}),), ("driver",)),
    Case("VOL-BIND", "bypass", "driver in capitals", (volume({"driver": "Local"}),), ("driver",)),
    Case("VOL-BIND", "bypass", "driver that is no text", (volume({"driver": ["local"]}),), ("driver",)),
    Case("VOL-BIND", "bypass", "option in capitals", (volume({"driverOpts": {"Device": "/srv"}}),), ("driverOpts",)),
    Case("VOL-BIND", "bypass", "allowed driver with a path",
         (volume({"driver": "persist", "driverOpts": {"mountpoint": "/srv"}}),), ("driverOpts",),
         options={"drivers": ["persist"]}),
    Case("VOL-BIND", "bypass", "options in a list", (volume({"driverOpts": [{"device": "/srv"}]}),), ("driverOpts",)),
    Case("VOL-BIND", "bypass", "cluster volume", (volume({"cluster": {"type": "block"}}),), ("cluster",)),
    Case("VOL-BIND", "bypass", "cluster volume in a list", (volume({"cluster": [{}]}),), ("cluster",)),
    Case("VOL-BIND", "bypass", "several at once",
         (volume({"driver": "x", "driverOpts": {"type": "nfs"}, "cluster": [1]}),),
         ("driver", "driverOpts.type", "cluster")),
    Case("VOL-BIND", "unknown", "everything",
         (volume({"driver": UNKNOWN, "driverOpts": UNKNOWN, "cluster": UNKNOWN}),)),
    Case("VOL-BIND", "unknown", "one option", (volume({"driverOpts": {"type": "nfs", "o": UNKNOWN}}),),
         ("driverOpts.type",)),
    Case("VOL-BIND", "unknown", "type", (volume({"driverOpts": {"type": UNKNOWN, "device": "tmpfs"}}),)),
    Case("VOL-BIND", "unknown", "type of a device", (volume({"driverOpts": {"type": UNKNOWN, "device": "/srv"}}),),
         ("driverOpts.device",)),
    Case("VOL-BIND", "unknown", "inline", with_mount(inline(UNKNOWN, driverName=UNKNOWN))),
    Case("VOL-BIND", "unknown", "mounts", (container({"mounts": [UNKNOWN]}),)),
)  # fmt: skip

CASES = (*SOCKET_CASES, *BIND_CASES, *VOLUME_CASES)


@of_each_rule(CASES)
def test_cases(cases: Sequence[Case]) -> None:
    run_all(cases)


@pytest.mark.parametrize("path", ["", ".", "/", "//", "/srv/..", "srv", "~/x", "${X}/y"])
def test_an_allow_list_has_absolute_paths_below_the_root(path: str) -> None:
    for options, key in ((BindOptions, "paths"), (SocketOptions, "sockets")):
        with pytest.raises(ValidationError):
            options.model_validate_json(json.dumps({key: [path]}))


def test_passwords_in_driver_options_are_not_shown() -> None:
    options = {"type": "cifs", "device": "//jo:hunter2@files/x", "o": "username=jo,password=hunter2", "key": "hunter2"}
    resource, rule = volume({"driverOpts": options}), rule_of("VOL-BIND")
    messages = [message(rule, each, resource) for each in findings(rule, (resource,), Scope(rule.options()))]
    assert len(messages) == 4
    assert not any("hunter2" in each for each in messages)
    assert any('"username,password"' in each for each in messages)


def test_a_message_says_what_is_wrong_and_what_to_do() -> None:
    resource, rule = with_mount(bind(DOCKER))[0], rule_of("DKR-SOCK")
    (found,) = findings(rule, (resource,), Scope(rule.options()))
    text = message(rule, found, resource)
    assert text.startswith('mounts[0].source is "/var/run/docker.sock". Allowed: nothing that is, or holds,')
    assert text.endswith(rule.fix)


def known_paths() -> st.SearchStrategy[str]:
    """A runtime's socket or folder, or a folder above it."""
    whole = st.sampled_from((*SOCKETS, *RUNTIME_FOLDERS)).map(lambda path: path.replace("*", "1000"))
    return st.tuples(whole, st.integers(0, 6)).map(lambda each: "/".join(each[0].split("/")[: each[1] + 2]) or "/")


@st.composite
def written(draw: st.DrawFn, paths: st.SearchStrategy[str]) -> str:
    """A path in one of the many ways in which it can be written."""
    path = draw(paths)
    steps = [step for step in path.split("/") if step]
    found = ""
    for step in steps:
        detour = draw(st.sampled_from(("", "/.", "/", "/x/..", "/a/b/../..", "//")))
        found += f"{detour}/{step}"
    if found.startswith("/run") and draw(st.booleans()):
        found = f"/var{found}"
    root = draw(st.sampled_from(("", "", "/proc/1/root", "/proc/self/cwd", "/..", "/proc/1/task/2/root")))
    return (root + found or "/") + draw(st.sampled_from(("", "/", "/.", "//", " ")))


@given(written(known_paths()))
@settings(max_examples=examples(500), deadline=None)
def test_a_socket_is_found_however_its_path_is_written(path: str) -> None:
    assert leads_to_socket(path)
    run(Case("DKR-SOCK", "bypass", path, with_mount(bind(path)), ("mounts[0].source",)))


@given(written(st.sampled_from(("/srv/shared", "/srv/shared/a", "/etc/localtime", "/srv/data", "/srv", "/etc/x/y"))))
@settings(max_examples=examples(500), deadline=None)
def test_a_bind_is_allowed_by_where_it_leads(path: str) -> None:
    inside = posixpath.normpath("/" + path.lstrip("/"))
    allowed = inside == "/etc/localtime" or f"{inside}/".startswith("/srv/shared/")
    found = () if allowed and path == path.strip() else ("mounts[0].source",)
    kind: Any = "bypass" if found else "passing"
    run(Case("DKR-BIND", kind, path, with_mount(bind(path)), found, options=ALLOWED))


@given(st.text())
def test_any_text_is_a_path_or_none(path: str) -> None:
    found = normal_path(path)
    assert found is None or (found.startswith("/") and normal_path(found) == found)
    leads_to_socket(path)
