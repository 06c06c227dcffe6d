"""Where the sockets of container runtimes are, and which paths lead to them."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import Final

from policies.docker.mounts.sources import PROCESS_ROOT, normal_path

#: Sockets of container runtimes, where their packages and documentation put them; `*` is any one folder.
SOCKETS: Final = (
    # A folder of its own on some systems, and a link to `/run` on most.
    "/var/run/docker.sock",
    "/run/docker.sock",
    "/run/dockershim.sock",
    "/run/cri-dockerd.sock",
    "/run/balena-engine.sock",
    "/run/user/*/docker.sock",
    "/run/guest-services/docker.sock",
    "/run/host-services/docker.proxy.sock",
    "/var/snap/docker/common/run/docker.sock",
    "/var/snap/microk8s/common/run/containerd.sock",
    *(
        f"{home}/{socket}"
        for home in ("/home/*", "/users/*", "/root")
        for socket in (
            ".docker/run/docker.sock",
            ".docker/desktop/docker.sock",
            ".colima/*/docker.sock",
            ".lima/*/sock/docker.sock",
            ".orbstack/run/docker.sock",
            ".rd/docker.sock",
        )
    ),
)

#: Folders that are a runtime's own: every socket in them controls containers, a shim's of any name too.
RUNTIME_FOLDERS: Final = (
    *(
        f"{run}/{folder}"
        for run in ("/run", "/run/user/*")
        for folder in ("docker", "containerd", "containerd-rootless", "podman", "crio", "buildkit")
    ),
    "/run/k3s/containerd",
    "/run/k0s",
)

_RUNTIME: Final = "docker|containerd|podman|crio|cri-o|buildkit|balena"

#: A runtime's socket by its own name, wherever it lies, and its named pipe on Windows.
_SOCKET_NAME: Final = re.compile(_RUNTIME)
_PIPE: Final = re.compile(f"/pipe/.*(?:{_RUNTIME})")

_HOME: Final = re.compile(r"^(?:~[^/]*|\$home|\$\{home[^}]*\})(?=/|$)")
_RUNTIME_DIRECTORY: Final = re.compile(r"^(?:\$xdg_runtime_dir|\$\{xdg_runtime_dir[^}]*\})(?=/|$)")
_LEADING_DOTS: Final = re.compile(r"(?:\.{1,2}(?:/+|$))+")


def _pattern(path: str) -> str:
    return "".join(r"/[^/]+" if folder == "*" else re.escape(f"/{folder}") for folder in path.split("/")[1:])


def _parents(path: str) -> Iterator[str]:
    """`path` and every folder above it but the root."""
    while path != "/":
        yield path
        path = posixpath.dirname(path)


_COVERS_SOCKET: Final = re.compile(
    "|".join(
        [
            "/",
            *sorted({_pattern(each) for path in (*SOCKETS, *RUNTIME_FOLDERS) for each in _parents(path)}),
            *(_pattern(folder) + "/.*" for folder in RUNTIME_FOLDERS),
        ]
    ),
    re.DOTALL,
)


def _resolved(path: str) -> str | None:
    """Where a path most likely leads that isn't written as an absolute one."""
    path = path.strip().replace("\\", "/").lower()
    path = _RUNTIME_DIRECTORY.sub("/run/user/0", _HOME.sub("/home/user", path, count=1), count=1)
    dots = _LEADING_DOTS.match(path)
    if dots:
        path = path[dots.end() :]
        if not path and ".." not in dots[0]:
            return None
    found = normal_path(f"/{path}")
    while found and (match := PROCESS_ROOT.match(found)):
        found = normal_path(found[match.end() :] or "/")
    return found


def leads_to_socket(path: str, sockets: tuple[str, ...] = ()) -> bool:
    """Whether a mount of `path` shows a container runtime's socket, one of `sockets` or another.

    >>> [leads_to_socket(path) for path in ("/run", "/var/../run/docker.sock", "/srv/x", "//./pipe/docker_engine")]
    [True, True, False, True]
    """
    found = _resolved(path)
    if found is None:
        return False
    if _COVERS_SOCKET.fullmatch(found) or _PIPE.match(found):
        return True
    name = posixpath.basename(found)
    if ".sock" in name and _SOCKET_NAME.search(name):
        return True
    return any(socket == found or socket.startswith(f"{found}/") for socket in map(_resolved, sockets) if socket)
