"""What a container sees of the host's file system."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import Annotated, Final

from pydantic import AfterValidator

from policies.containers import CONTAINER, SERVICE, Mount
from policies.resource import VOLUME, Resource
from policies.rule import Finding, Level, Options, Rule, Scope, Severity
from policies.values import UNKNOWN, entries, is_unset, items, text

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

#: What a process sees as its root or working folder, which is the host's root for the ones that matter.
_PROCESS_ROOT: Final = re.compile(r"/proc/[^/]+(?:/task/[^/]+)?/(?:root|cwd)(?=/|$)")
_HOME: Final = re.compile(r"^(?:~[^/]*|\$home|\$\{home[^}]*\})(?=/|$)")
_RUNTIME_DIRECTORY: Final = re.compile(r"^(?:\$xdg_runtime_dir|\$\{xdg_runtime_dir[^}]*\})(?=/|$)")
_LEADING_DOTS: Final = re.compile(r"(?:\.{1,2}(?:/+|$))+")

#: What moby takes as a volume's name.
_VOLUME_NAME: Final = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*", re.ASCII)

_PROPAGATIONS: Final = ("private", "rprivate")

#: Options of a mount of tmpfs that make it nothing else than memory.
_TMPFS_OPTIONS: Final = re.compile(
    r"(?:(?:size|mode|uid|gid|nr_inodes|nr_blocks)=[0-9a-zA-Z%]+|noexec|nosuid|nodev|rw|ro|noatime|relatime)", re.ASCII
)

#: The local driver's options; what else is set is some other driver's, or refused.
_OPTIONS: Final = ("type", "device", "o", "size")

#: Variables that lead a client to a container runtime, of this host or another.
RUNTIME_VARIABLES: Final = frozenset(
    {"DOCKER_HOST", "CONTAINER_HOST", "CONTAINERD_ADDRESS", "CONTAINER_RUNTIME_ENDPOINT", "BUILDKIT_HOST"}
)

#: Docker's API over the network, by its ports.
_RUNTIME_URL: Final = re.compile(r"(?:tcp|https?)://[^\s/\"']{1,255}:237[56](?![0-9])", re.IGNORECASE)

#: Where a process finds the files that it has open, among them runc's own, which are the host's (CVE-2024-21626).
_OPEN_FILES: Final = re.compile(r"/(?:proc|dev)(?=/|$)")

_NO_API: Final = "no way to the API of a container runtime"
_NO_SOCKET: Final = "nothing that is, or holds, the socket of a container runtime"
_ALLOWED_OPTIONS: Final = "no driver options, `size`, or a tmpfs without bind"


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


def normal(path: str) -> str | None:
    """The path as the kernel would come to it: no `.`, `..`, `//` or last slash; None if it isn't absolute.

    Docker cleans paths by their text alone, so `..` is taken away without a look at links.

    >>> [normal(path) for path in ("/var/run//x/", "//a/./b/../c", "srv", "~/x", "${X}/y")]
    ['/run/x', '/a/c', None, None, None]
    """
    path = path.strip().replace("\\", "/")
    if not path.startswith("/"):
        return None
    path = posixpath.normpath("/" + path.lstrip("/"))
    for link, folder in (("/private/var", "/var"), ("/var/run", "/run")):
        if path == link or path.startswith(f"{link}/"):
            path = folder + path[len(link) :]
    return path


def _resolved(path: str) -> str | None:
    """Where a path most likely leads that isn't written as an absolute one."""
    path = path.strip().replace("\\", "/").lower()
    path = _RUNTIME_DIRECTORY.sub("/run/user/0", _HOME.sub("/home/user", path, count=1), count=1)
    dots = _LEADING_DOTS.match(path)
    if dots:
        path = path[dots.end() :]
        if not path and ".." not in dots[0]:
            return None
    found = normal(f"/{path}")
    while found and (match := _PROCESS_ROOT.match(found)):
        found = normal(found[match.end() :] or "/")
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


def _absolute(path: str) -> str:
    if normal(path) in (None, "/"):
        raise ValueError("an absolute path is needed, and not the root itself")
    return path


AbsolutePath = Annotated[str, AfterValidator(_absolute)]


class SocketOptions(Options):
    """`sockets`: further sockets that control containers, such as a second daemon's."""

    sockets: tuple[AbsolutePath, ...] = ()


class BindOptions(Options):
    """`paths`: files and folders of the host that may be mounted, read-only; what is below them, too."""

    paths: tuple[AbsolutePath, ...] = ()


class VolumeOptions(Options):
    """`drivers`: volume drivers that are allowed beside `local`."""

    drivers: tuple[str, ...] = ()


def _is_path(value: object) -> bool:
    return isinstance(value, str) and ("/" in value or "\\" in value or value.strip()[:1] in ("~", "$", "."))


def _source_path(mount: Mount, resource: Resource) -> str:
    """Where the source of a mount is written."""
    if not mount.path.startswith("volumes["):
        return f"{mount.path}.source"
    index = int(mount.path[len("volumes[") : -1])
    volume = entries(items(resource.properties.get("volumes"))[index][1])
    return f"{mount.path}.{'volumeName' if is_unset(volume.get('hostPath')) else 'hostPath'}"


def _paths_in(option: str) -> Iterator[str]:
    """The paths of this host in the value of a driver's option, such as `lowerdir=/a:/b,upperdir=/c`."""
    for part in option.split(","):
        paths = part.rpartition("=")[2].split(":")
        # `server:/path` is a path of another host.
        if paths[0].strip().startswith("/"):
            yield from paths


def _socket_in_options(path: str, options: object, scope: Scope[SocketOptions]) -> Iterator[Finding]:
    for name, value in entries(options).items():
        for each in _paths_in(value) if isinstance(value, str) else ():
            if each.strip().startswith("/") and leads_to_socket(each, scope.options.sockets):
                yield Finding(f"{path}.{name}" if name in _OPTIONS else path, each, _NO_SOCKET)


def _socket(resource: Resource, scope: Scope[SocketOptions]) -> Iterator[Finding]:
    if resource.type == VOLUME:
        yield from _socket_in_options("driverOpts", resource.get("driverOpts"), scope)
        return
    for mount in resource.container.mounts:
        source = mount.source
        is_path = isinstance(source, str) and source and (mount.type == "bind" or _is_path(source))
        if is_path and leads_to_socket(source, scope.options.sockets):
            yield Finding(_source_path(mount, resource), source, _NO_SOCKET)
        yield from _socket_in_options(f"{mount.path}.volumeOptions.driverOptions", mount.driver_options, scope)
    yield from _api(resource)


def _api(resource: Resource) -> Iterator[Finding]:
    """Findings where a container is led to a runtime's API over the network, which is the socket by another way."""
    container = resource.container
    for entry in container.env:
        value = text(entry.value)
        if value and (entry.name in RUNTIME_VARIABLES or _RUNTIME_URL.search(value)):
            yield Finding(entry.path, text(entry.name), _NO_API)
    for word in container.words:
        if isinstance(word.value, str) and _RUNTIME_URL.search(word.value):
            yield Finding(word.path or "", "an address of Docker's API", _NO_API)


def _is_allowed(source: str, paths: tuple[str, ...]) -> bool:
    found = normal(source)
    # What Docker would take as another path than the one that was cleaned here, or follow to another root.
    if found is None or source[:1] != "/" or source != source.strip() or "\\" in source or _PROCESS_ROOT.match(found):
        return False
    return any(found == path or found.startswith(f"{path}/") for path in map(normal, paths) if path)


def _bind(resource: Resource, scope: Scope[BindOptions]) -> Iterator[Finding]:
    container = resource.container
    for mount in container.mounts:
        source, path = mount.source, _source_path(mount, resource)
        if mount.type in ("volume", "tmpfs"):
            name = text(source)
            if not is_unset(source) and source is not UNKNOWN and not (name and _VOLUME_NAME.fullmatch(name)):
                yield Finding(path, source, "a volume's name")
        elif mount.type == "bind" or (mount.type is UNKNOWN and _is_path(source)):
            if source is not UNKNOWN and not (isinstance(source, str) and _is_allowed(source, scope.options.paths)):
                yield Finding(path, source, "an absolute path that the option `paths` allows")
                continue
            if mount.read_only is not UNKNOWN and not mount.read_only:
                yield Finding(f"{mount.path}.readOnly", mount.read_only, "true")
            propagation = mount.propagation
            if not is_unset(propagation) and propagation is not UNKNOWN and propagation not in _PROPAGATIONS:
                yield Finding(f"{mount.path}.bindOptions.propagation", propagation, "unset, private or rprivate")
        elif mount.type is not UNKNOWN:
            yield Finding(f"{mount.path}.type", mount.type, "volume or tmpfs, or bind of an allowed path")
    folder = container.field("workingDir")
    if isinstance(folder.value, str) and _OPEN_FILES.match(normal(folder.value) or "/"):
        yield Finding(folder.path or "", folder.value, "a folder of the image or of a mount")
    if not container.is_service:
        for index, item in items(resource.properties.get("volumes")):
            other = entries(item).get("fromContainer")
            if not is_unset(other) and other is not UNKNOWN:
                yield Finding(f"volumes[{index}].fromContainer", other, "unset")


def _shown_option(name: str, value: object) -> object:
    """An option's value without what may be a password: only the names in `o`, no user in `device`."""
    if not isinstance(value, str):
        return value
    if name == "o":
        return ",".join(part.partition("=")[0] for part in value.split(","))
    return re.sub(r"//[^/]*@", "//", value)


def _driver(path: str, driver: object, scope: Scope[VolumeOptions]) -> Iterator[Finding]:
    if driver is not UNKNOWN and not is_unset(driver) and driver not in ("local", *scope.options.drivers):
        yield Finding(path, driver, "local, or a driver that the option `drivers` allows")


def _driver_options(path: str, options: object) -> Iterator[Finding]:
    if is_unset(options) or options is UNKNOWN:
        return
    if not isinstance(options, dict):
        yield Finding(path, None, _ALLOWED_OPTIONS)
        return
    # The option `bind` makes any type a bind mount of the device, so the type alone says nothing.
    is_tmpfs = options.get("type") in ("tmpfs", UNKNOWN) and options.get("device") in ("tmpfs", "none", UNKNOWN)
    for name, value in options.items():
        if is_unset(value) or value is UNKNOWN or (is_tmpfs and name in ("type", "device")):
            continue
        if name not in _OPTIONS:
            # The name, not the value: a driver's own option can be a password.
            yield Finding(path, name, _ALLOWED_OPTIONS)
        elif not (name == "size" and not _is_path(value)) and not (name == "o" and is_tmpfs and _is_for_tmpfs(value)):
            yield Finding(f"{path}.{name}", _shown_option(name, value), _ALLOWED_OPTIONS)


def _is_for_tmpfs(value: object) -> bool:
    return isinstance(value, str) and all(_TMPFS_OPTIONS.fullmatch(each) for each in value.split(","))


def _volume(resource: Resource, scope: Scope[VolumeOptions]) -> Iterator[Finding]:
    if resource.type == VOLUME:
        yield from _driver("driver", resource.get("driver"), scope)
        yield from _driver_options("driverOpts", resource.get("driverOpts"))
        cluster = resource.get("cluster")
        if not is_unset(cluster) and cluster is not UNKNOWN:
            yield Finding("cluster", "set", "unset")
        return
    for mount in resource.container.mounts:
        path = f"{mount.path}.volumeOptions"
        yield from _driver(f"{path}.driverName", mount.driver, scope)
        yield from _driver_options(f"{path}.driverOptions", mount.driver_options)


_MOUNTS: Final = {CONTAINER: ("mounts", "volumes"), SERVICE: ("taskSpec.containerSpec.mounts",)}

RULES = (
    Rule(
        id="DKR-SOCK",
        title="No container runtime's socket in a container",
        level=Level.MANDATORY,
        severity=Severity.CRITICAL,
        sources=("CIS Docker 1.6, 5.32", "OWASP Docker #1"),
        reads={
            CONTAINER: (*_MOUNTS[CONTAINER], "envs", "command", "entrypoints", "healthcheck.tests"),
            SERVICE: (
                *_MOUNTS[SERVICE],
                *(f"taskSpec.containerSpec.{name}" for name in ("env", "args", "commands", "healthcheck.tests")),
            ),
            VOLUME: ("driverOpts",),
        },
        why="Who can talk to the runtime's socket can start a container that is root on the host; that a mount is "
        "read-only changes nothing, because a socket is written to all the same.",
        fix="Remove the mount or the address. Mount the one folder that is needed, if DKR-BIND allows it, and not one "
        "above a socket.",
        check=_socket,
        options=SocketOptions,
        waivable=False,
    ),
    Rule(
        id="DKR-BIND",
        title="Bind mounts only of allowed paths, read-only and private",
        level=Level.MANDATORY,
        severity=Severity.HIGH,
        sources=("CIS Docker 1.6, 5.6", "CIS Docker 1.6, 5.20", "Kubernetes PSS baseline"),
        reads={
            CONTAINER: (*_MOUNTS[CONTAINER], "workingDir"),
            SERVICE: (*_MOUNTS[SERVICE], "taskSpec.containerSpec.dir"),
        },
        why="A container that sees the host's files can read what is secret there or change what the host runs, and "
        "one that takes another's volumes sees data that is not its own.",
        fix="Use a named volume, or upload the files into one. A path that has to be the host's goes into the rule's "
        "option `paths`, and is mounted with `readOnly` true and no propagation.",
        check=_bind,
        options=BindOptions,
    ),
    Rule(
        id="VOL-BIND",
        title="No host folder, device or network share hidden in a volume",
        level=Level.MANDATORY,
        severity=Severity.HIGH,
        sources=("OWASP Docker #1", "Kubernetes PSS baseline"),
        reads={**_MOUNTS, VOLUME: ("driver", "driverOpts", "cluster")},
        why="The local driver mounts whatever its options name, so a volume can be a bind mount, a disk of the host or "
        "another machine's folder without looking like one.",
        fix="Remove the driver options, so that the volume lies in Docker's own folder. A driver that is needed goes "
        "into the rule's option `drivers`.",
        check=_volume,
        options=VolumeOptions,
    ),
)
