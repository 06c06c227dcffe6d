"""The files that a resource brings to a host: a container's `uploads`, and a Swarm config's or secret's data.

Every rule that reads files reads them by `contents`, so that none knows fewer ways to write a file than another.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from policies.containers import CONTAINER
from policies.resource import Resource
from policies.values import UNKNOWN, entries, is_unset, items, text
from policies.workloads.encoding import base64_text, decoded

SERVICE_CONFIG: Final = "docker:index/serviceConfig:ServiceConfig"
SECRET: Final = "docker:index/secret:Secret"  # noqa: S105 - a type's name

#: Where each type has its files, for the rules' `reads`.
READS: Final = {CONTAINER: ("uploads",), SERVICE_CONFIG: ("data", "dataRaw"), SECRET: ("data", "dataRaw")}

#: Bytes of the largest file that is read; config files have a tenth of it, and rules look at every byte.
LARGEST_FILE: Final = 1024 * 1024

#: What a file has to be for its content to be judged.
READABLE: Final = "a file in or below the program's folder, or an absolute path, that can be read, of 1 MiB at most"


@dataclass(frozen=True)
class Content:
    """One file: where its content is written, and its text; `problem` says why that can't be read.

    `written` is the property as it is in the program, encoded where the text is. `file` is where a container has the
    file.
    """

    path: str
    text: str
    written: str = ""
    problem: str | None = None
    file: str = ""


def contents(resource: Resource) -> Iterator[Content]:
    """The files that `resource` brings. An unknown `content` is left out, and judged at `up`.

    An upload's `source` is a path from the program's folder, which is the working folder of the pack and of the
    provider alike.
    """
    if resource.type == CONTAINER:
        for index, item in items(resource.properties.get("uploads")):
            path, upload = f"uploads[{index}]", entries(item)
            file = text(upload.get("file")) or ""
            yield _plain(f"{path}.content", upload.get("content"), file)
            yield _encoded(f"{path}.contentBase64", upload.get("contentBase64"), file)
            source = upload.get("source")
            if not is_unset(source):
                yield _of_file(f"{path}.source", source, file)
    elif resource.type in (SERVICE_CONFIG, SECRET):
        yield _encoded("data", resource.properties.get("data"))
        yield _plain("dataRaw", resource.properties.get("dataRaw"))


def _plain(path: str, value: object, file: str = "") -> Content:
    return Content(path, text(value) or "", text(value) or "", file=file)


def _encoded(path: str, value: object, file: str = "") -> Content:
    return Content(path, base64_text(value), text(value) or "", file=file)


def _of_file(path: str, source: object, file: str) -> Content:
    if not isinstance(source, str):
        return Content(path, "", problem="known only at `up`" if source is UNKNOWN else "not a path", file=file)
    try:
        found = Path(source).stat()
        if not stat.S_ISREG(found.st_mode):
            return Content(path, "", problem="not a file", file=file)
        if found.st_size > LARGEST_FILE:
            return Content(path, "", problem="too large", file=file)
        return Content(path, _read(str(Path(source).absolute()), found.st_mtime_ns, found.st_size), file=file)
    except (OSError, ValueError) as error:
        return Content(path, "", problem=getattr(error, "strerror", None) or "not a path", file=file)


@lru_cache(maxsize=32)
def _read(path: str, changed: int, size: int) -> str:
    """The text of a file; `changed` and `size` tell one version of it from the next."""
    with Path(path).open("rb") as file:
        return decoded(file.read(LARGEST_FILE))
