"""No way to the API of a container runtime."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from policies.docker.mounts.runtime_sockets import RUNTIME_FOLDERS, SOCKETS, leads_to_socket
from policies.docker.mounts.sources import normal_path
from policies.resource import Resource
from policies.values import UNKNOWN
from tests.generated import examples
from tests.policies.cases import Case, of_each_rule, run, run_all
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


@given(st.text())
def test_any_text_is_a_path_or_none(path: str) -> None:
    found = normal_path(path)
    assert found is None or (found.startswith("/") and normal_path(found) == found)
    leads_to_socket(path)


CASES = SOCKET_CASES


@of_each_rule(CASES)
def test_cases(cases: Sequence[Case]) -> None:
    run_all(cases)
