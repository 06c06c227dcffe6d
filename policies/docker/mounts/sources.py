"""The sources of mounts: where they are written, and the paths of the host that they lead to."""

from __future__ import annotations

import posixpath
import re
from typing import Annotated, Final

from pydantic import AfterValidator

from policies.containers import CONTAINER, SERVICE, Mount
from policies.resource import Resource
from policies.values import entries, is_unset, items

#: What a process sees as its root or working folder, which is the host's root for the ones that matter.
PROCESS_ROOT: Final = re.compile(r"/proc/[^/]+(?:/task/[^/]+)?/(?:root|cwd)(?=/|$)")

#: The local driver's options; what else is set is some other driver's, or refused.
LOCAL_DRIVER_OPTIONS: Final = ("type", "device", "o", "size")


def normal_path(path: str) -> str | None:
    """The path as the kernel would come to it: no `.`, `..`, `//` or last slash; None if it isn't absolute.

    Docker cleans paths by their text alone, so `..` is taken away without a look at links.

    >>> [normal_path(path) for path in ("/var/run//x/", "//a/./b/../c", "srv", "~/x", "${X}/y")]
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


def _absolute(path: str) -> str:
    if normal_path(path) in (None, "/"):
        raise ValueError("an absolute path is needed, and not the root itself")
    return path


AbsolutePath = Annotated[str, AfterValidator(_absolute)]


def looks_like_path(value: object) -> bool:
    """Whether a source is written as a path, not as a volume's name."""
    return isinstance(value, str) and ("/" in value or "\\" in value or value.strip()[:1] in ("~", "$", "."))


def source_path(mount: Mount, resource: Resource) -> str:
    """Where the source of a mount is written."""
    if not mount.path.startswith("volumes["):
        return f"{mount.path}.source"
    index = int(mount.path[len("volumes[") : -1])
    volume = entries(items(resource.properties.get("volumes"))[index][1])
    return f"{mount.path}.{'volumeName' if is_unset(volume.get('hostPath')) else 'hostPath'}"


#: Where a container and a service have their mounts, for the rules' `reads`.
MOUNTS: Final = {CONTAINER: ("mounts", "volumes"), SERVICE: ("taskSpec.containerSpec.mounts",)}
